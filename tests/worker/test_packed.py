"""Arrays in the binary format: Postgres has what was sent, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Date, Engine, Integer, LargeBinary, Text
from sqlalchemy.types import TypeEngine

from reconcile.facts import ChargeState
from worker.engine import make_engine
from worker.packed import way_of
from worker.schema import UtcDateTime


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = make_engine(postgres_url)
    yield engine
    engine.dispose()


AT = datetime(2026, 2, 28, 23, 59, 59, 999_999, UTC)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Text(), ["a", None, "", 'quoted "\\ {,}', "é\u2028😀", ChargeState.TAKEN]),
        (BigInteger(), [0, None, -1, 2**62, -(2**62)]),
        (Integer(), [7, None, -7]),
        (Boolean(), [True, None, False]),
        (Date(), [date(1999, 12, 31), None, date(2000, 1, 1), date(1, 1, 2), date(9999, 12, 31)]),
        (UtcDateTime(), [AT, None, AT - timedelta(days=20_000), AT.astimezone(timezone(timedelta(hours=-7)))]),
        (LargeBinary(), [b"\x00\xff", None, b""]),
        (JSON(), [{"n": 1}, {"n": True}, None, [], {"s": "é"}]),
    ],
)
@pytest.mark.parametrize("times", [0, 1, 3])
def test_postgres_has_what_was_sent(engine: Engine, kind: TypeEngine[Any], values: list[Any], times: int) -> None:
    way = way_of(kind)
    columns = [values * times] + [[value] * times for value in values]  # all sorts, and all of one
    with engine.connect() as conn:
        for column in columns:
            query = f"SELECT told{way.then} FROM unnest(%b::{way.array}[]) AS told"  # noqa: S608 - our own words
            assert list(conn.exec_driver_sql(query, (way.pack(column),)).scalars()) == column


def test_one_and_true_stay_apart_in_documents(engine: Engine) -> None:
    way = way_of(JSON())
    with engine.connect() as conn:
        query = f"SELECT (told{way.then})::text FROM unnest(%b::{way.array}[]) AS told"  # noqa: S608 - our own words
        told = conn.exec_driver_sql(query, (way.pack([{"n": 1}, {"n": True}]),)).scalars()
        assert list(told) == ['{"n": 1}', '{"n": true}']
