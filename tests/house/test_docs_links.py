"""Every link between the documents leads somewhere: to a file that is there, and to a heading in it."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conftest import ROOT

_MARKDOWN = MarkdownIt("commonmark").enable("table")


def documents(root: Path) -> list[Path]:
    """The documents that people read; the suite's own fixtures are not among them."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def broken_links(document: Path, root: Path) -> list[str]:
    """The links of one document that lead nowhere, each with its line. Links to other sites are not followed."""
    return [
        f"{document.relative_to(root)}:{line}: {link}"
        for line, link in _links(document.read_text(encoding="utf-8"))
        if not _leads_somewhere(link, document, root)
    ]


def _leads_somewhere(link: str, document: Path, root: Path) -> bool:
    if re.match(r"[a-z][a-z0-9+.-]*:", link, re.IGNORECASE):
        return True
    name, _, anchor = unquote(link).partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.exists() or not target.is_relative_to(root):
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target.read_text(encoding="utf-8"))


def _links(text: str) -> Iterator[tuple[int, str]]:
    for block in _MARKDOWN.parse(text):
        line = block.map[0] + 1 if block.map else 0
        for token in block.children or []:
            target = token.attrGet("href") or token.attrGet("src")
            if target:
                yield line, str(target)


def anchors(text: str) -> set[str]:
    """The names that headings get: in small letters, spaces as hyphens, without marks, numbered when they repeat."""
    found: set[str] = set()
    tokens = _MARKDOWN.parse(text)
    for opening, heading in pairwise(tokens):
        if opening.type == "heading_open":
            slug = re.sub(r"[^\w\- ]", "", _plain(heading).lower()).replace(" ", "-")
            number = next(n for n in range(len(found) + 1) if (f"{slug}-{n}" if n else slug) not in found)
            found.add(f"{slug}-{number}" if number else slug)
    return found | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def _plain(heading: Token) -> str:
    return "".join(child.content for child in heading.children or [] if child.type in {"text", "code_inline"})


def test_every_link_leads_somewhere() -> None:
    assert [broken for document in documents(ROOT) for broken in broken_links(document, ROOT)] == []


def test_a_link_that_leads_nowhere_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text(
        "# The guide\n\n## What `night` does, and why\n\n## Twice\n\n## Twice\n"
    )
    page = tmp_path / "README.md"
    page.write_text(
        "# Home\n\n[good](docs/guide.md#what-night-does-and-why) [here](#home) [site](https://example.com/x)\n"
        "[second](docs/guide.md#twice-1)\n\n"
        "[gone](docs/gone.md)\n\n[no heading](docs/guide.md#nowhere)\n\n![outside](../secret.png)\n\n"
        "| a |\n| - |\n| [in a table](docs/none.md) |\n\n```\n[in code](docs/code.md)\n```\n"
    )

    assert broken_links(page, tmp_path) == [
        "README.md:6: docs/gone.md",
        "README.md:8: docs/guide.md#nowhere",
        "README.md:10: ../secret.png",
        "README.md:14: docs/none.md",
    ]


def test_every_file_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = text[text.index("## Find a behaviour") : text.index("## Words")].splitlines()
    assert [name for row in rows for name in _files(row) if not any(ROOT.glob(name))] == []


def _files(row: str) -> Iterator[str]:
    """The files and folders of a row; a bare name stands beside the one before it."""
    folder = ""
    for name in re.findall(r"`([\w/*]+(?:\.py|/))`", row):
        named = "/" in name
        folder = name.rpartition("/")[0] if named else folder
        yield (name if named else f"{folder}/{name}").rstrip("/")
