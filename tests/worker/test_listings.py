"""The listings have the contract's keys in the contract's order, and an order of rows that no database changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Connection

from reconcile.facts import Fact
from reconcile.money import Money
from tests.worker import world as w
from worker.judging import reconcile_all
from worker.runtime import Runtime
from worker.store import listings
from worker.store.facts import store_facts
from worker.store.listings import Filter


@pytest.fixture
def listed(runtime: Runtime) -> Iterator[Connection]:
    """A duplicate, a stray, a missed renewal; references whose order depends on the language in many databases."""
    w.take_in(runtime, w.row("a-1", w.stripe(1)), w.row("B-1", w.stripe(2)))
    paid: list[Fact] = [w.charge(f"ch_{n}_{m}", w.month(m), subscription=f"sub_{n}") for n in (1, 2) for m in range(4)]
    wrong = [
        w.charge("ch_1_x", w.month(2), subscription="sub_1"),
        w.charge("ch_2_x", w.month(3), Money(5000, "EUR"), subscription="sub_2"),
        w.charge("ch_s", w.month(1)),
    ]
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(*paid, *wrong))
    reconcile_all(runtime, date(2026, 6, 1))
    with runtime.engine.begin() as conn:
        yield conn


def test_findings_are_as_the_contract_shows_them(listed: Connection) -> None:
    row = next(one for one in listings.findings(listed) if one["charge"] == "stripe:ch_1_x")
    assert json.loads(json.dumps(row)) == row
    assert list(row) == [
        *("key", "finding", "membership", "charge", "renewal", "charged", "expected", "excess", "currency"),
        *("confidence", "status", "because", "first_seen", "remedy"),
    ]
    assert list(row["remedy"]) == ["key", "kind", "amount", "state", "clause", "policy_version"]
    assert (row["finding"], row["renewal"], row["excess"], row["currency"]) == (
        "duplicate_charge",
        "2026-03-08",
        9900,
        "USD",
    )
    assert row["first_seen"] == "2026-03-08"


def test_remedies_carry_their_finding(listed: Connection) -> None:
    rows = list(listings.remedies(listed))
    assert list(rows[0]) == [
        *("key", "kind", "amount", "state", "clause", "policy_version"),
        *("membership", "charge", "currency", "finding", "held_because"),
    ]
    assert [(row["membership"], row["finding"], row["currency"], row["state"]) for row in rows] == [
        ("B-1", "wrong_currency", "EUR", "held"),
        ("a-1", "duplicate_charge", "USD", "queued"),
        (None, "unrecognised_charge", "USD", "held"),
    ]


def test_rows_are_in_the_order_of_bytes_and_strays_last(listed: Connection) -> None:
    order = [row["membership"] for row in listings.findings(listed)]
    assert order == sorted(order, key=lambda ref: (ref is None, ref or ""))
    assert order[0] == "B-1"
    assert order[-1] is None


def test_a_finding_without_amounts_has_nulls(listed: Connection) -> None:
    row = next(one for one in listings.findings(listed) if one["finding"] == "missed_renewal")
    assert (row["charge"], row["excess"], row["remedy"]) == (None, None, None)


@pytest.mark.parametrize(
    ("chosen", "kinds"),
    [
        (Filter(statuses=("settled",)), set()),
        (Filter(statuses=("all",), kind="duplicate_charge"), {"duplicate_charge"}),
        (Filter(statuses=("open", "settled"), since=date(2026, 3, 9)), {"missed_renewal", "wrong_currency"}),
        (Filter(membership="B-1", kind="wrong_currency"), {"wrong_currency"}),
    ],
)
def test_filters(listed: Connection, chosen: Filter, kinds: set[str]) -> None:
    assert {row["finding"] for row in listings.findings(listed, chosen)} == kinds


def test_remedies_are_chosen_by_their_own_state(listed: Connection) -> None:
    assert [row["charge"] for row in listings.remedies(listed, Filter(statuses=("queued",)))] == ["stripe:ch_1_x"]
