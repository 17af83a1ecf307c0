"""Claims are taken in once, answered, and moved on by time and by what was missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reconcile.facts import Fact
from reconcile.membership import Agreement, Membership, Plan
from tests.worker.world import PRICE, START, at, charge, refund, row, stripe, take_in, told
from worker import claims
from worker.audit import verify
from worker.claims import ClaimError, read
from worker.fields import BadFieldError
from worker.judging import reconcile_all
from worker.privacy import rights
from worker.runtime import Runtime
from worker.schema import audit, notices
from worker.schema import claims as table
from worker.store import listings
from worker.store.claims import listing
from worker.store.facts import store_facts
from worker.store.listings import Filter
from worker.store.roster import RosterRow

BUYER = "buyer@example.com"


def member(*policy: str, ref: str = "M-1", n: int = 1) -> RosterRow:
    agreement = Agreement("stripe", f"sub_{n}", f"cus_{n}")
    return RosterRow(
        Membership(ref, START, Plan(PRICE), policy, agreements=(agreement,)), {"email": BUYER, "name": "B"}
    )


def world(runtime: Runtime, *policy: str) -> None:
    """One member with one charge on START."""
    take_in(runtime, member(*policy))
    store(runtime, charge("ch_1", START, customer="cus_1"))


def store(runtime: Runtime, *facts: Fact) -> None:
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, told(*facts))


def claim(kind: str, day: int = 3, **more: object) -> dict[str, Any]:
    made = {
        "claim": "C-1",
        "membership": "M-1",
        "charge": "stripe:ch_1",
        "kind": kind,
        "received_at": (at(START) + timedelta(days=day)).isoformat(),
        "channel": "email",
    }
    return {**made, **more}


def money_back(day: int = 7, **more: object) -> dict[str, Any]:
    told = {
        "from_email": "Buyer@Example.com ".strip(),
        "invoice": "in_1",
        "explanation": "It does not suit us.",
        "contacted_support_at": at(START).isoformat(),
    }
    return claim("money_back", day, **{**told, **more})


def take(runtime: Runtime, given: dict[str, Any], days: int = 7) -> dict[str, Any]:
    return claims.take(runtime, read(given), at(START) + timedelta(days=days))


def remedies(runtime: Runtime) -> list[dict[str, Any]]:
    with runtime.engine.connect() as conn:
        return list(listings.remedies(conn))


def test_the_answer_is_the_one_of_the_contract(runtime: Runtime) -> None:
    world(runtime, "iptv")
    answer = take(runtime, money_back())
    assert list(answer) == [
        "claim", "remedy", "amount", "currency", "force", "state", "clause", "policy_version", "reason", "asked_for",
        "deadline",
    ]  # fmt: skip
    assert answer | {"reason": ""} == {
        "claim": "C-1",
        "remedy": "refund",
        "amount": 9900,
        "currency": "USD",
        "force": "shall",
        "state": "queued",
        "clause": "iptv/IP-1",
        "policy_version": "2025-01-22",
        "reason": "",
        "asked_for": [],
        "deadline": None,
    }


def test_a_grant_is_a_remedy_of_its_charge_and_stays_one(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back())
    expected = {
        "key": "remedy:stripe:ch_1",
        "kind": "refund",
        "amount": 9900,
        "state": "queued",
        "clause": "iptv/IP-1",
        "policy_version": "2025-01-22",
        "membership": "M-1",
        "charge": "stripe:ch_1",
        "currency": "USD",
        "finding": None,
        "held_because": None,
    }
    assert remedies(runtime) == [expected]
    reconcile_all(runtime, date(2026, 1, 20), everything=True)
    assert remedies(runtime) == [expected]


def test_a_refund_by_other_hands_withdraws_what_was_granted(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back())
    store(runtime, refund("re_1", date(2026, 1, 16), charge("ch_1", START), 9900))
    reconcile_all(runtime, date(2026, 1, 20))
    assert remedies(runtime) == []


def test_the_same_claim_again_is_harmless_and_another_one_is_refused(runtime: Runtime) -> None:
    world(runtime, "iptv")
    first = take(runtime, money_back())
    assert take(runtime, money_back(), days=90) == first
    with pytest.raises(ClaimError, match="an id of its own"):
        take(runtime, money_back(invoice="in_2"))
    with pytest.raises(ClaimError, match="an id of its own"):
        take(runtime, claim("unauthorised"))
    with runtime.engine.connect() as conn:
        assert len(conn.execute(select(table)).all()) == 1


def test_one_moment_may_be_spelt_in_two_ways(runtime: Runtime) -> None:
    world(runtime, "iptv")
    first = take(runtime, money_back(received_at="2026-01-15T12:00:00-06:00"))
    assert take(runtime, money_back(received_at="2026-01-15T18:00:00Z")) == first


def test_what_was_missing_completes_the_claim(runtime: Runtime) -> None:
    world(runtime, "iptv")
    lacking = {name: value for name, value in money_back().items() if name not in {"invoice", "from_email"}}
    asked = take(runtime, lacking)
    assert (asked["state"], asked["asked_for"]) == ("pending", ["invoice", "from_email"])
    assert remedies(runtime) == []
    with pytest.raises(ClaimError):
        take(runtime, money_back(explanation="Something else."), days=20)
    # It came in time, however late what was missing comes.
    answered = take(runtime, money_back(day=20), days=20)
    assert (answered["state"], answered["clause"]) == ("queued", "iptv/IP-1")


def test_the_clock_of_a_repair_moves_a_claim_on(runtime: Runtime) -> None:
    world(runtime, "virtual-number")
    defect = {"complained_at": at(START).isoformat(), "approved_at": at(START).isoformat()}
    waiting = take(runtime, claim("major_defect", 1, defect=defect), days=1)
    deadline = at(START) + timedelta(hours=72)
    assert (waiting["state"], waiting["deadline"], remedies(runtime)) == ("pending", deadline, [])
    assert claims.due_claims(runtime, deadline - timedelta(seconds=1)) == []
    (moved,) = claims.due_claims(runtime, deadline)
    assert (moved["state"], moved["amount"]) == ("queued", 9900)
    assert [one["state"] for one in remedies(runtime)] == ["queued"]
    assert claims.due_claims(runtime, deadline) == []


def test_a_claim_of_a_billing_error_is_answered_by_the_finding(runtime: Runtime) -> None:
    world(runtime, "smartcalls", "voip-fulfillment")
    store(runtime, charge("ch_2", START, customer="cus_1"))
    answer = take(runtime, claim("billing_error", charge="stripe:ch_2"))
    assert (answer["remedy"], answer["clause"], answer["state"]) == ("refund", "voip-fulfillment/FP-2", "queued")
    assert [(one["amount"], one["finding"]) for one in remedies(runtime)] == [(9900, "duplicate_charge")]


def test_a_claim_and_a_finding_on_one_charge_never_pay_twice(runtime: Runtime) -> None:
    take_in(runtime, member("virtual-number", "voip-fulfillment"))
    store(runtime, charge("ch_1", START, amount=type(PRICE)(10900, "USD"), customer="cus_1"))
    reconcile_all(runtime, date(2026, 1, 9))
    assert [(one["amount"], one["finding"]) for one in remedies(runtime)] == [(1000, "overcharge")]
    take(runtime, claim("non_receipt"))
    for as_of in (date(2026, 1, 12), date(2026, 3, 1)):
        reconcile_all(runtime, as_of, everything=True)
        assert [(one["amount"], one["clause"]) for one in remedies(runtime) if one["charge"] == "stripe:ch_1"] == [
            (10900, "virtual-number/VN-3")
        ]


def test_after_the_money_back_a_charge_on_a_new_membership_is_shown(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back())
    sent = refund("re_1", date(2026, 1, 17), charge("ch_1", START), 9900)
    store(runtime, type(sent)(**{**_fields(sent), "remedy": "remedy:stripe:ch_1"}))
    reconcile_all(runtime, date(2026, 1, 20))
    assert [one["state"] for one in remedies(runtime)] == ["settled"]
    new = member("iptv", ref="M-2", n=2)
    started = Membership("M-2", date(2026, 12, 8), Plan(PRICE), ("iptv",), agreements=new.membership.agreements)
    take_in(runtime, RosterRow(started, new.personal))
    store(runtime, charge("ch_9", date(2026, 12, 8), customer="cus_2"))
    reconcile_all(runtime, date(2026, 12, 9))
    with runtime.engine.connect() as conn:
        found = [(one["finding"], one["charge"]) for one in listings.findings(conn) if one["membership"] == "M-2"]
    assert found == [("ineligible_resubscription", "stripe:ch_9")]


def _fields(fact: object) -> dict[str, Any]:
    from dataclasses import fields

    return {one.name: getattr(fact, one.name) for one in fields(fact)}  # type: ignore[arg-type]


def test_a_claim_of_nobody_is_refused_in_one_line(runtime: Runtime) -> None:
    with pytest.raises(ClaimError, match="membership: "):
        take(runtime, claim("non_receipt"))


def test_claims_are_listed_with_where_their_remedy_stands(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back())
    take(runtime, claim("unauthorised", claim="C-2"))
    take_in(runtime, row("M-9", stripe(9)))
    with runtime.engine.connect() as conn:
        everything = list(listing(conn, Filter(), runtime.rules.zone))
        queued = list(listing(conn, Filter(statuses=("queued",)), runtime.rules.zone))
        nobodys = list(listing(conn, Filter(membership="M-9"), runtime.rules.zone))
        late = list(listing(conn, Filter(since=date(2026, 1, 12)), runtime.rules.zone))
    assert [(one["claim"], one["state"], one["remedy_state"]) for one in everything] == [
        ("C-1", "queued", "queued"),
        ("C-2", "queued", "queued"),
    ]
    assert [one["claim"] for one in queued] == ["C-1", "C-2"]
    assert (nobodys, [one["claim"] for one in late]) == ([], ["C-1"])


def test_every_answer_is_in_the_audit_chain(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back())
    with runtime.engine.connect() as conn:
        acts = [(one.action, one.subject) for one in conn.execute(select(audit).order_by(audit.c.n))]
        assert verify(conn) is None
    assert ("claim_decided", "claim:C-1") in acts
    assert ("remedy_decided", "remedy:stripe:ch_1") in acts


def test_each_notice_is_laid_out_once(runtime: Runtime) -> None:
    world(runtime, "iptv")
    take(runtime, money_back(8))
    take(runtime, money_back(8))
    with runtime.engine.connect() as conn:
        rows = conn.execute(select(notices.c.key, notices.c.state).order_by(notices.c.key)).all()
    assert [tuple(one) for one in rows] == [("receipt:C-1", "review"), ("refusal:C-1", "review")]


def test_a_reason_that_is_a_sentence_ends_once(runtime: Runtime) -> None:
    world(runtime, "virtual-number")
    take(runtime, claim("third_party_incompatibility"))
    (whole,) = rights.export(runtime, "M-1", "Jo")
    (text,) = (one["text"][1] for one in whole["notices"] if one["notice"] == "refusal:C-1")
    assert "lists that software as compatible.\n" in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "an object is expected"),
        (claim("non_receipt", claim=""), "claim: "),
        (claim("non_receipt", claim="C 1"), "claim: letters, digits"),
        (claim("non_receipt", claim="4242424242424242"), "claim: letters, digits"),
        (claim("nothing"), "kind: one of billing_error"),
        (claim("non_receipt", charge="ch_1"), "charge: a charge such as stripe:ch_1"),
        (claim("non_receipt", received_at="2026-01-08"), "received_at: a time with its offset"),
        (claim("non_receipt", channel="pigeon"), "channel: one of email"),
        (claim("non_receipt", from_email="nobody"), "from_email: an e-mail address"),
        (claim("non_receipt", explanation=3), "explanation: text"),
        (claim("non_receipt", explanation="x" * 10_001), "explanation: text"),
        (claim("non_receipt", evidence="a.png"), "evidence: a list"),
        (claim("non_receipt", evidence=[1]), "evidence[0]: the name"),
        (claim("non_receipt", evidence=["a"] * 51), "evidence: at most"),
        (
            claim("non_receipt", disruption={"from": "2026-01-08T10:00:00Z", "until": "2026-01-08T10:00:00Z"}),
            "disruption.until",
        ),
        (claim("non_receipt", disruption={}), "disruption.from"),
        (claim("non_receipt", defect={}), "defect.complained_at"),
        (claim("non_receipt", defect={"complained_at": "2026-01-08T10:00:00Z", "prefers": "cake"}), "defect.prefers"),
        (
            claim("non_receipt", defect={"complained_at": "2026-01-08T10:00:00Z", "access_refused": "no"}),
            "defect.access_refused",
        ),
        (claim("non_receipt", more="Jane Doe"), "unknown key"),
    ],
)
def test_what_is_wrong_in_a_claim_is_said_without_repeating_it(given: object, said: str) -> None:
    with pytest.raises(BadFieldError) as raised:
        read(given)
    assert said in str(raised.value)
    assert "nobody" not in str(raised.value)
    assert "Jane Doe" not in str(raised.value)


def test_the_words_that_a_clause_lists_are_found_as_whole_words() -> None:
    given = claim("third_party_incompatibility", explanation="It fails with ExampleSoft, not with soft.")
    assert read(given, ["examplesoft", "example"]).claim.named == ("examplesoft",)


def test_a_claim_is_dated_in_utc() -> None:
    found = read(claim("non_receipt", received_at="2026-01-08T10:00:00-06:00")).claim
    assert found.received_at == datetime(2026, 1, 8, 16, tzinfo=UTC)
    assert found.received_at.tzinfo is UTC
