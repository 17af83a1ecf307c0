"""Roster files, JSON Lines or CSV, read row by row: but for the references seen, memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handlers import strict_json
from handlers.inbox import MalformedDelivery
from worker.fields import BadFieldError
from worker.roster import csv_form
from worker.roster.row import Bundles, row
from worker.store.roster import RosterRow

LINE_BYTES_MAX = 1_000_000
_BOM = b"\xef\xbb\xbf"


class RosterError(ValueError):
    """One line for a person: file, line, field, and what is expected there."""


def read(file: Path, bundles: Bundles) -> Iterator[RosterRow]:
    """The rows of a `.jsonl` or `.csv` file. Raises RosterError at the first thing that is wrong; what was yielded
    before is then to be thrown away, for an import is all or nothing."""
    form = {".jsonl": _json_rows, ".csv": _csv_rows}.get(file.suffix.lower())
    if form is None:
        raise RosterError(f"{file}: a file ending in .jsonl or .csv is expected")
    first_seen: dict[str, int] = {}
    rows = form(file, bundles)
    while True:
        try:
            line, found = next(rows)
        except StopIteration:
            break
        except OSError as error:
            raise RosterError(f"{file}: cannot be read ({error.strerror})") from None
        ref = found.membership.ref
        if ref in first_seen:
            said = f"each membership once is expected, and {ref} is on line {first_seen[ref]} too"
            raise RosterError(f"{file}:{line}: membership: {said}")
        first_seen[ref] = line
        yield found
    if not first_seen:
        raise RosterError(f"{file}: at least one membership is expected, and none is there")


def _json_rows(file: Path, bundles: Bundles) -> Iterator[tuple[int, RosterRow]]:
    for number, line in _lines(file):
        if not line.strip():
            continue
        try:
            yield number, row(strict_json.parse(line), bundles)
        except MalformedDelivery as error:
            said = str(error).replace("the body", "the line").replace("in the line", "in it")
            raise RosterError(f"{file}:{number}: a JSON object is expected, and {said}") from None
        except BadFieldError as error:
            raise RosterError(f"{file}:{number}: {error}") from None


def _csv_rows(file: Path, bundles: Bundles) -> Iterator[tuple[int, RosterRow]]:
    try:
        for number, cells in csv_form.rows(_texts(file)):
            try:
                yield number, row(csv_form.as_json(cells), bundles)
            except BadFieldError as error:
                path = csv_form.column(error.path)
                raise RosterError(f"{file}:{number}: {BadFieldError(path, error.said)}") from None
    except csv_form.LineError as error:
        raise RosterError(f"{file}:{error.line}: {error}") from None


def _texts(file: Path) -> Iterator[str]:
    for number, line in _lines(file):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            raise RosterError(f"{file}:{number}: UTF-8 text is expected") from None


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as opened:
        number = 0
        while line := opened.readline(LINE_BYTES_MAX + 1):
            number += 1
            if len(line) > LINE_BYTES_MAX:
                raise RosterError(f"{file}:{number}: a line of at most {LINE_BYTES_MAX} bytes is expected")
            yield number, line.removeprefix(_BOM) if number == 1 else line
