"""What is wrong in a bundle file: where, what, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_HEADER = re.compile(r"\s*\[{1,2}\s*([A-Za-z0-9_-]+)\s*\]{1,2}")
_KEY = re.compile(r"\s*\"?([A-Za-z0-9_-]+)\"?\s*=")
_LONG_QUOTES = re.compile(r"\"\"\"|'''")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in one line of a bundle file."""

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend}"


class PolicyError(ValueError):
    """A bundle cannot be used. `faults` are all that was found, in the order of the file; the text is one line each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Places:
    """Where the tables and keys of one TOML file stand. The standard reader forgets lines, and a fault needs one."""

    def __init__(self, file: Path, text: str) -> None:
        self.file = str(file)
        self._lines: dict[tuple[str | int, ...], int] = {}
        table: tuple[str | int, ...] = ()
        counts: dict[str, int] = {}
        inside_long = False
        for number, line in enumerate(text.splitlines(), start=1):
            if not inside_long:
                if header := _HEADER.match(line):
                    name = header[1]
                    table = (name, counts.get(name, 0)) if line.lstrip().startswith("[[") else (name,)
                    counts[name] = counts.get(name, 0) + 1
                    self._lines.setdefault(table, number)
                elif key := _KEY.match(line):
                    self._lines.setdefault((*table, key[1]), number)
            inside_long ^= len(_LONG_QUOTES.findall(line)) % 2 == 1

    def line(self, *place: str | int) -> int:
        """The line of `place` (`"clauses", 2, "force"`), else of what holds it, else the first."""
        for length in range(len(place), 0, -1):
            if place[:length] in self._lines:
                return self._lines[place[:length]]
        return 1

    def fault(self, place: tuple[str | int, ...], what: str, mend: str) -> Fault:
        return Fault(self.file, self.line(*place), what, mend)
