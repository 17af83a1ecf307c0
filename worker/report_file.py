"""A provider's report file comes in: all of it or nothing, each fact once however often the file, or one that overlaps
it, is imported. The file itself is not kept; the facts name it by its SHA-256."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from handlers.reports import BadReportError, Lines, Options, ReadReport, ReportRow
from worker.engine import lift_limits
from worker.judging import judge_changed
from worker.runtime import Runtime
from worker.store.backfills import Origin, amend_origin, note_origin
from worker.store.facts import store_facts
from worker.store.tellings import Told

LINE_CHARACTERS_MAX = 200_000
SLICE = 2000
SOURCE = "report"


class ReportFileError(ValueError):
    """One line for a person: file, line, field, and what is expected there."""


@dataclass(slots=True)
class Read:
    """What was in a file: its rows, the facts they told, and why the others told none."""

    rows: int = 0
    facts: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)

    def count(self, row: ReportRow) -> None:
        self.rows += 1
        self.facts += len(row.facts)
        if not row.facts:
            self.passed_over[row.passed_over or "nothing told"] += 1


def readers() -> Mapping[str, ReadReport]:
    """How each provider's reports are read."""
    from handlers.paypal import reports as paypal
    from handlers.stripe import reports as stripe

    return {"stripe": stripe.read_report, "paypal": paypal.read_report}


def take_in(
    runtime: Runtime,
    file: Path,
    provider: str,
    options: Options | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Read:
    """Store what the file tells and judge what that touched. Raises ReportFileError at the first line that cannot be
    read; nothing is stored then."""
    found = Read()
    rows = _rows(file, readers()[provider], options or Options(), found)
    try:
        sha256 = _sha256(file)
        with runtime.engine.begin() as conn:
            lift_limits(conn)
            origin = Origin(provider, SOURCE, f"report:{sha256[:40]}", "report.csv", sha256, "")
            delivery = note_origin(conn, origin, runtime.clock())
            while part := list(islice(rows, SLICE)):
                _store(conn, runtime, part, delivery)
                progress(found.rows)
            amend_origin(conn, delivery, f"{found.rows} rows, {found.facts} facts")
    except OSError as error:
        raise ReportFileError(f"{file}: cannot be read ({error.strerror})") from None
    judge_changed(runtime)
    return found


def _store(conn: Connection, runtime: Runtime, part: list[ReportRow], delivery: int) -> None:
    store_facts(conn, runtime.keyring, [Told(fact, SOURCE, delivery) for row in part for fact in row.facts])


def _rows(file: Path, read: ReadReport, options: Options, found: Read) -> Iterator[ReportRow]:
    try:
        for row in read(_lines(file), options):
            found.count(row)
            yield row
    except BadReportError as error:
        place = f"{file}:{error.line}:" if error.field is None else f"{file}:{error.line}: {error.field}:"
        raise ReportFileError(f"{place} {error.said}") from None
    if not found.rows:
        raise ReportFileError(f"{file}: at least one row below the headings is expected, and there is none")


def _lines(file: Path) -> Lines:
    def lines() -> Iterator[str]:
        with file.open("rb") as opened:
            number = 0
            while line := opened.readline(LINE_CHARACTERS_MAX + 1):
                number += 1
                if len(line) > LINE_CHARACTERS_MAX:
                    raise BadReportError(number, None, f"a line of at most {LINE_CHARACTERS_MAX} bytes is expected")
                try:
                    yield line.decode("utf-8")
                except UnicodeDecodeError:
                    raise BadReportError(number, None, "UTF-8 text is expected") from None

    return lines


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
