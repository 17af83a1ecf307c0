"""Facts find their memberships whatever comes first, and only once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from sqlalchemy import Engine, select, text

from reconcile.facts import Fact, Ref
from tests.worker import world as w
from worker.runtime import Runtime
from worker.schema import facts, memberships, tellings
from worker.store.facts import Touched, store_facts
from worker.store.roster import RosterRow, import_memberships
from worker.store.sql import listed


def store(runtime: Runtime, *told: Fact, source: str = "webhook") -> Touched:
    with runtime.engine.begin() as conn:
        return store_facts(conn, runtime.keyring, w.told(*told, source=source))


def take_in(runtime: Runtime, *rows: RosterRow) -> None:
    with runtime.engine.begin() as conn:
        import_memberships(conn, runtime.keyring, rows, runtime.clock())


def bound(runtime: Runtime) -> dict[str, tuple[str | None, str | None, list[str]]]:
    with runtime.engine.begin() as conn:
        rows = conn.execute(select(facts).order_by(facts.c.object_id)).mappings().all()
    return {row["object_id"]: (row["membership"], row["bound_by"], row["fits"] or []) for row in rows}


def test_what_is_looked_up_is_looked_up_as_it_is_written(engine: Engine) -> None:
    odd = sorted(["", "NULL", "a,b", "{}", '"', "\\", '\\"', "\\n", "line\nbreak", " blank ", "ünï", "'"])
    with engine.connect() as conn:
        named = listed(conn, ["first", "second"], [(one, f"{one}!") for one in odd])
        assert sorted(conn.execute(select(named.c.first, named.c.second)).all()) == [(one, f"{one}!") for one in odd]
        assert conn.execute(select(listed(conn, ["first"], []).c.first)).all() == []


def test_a_charge_finds_its_membership_by_subscription(runtime: Runtime) -> None:
    take_in(runtime, w.row("M-1", w.stripe()))
    touched = store(runtime, w.charge("ch_1", w.START, subscription="sub_1"))
    assert touched == Touched(frozenset({"M-1"}))
    assert bound(runtime)["ch_1"] == ("M-1", "subscription", [])


def test_the_roster_may_come_later_and_may_change(runtime: Runtime) -> None:
    assert store(runtime, w.charge("ch_1", w.START, customer="cus_1")).strays == {Ref("stripe", "ch_1")}
    take_in(runtime, w.row("M-1", w.stripe()))
    assert bound(runtime)["ch_1"] == ("M-1", "customer", [])
    take_in(runtime, w.row("M-1", w.stripe(2)), w.row("M-2", w.stripe()))
    assert bound(runtime)["ch_1"] == ("M-2", "customer", [])
    take_in(runtime, w.row("M-1", w.stripe()))
    assert bound(runtime)["ch_1"] == (None, None, ["M-1", "M-2"])


def test_an_address_is_never_stored_and_still_finds_its_membership(runtime: Runtime) -> None:
    take_in(runtime, w.row("M-1", email="Ann@Example.com"))
    store(runtime, w.charge("ch_1", w.START, email="ann@example.com "))
    assert bound(runtime)["ch_1"] == ("M-1", "email", [])
    with runtime.engine.begin() as conn:
        kept = [str(row) for table in (facts, tellings, memberships) for row in conn.execute(select(table))]
    assert not [row for row in kept if "example" in row.lower()]


LINKED: Sequence[Sequence[Fact]] = (
    [w.charge("ch_1", w.START, invoice="in_1"), w.invoice("in_1", w.START, subscription="sub_1")],
    [w.charge("ch_1", w.START, intent="pi_1"), w.invoice("in_1", w.START, subscription="sub_1", intent="pi_1")],
    [w.charge("ch_1", w.START), w.invoice("in_1", w.START, subscription="sub_1", charge="ch_1")],
    [
        w.charge("ch_1", w.START, intent="pi_1"),
        w.invoice("in_1", w.START, subscription="sub_1"),
        w.payment("inpay_1", w.START, "in_1", "pi_1"),
    ],
    [w.charge("ch_1", w.START, customer="cus_9"), w.subscription("sub_1", customer="cus_9")],
    [w.charge("ch_1", w.START, subscription="sub_9"), w.subscription("sub_9", named="M-1")],
    [w.charge("ch_1", w.START, subscription="sub_9"), w.subscription("sub_9", customer="cus_1")],
    [
        w.charge("ch_1", w.START, intent="pi_1"),
        w.invoice("in_1", w.START, customer="cus_9"),
        w.payment("inpay_1", w.START, "in_1", "pi_1"),
        w.subscription("sub_9", named="M-1", customer="cus_9"),
    ],
)


@pytest.mark.parametrize("linked", LINKED)
def test_what_is_linked_binds_in_any_order_one_by_one(runtime: Runtime, linked: Sequence[Fact]) -> None:
    """Each order starts from an empty world: what the last one ended with is what all of them end with."""
    ends = []
    for n, order in enumerate(permutations([w.row("M-1", w.stripe()), *linked])):
        if n % max(len(linked) - 1, 1):
            continue
        with runtime.engine.begin() as conn:
            for table in (facts, tellings, memberships):
                conn.execute(table.delete())
            conn.exec_driver_sql("DELETE FROM identifiers")
            conn.exec_driver_sql("DELETE FROM membership_versions")
        for one in order:
            if isinstance(one, RosterRow):
                take_in(runtime, one)
            else:
                store(runtime, one)
        ends.append(bound(runtime))
    assert ends[0]["ch_1"][0] == "M-1"
    assert all(end == ends[0] for end in ends)


def test_what_only_an_address_ties_is_bound_as_by_an_address(runtime: Runtime) -> None:
    take_in(runtime, w.row("M-1", email="ann@example.com"))
    store(runtime, w.charge("ch_1", w.START, subscription="sub_9"))
    store(runtime, w.subscription("sub_9", email="ann@example.com"))
    assert bound(runtime)["ch_1"] == ("M-1", "email", [])


def test_what_the_roster_says_of_a_customer_is_not_unlearnt(runtime: Runtime) -> None:
    take_in(runtime, w.row("M-1", w.stripe(1)), w.row("M-2"))
    store(runtime, w.subscription("sub_9", named="M-2", customer="cus_2"), w.charge("ch_1", w.START, customer="cus_2"))
    assert bound(runtime)["ch_1"][0] == "M-2"
    take_in(runtime, w.row("M-3", w.stripe(2)))
    assert bound(runtime)["ch_1"] == ("M-3", "customer", [])


def test_a_customer_of_two_memberships_is_not_guessed(runtime: Runtime) -> None:
    take_in(runtime, w.row("M-1"), w.row("M-2"))
    store(runtime, w.charge("ch_1", w.START, customer="cus_2"))
    store(runtime, w.subscription("sub_8", named="M-1", customer="cus_2"))
    store(runtime, w.subscription("sub_9", named="M-2", customer="cus_2"))
    assert bound(runtime)["ch_1"] == (None, None, ["M-1", "M-2"])


def test_a_telling_known_already_touches_nothing(runtime: Runtime) -> None:
    take_in(runtime, w.row("M-1", w.stripe()))
    fact = w.charge("ch_1", w.START, subscription="sub_1")
    assert store(runtime, fact, fact).memberships == {"M-1"}
    assert store(runtime, fact) == Touched()
    store(runtime, fact, source="import")
    with runtime.engine.begin() as conn:
        assert len(conn.execute(select(tellings)).all()) == 2


def test_money_back_touches_whoever_has_the_charge(runtime: Runtime) -> None:
    take_in(runtime, w.row("M-1", w.stripe()))
    mine, stray = w.charge("ch_1", w.START, subscription="sub_1"), w.charge("ch_2", w.START)
    store(runtime, mine, stray)
    assert store(runtime, w.refund("re_1", w.START, mine, 100)) == Touched(frozenset({"M-1"}))
    assert store(runtime, w.dispute("dp_1", w.START, stray)) == Touched(strays=frozenset({stray.ref}))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_no_plan_is_kept_for_tables_that_have_grown_since(engine: Engine) -> None:
    with engine.connect() as conn:
        for _ in range(20):
            conn.execute(select(facts).where(facts.c.provider == "stripe"))
        plans = conn.execute(text("SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements")).one()
    assert plans[0] == 0
    assert plans[1] > 5
