"""A backtest decides history again and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from config import policies
from reconcile.membership import CancelNotice, Channel
from reconcile.money import Money
from reconcile.policy import Bundle, Force
from tests.worker.world import START, at, charge, month, refund, row, stripe, take_in, told
from worker import claims
from worker.backtest import NobodyUnderItError, backtest, keep, undone, with_bundle
from worker.claims import read
from worker.judging import reconcile_all
from worker.runtime import Runtime
from worker.schema import metadata
from worker.store import backtests as results
from worker.store.facts import store_facts
from worker.store.ledgers import load_ledgers
from worker.store.roster import RosterRow

AS_OF = date(2026, 2, 20)
MAIL = Channel.EMAIL


def world(runtime: Runtime) -> None:
    """M-1 was charged twice, M-2 too much and had it back from us, M-3 rightly."""
    take_in(runtime, *(row(f"M-{n}", stripe(n)) for n in (1, 2, 3)))
    over = replace(
        charge("ch_3", START, Money(10900, "USD"), customer="cus_2"), refunded_minor=1000, told_at=at(month(1))
    )
    ours = replace(refund("re_1", month(1), over, 1000), remedy="remedy:stripe:ch_3", made_at=over.told_at)
    facts = (
        charge("ch_1", START, customer="cus_1"),
        charge("ch_2", START, customer="cus_1"),
        over,
        ours,
        charge("ch_4", START, customer="cus_3"),
    )
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, told(*facts))
    reconcile_all(runtime, AS_OF)


def softened(force: Force) -> Bundle:
    """The fulfilment policy with billing errors under another force."""
    bundle = policies.load().in_force("voip-fulfillment", AS_OF)
    clauses = tuple(replace(c, force=force) if c.id == "FP-2" else c for c in bundle.clauses)
    return replace(bundle, version="draft", clauses=clauses)


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as conn:
        return {t.name: [tuple(r) for r in conn.execute(select(t))] for t in metadata.sorted_tables}


def test_the_same_bundle_makes_no_difference(runtime: Runtime) -> None:
    world(runtime)
    found = backtest(runtime, policies.load().in_force("voip-fulfillment", AS_OF), AS_OF)
    assert (found.memberships, found.cases) == (3, [])
    assert all(one["difference"] == 0 for one in found.rows())


def test_another_force_shows_by_clause_and_in_money(runtime: Runtime) -> None:
    world(runtime)
    before = contents(runtime.engine)
    found = backtest(runtime, softened(Force.MAY), AS_OF)
    rows = [
        (one["clause"], one["state"], one["now"], one["now_amount"], one["then"], one["then_amount"])
        for one in found.rows()
    ]
    # What went back under the rules of today is counted as it was decided, not as it was paid.
    assert rows == [
        ("voip-fulfillment/FP-2", "held", 0, 0, 2, 10900),
        ("voip-fulfillment/FP-2", "queued", 2, 10900, 0, 0),
    ]
    assert [(one["membership"], one["now"]["state"], one["then"]["state"]) for one in found.cases] == [
        ("M-1", "queued", "held"),
        ("M-2", "queued", "held"),
    ]
    assert contents(runtime.engine) == before


def test_a_bundle_that_ends_memberships_otherwise_shows_where_nothing_was_wrong(runtime: Runtime) -> None:
    """M-3 gave notice before its second charge, in time for five business days and not for thirty."""
    world(runtime)
    leaving = replace(row("M-3", stripe(3)).membership, notices=(CancelNotice(at(START) + timedelta(days=20), MAIL),))
    take_in(runtime, RosterRow(leaving, None))
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, told(charge("ch_5", month(1), customer="cus_3")))
    strict = policies.load().in_force("smartcalls", AS_OF)
    assert strict.notice is not None
    longer = replace(strict, version="draft", notice=replace(strict.notice, business_days=30))
    assert [(one["membership"], one["then"]) for one in backtest(runtime, longer, AS_OF).cases] == [("M-3", None)]
    # And the other way round: under the longer notice nothing is wrong with it.
    turned = replace(runtime, rules=with_bundle(runtime.rules, longer))
    found = backtest(turned, strict, AS_OF).cases
    assert [(one["membership"], one["now"], one["then"]["amount"]) for one in found] == [("M-3", None, 9900)]


def test_it_is_deterministic(runtime: Runtime) -> None:
    world(runtime)
    first, second = (backtest(runtime, softened(Force.MAY), AS_OF) for _ in range(2))
    assert (list(first.rows()), first.cases) == (list(second.rows()), second.cases)


def test_claims_are_decided_again_too(runtime: Runtime) -> None:
    world(runtime)
    given = {
        "claim": "C-1",
        "membership": "M-3",
        "charge": "stripe:ch_4",
        "kind": "service_disruption",
        "received_at": (at(START) + timedelta(days=9)).isoformat(),
        "disruption": {"from": at(START).isoformat(), "until": (at(START) + timedelta(days=1)).isoformat()},
    }
    claims.take(runtime, read(given), at(AS_OF))
    bundle = policies.load().in_force("voip-fulfillment", AS_OF)
    shall = replace(
        bundle, clauses=tuple(replace(c, force=Force.SHALL) if c.id == "FP-1" else c for c in bundle.clauses)
    )
    found = backtest(runtime, shall, AS_OF)
    assert [(one["key"], one["now"]["state"], one["then"]["state"]) for one in found.cases] == [
        ("remedy:stripe:ch_4", "held", "queued")
    ]


def test_a_bundle_that_nobody_is_under_says_so(runtime: Runtime) -> None:
    world(runtime)
    draft = replace(softened(Force.MAY), name="draft")
    with pytest.raises(NobodyUnderItError):
        backtest(runtime, draft, AS_OF)
    assert len(backtest(runtime, draft, AS_OF, "voip-fulfillment").cases) == 2


def test_what_we_gave_back_is_undone_and_nothing_else(runtime: Runtime) -> None:
    world(runtime)
    with runtime.engine.connect() as conn:
        (ledger,) = load_ledgers(conn, ["M-2"])
    plain = undone(ledger)
    assert (plain.refunds, plain.charges[0].charge.refunded_minor) == ((), 0)
    assert plain.charges[0].charge.amount == ledger.charges[0].charge.amount


def test_a_draft_from_a_file_is_read_like_any_bundle(tmp_path: Path) -> None:
    text = (policies.DIRECTORY / "voip-fulfillment.toml").read_text().replace('version = "1"', 'version = "draft"')
    file = tmp_path / "draft.toml"
    file.write_text(text)
    assert policies.read(file).version == "draft"


def test_the_newest_results_of_a_policy_are_kept(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    world(runtime)
    monkeypatch.setattr(results, "KEPT", 2)
    found = backtest(runtime, softened(Force.MAY), AS_OF)
    for by in ("Ada", "Ben", None):
        keep(runtime, found, by)
    with runtime.engine.connect() as conn:
        kept = results.of(conn, "voip-fulfillment")
        assert results.of(conn, "smartcalls") == []
    assert [(row.made_by, row.since, row.as_of, row.otherwise) for row in kept] == [
        (None, START, AS_OF, 2),
        ("Ben", START, AS_OF, 2),
    ]
    assert kept[0].sums == list(found.rows())
