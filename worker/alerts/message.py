"""A message as every channel takes it. What goes into one is cleaned here, so that no channel can forget it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from config.logging import scrub

TITLE_MAX = 140
LINE_MAX = 300
LINES_MAX = 12  # a section: more than that nobody reads in a chat

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A place of the console. The address is made by us: what others wrote stands in it percent-encoded."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is told. `key` is the same for the same thing, and stands in the text: should a crash between sending and
    noting it make a channel tell it twice, people see that it is one. `report` is a file that a mail may carry."""

    key: str
    title: str
    sections: tuple[Section, ...]
    urgent: bool = False
    report: str | None = None
    links: tuple[Link, ...] = ()

    @property
    def reference(self) -> str:
        return f"Reference: {self.key}"


def message(
    key: str,
    title: str,
    sections: Iterable[tuple[str, Iterable[str]]],
    *,
    urgent: bool = False,
    report: str | None = None,
    links: Iterable[Link] = (),
) -> Message:
    """A clean message: each part on one line, without e-mail addresses, card numbers, secrets, control signs or signs
    that turn the reading direction."""
    kept = tuple(_section(heading, [clean(line, LINE_MAX) for line in lines]) for heading, lines in sections)
    shown = tuple(Link(clean(link.text, TITLE_MAX), link.address) for link in links)
    return Message(clean(key, LINE_MAX), clean(title, TITLE_MAX), kept, urgent, report, shown)


def clean(text: str, most: int) -> str:
    """`text` as one line that is safe to show."""
    one_line = _SPACE.sub(" ", text)
    shown = "".join(sign for sign in one_line if unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    scrubbed = scrub(shown).strip()
    return scrubbed if len(scrubbed) <= most else scrubbed[: most - 1] + "…"


def _section(heading: str, lines: list[str]) -> Section:
    if len(lines) > LINES_MAX:
        lines = [*lines[:LINES_MAX], f"and {len(lines) - LINES_MAX} more"]
    return Section(clean(heading, TITLE_MAX), tuple(lines))
