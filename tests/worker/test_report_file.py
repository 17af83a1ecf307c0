"""A report file comes in whole or not at all, and once however often it comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from handlers.reports import Options
from tests.worker import world as w
from tests.worker.stripe_lists import charge, report
from tests.worker.test_backfill import by_webhook, charges, count
from worker.report_file import ReportFileError, take_in
from worker.runtime import Runtime
from worker.schema import deliveries, facts

ACTIVITY = '"Date","Time","TimeZone","Type","Status","Currency","Gross","Transaction ID","Reference Txn ID"\n'
TELLS_DAY_FIRST = '"28/03/2026","10:00:00","CET","Subscription Payment","Completed","EUR","99,00","8XY1","I-ABC123"\n'


def test_a_file_is_taken_in_once(runtime: Runtime, tmp_path: Path) -> None:
    w.take_in(runtime, w.row("M-1", w.stripe(1)))
    file = tmp_path / "stripe.csv"
    file.write_text(report([charge("ch_1", w.month(0)), charge("ch_2", w.month(1))]))
    for _ in range(2):
        read = take_in(runtime, file, "stripe")
        assert (read.rows, read.facts) == (2, 2)
    assert charges(runtime) == {"ch_1": (9900, "M-1"), "ch_2": (9900, "M-1")}
    assert count(runtime, "report") == 2
    with runtime.engine.begin() as conn:
        (origin,) = conn.execute(select(deliveries)).all()
    # Where facts came from is kept; the file, which is full of names, is not.
    assert (origin.source, origin.seen, origin.state, origin.body) == ("report", 2, "done", None)


def test_a_report_never_outranks_the_provider_itself(runtime: Runtime, tmp_path: Path) -> None:
    told = charge("ch_1", w.month(0))
    by_webhook(runtime, told)
    file = tmp_path / "stripe.csv"
    file.write_text(report([told | {"amount": 1, "created": told["created"] + 100}]))
    take_in(runtime, file, "stripe")
    assert charges(runtime) == {"ch_1": (9900, None)}


def test_one_bad_row_and_nothing_is_stored(runtime: Runtime, tmp_path: Path) -> None:
    file = tmp_path / "stripe.csv"
    rows = report([charge(f"ch_{n}", w.month(0)) for n in range(3)]).splitlines()
    file.write_text("\n".join([*rows, rows[1].replace("99.00", "much")]))
    with pytest.raises(ReportFileError) as error:
        take_in(runtime, file, "stripe")
    assert str(error.value).startswith(f"{file}:5: gross: an amount of USD such as 99.00 is expected, not 'much'")
    assert charges(runtime) == {}
    with runtime.engine.begin() as conn:
        assert conn.execute(select(deliveries)).all() == []


def test_what_a_person_said_of_the_file_is_heeded(runtime: Runtime, tmp_path: Path) -> None:
    file = tmp_path / "paypal.csv"
    file.write_text(ACTIVITY + TELLS_DAY_FIRST.replace("28/03", "05/03"))
    with pytest.raises(ReportFileError, match="--dates dmy or --dates mdy is expected"):
        take_in(runtime, file, "paypal")
    take_in(runtime, file, "paypal", Options(dates="dmy"))
    with runtime.engine.begin() as conn:
        (at,) = conn.scalars(select(facts.c.at)).all()
    assert (at.month, at.day) == (3, 5)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", ACTIVITY.encode(), b"a,b\n1,2\n"])
def test_what_is_no_report_is_refused_in_one_line(runtime: Runtime, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    with pytest.raises(ReportFileError) as error:
        take_in(runtime, file, "paypal")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(file))
