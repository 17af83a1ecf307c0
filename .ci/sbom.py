"""What makegood is made of, from its runtime locks and what is installed: `./run sbom` prints it as CycloneDX 1.6 JSON,
`./run sbom --licences` writes `docs/licences.md` anew."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LICENCES = ROOT / "docs" / "licences.md"
_ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?P<rest>(?:.*\\\n)*.*)", re.MULTILINE)
_LONG = 60  # beyond that it is a licence's text and no name
_READ = {"pysqlite3": "Zlib"}  # what a package that says nothing of itself brings in its files
_SPDX = {
    "MIT License": "MIT", "BSD License": "BSD-3-Clause", "BSD": "BSD-3-Clause", "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0", "Apache License, Version 2.0": "Apache-2.0", "Apache 2.0": "Apache-2.0",
    "ISC License (ISCL)": "ISC", "Public Domain": "Public domain", "LGPL-3.0-or-later": "LGPL-3.0-or-later",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One pinned package. `licence` is what it says of itself; where it is not installed here, that is said."""

    name: str
    version: str
    hashes: tuple[str, ...]
    licence: str
    extra: bool  # only with `makegood[oidc]`


def parts() -> Iterator[Part]:
    """Every package of the runtime locks, by name."""
    always, extra = (_locked(f"requirements{which}.lock") for which in ("", "-oidc"))
    for name, found in sorted({**extra, **always}.items()):
        hashes = tuple(re.findall(r"sha256:([0-9a-f]{64})", found["rest"]))
        yield Part(name, found["version"], hashes, _licence(name), extra=name not in always)


def _locked(lock: str) -> dict[str, re.Match[str]]:
    return {found["name"]: found for found in _ENTRY.finditer((ROOT / lock).read_text())}


def _licence(name: str) -> str:
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return "not installed on this platform"
    if said := told.get("License-Expression"):
        return str(said)
    classified = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or () if line.startswith("License")]
    plain = str(told.get("License") or "").strip()
    named = [plain] if plain and len(plain) <= _LONG and "\n" not in plain else []
    said = [word for word in classified if word != "OSI Approved"] or named
    return " AND ".join(_SPDX.get(word, word) for word in said) or _READ.get(name, "see its files")


def sbom() -> dict[str, object]:
    """CycloneDX 1.6. Without a time or a number of its own: the same lock gives the same bytes."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "makegood", "licenses": [_named("Apache-2.0")]}},
        "components": [
            {
                "type": "library",
                "name": part.name,
                "version": part.version,
                "purl": f"pkg:pypi/{part.name}@{part.version}",
                "bom-ref": f"pkg:pypi/{part.name}@{part.version}",
                "licenses": [_named(part.licence)],
                "scope": "optional" if part.extra else "required",
                # Of its files there is one to a platform; which of them is installed, pip decides by these.
                "properties": [{"name": "makegood:sha256", "value": digest} for digest in part.hashes],
            }
            for part in parts()
        ],
    }


def _named(licence: str) -> dict[str, object]:
    return {"license": {"name": licence}}


def page() -> str:
    """`docs/licences.md`."""
    rows = "".join(
        f"| {part.name} | {part.version} | {part.licence} | {'oidc' if part.extra else ''} |\n" for part in parts()
    )
    return (
        "# Licences\n\n"
        "What is installed beside makegood (Apache-2.0), from `requirements.lock`, and with the extra `oidc` from\n"
        "`requirements-oidc.lock`; each says its licence itself.\n"
        "Written by `./run sbom --licences`; `./run sbom` prints it as CycloneDX. `NOTICE` has what is particular.\n\n"
        f"| package | version | licence | only with |\n|---|---|---|---|\n{rows}"
    )


def main(arguments: list[str]) -> None:
    if arguments == ["--licences"]:
        LICENCES.write_text(page(), encoding="utf-8")
    elif arguments:
        raise SystemExit(__doc__)
    else:
        json.dump(sbom(), sys.stdout, indent=1)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main(sys.argv[1:])
