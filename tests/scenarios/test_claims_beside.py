"""A claim beside everything else on its charge: findings, refunds, disputes, other claims. One payment a charge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconcile.claims import decide_claim
from reconcile.claims_types import ClaimKind, Granted, Returned
from reconcile.facts import ChargeState, DisputeState, Ref, RefundState
from reconcile.judgement import reconcile
from reconcile.ledger import Ledger
from reconcile.money import Money
from reconcile.outcome import FindingKind, HeldBecause, RemedyKind
from reconcile.policy import Basis, Bundle, NoticeRule, Policy, Rules
from tests.scenarios.claims_world import (
    BOUGHT,
    DEFECT,
    IPTV,
    MONEY_BACK,
    NO_SMS,
    VIRTUAL,
    VOIP,
    Told,
    down,
    on_day,
    said,
)
from tests.scenarios.world import DEFAULT, at, cancel, charge, day, dispute, refund, rules, wrong

CH1 = charge(BOUGHT, ref="ch_1")
BILLING = Told(ClaimKind.BILLING_ERROR, on_day(5), DEFAULT, charge="stripe:ch_2")
TWICE = (CH1, charge(on_day(1).split()[0], ref="ch_2"))
GIVEN = "refund 4000 shall queued virtual-number/VN-3"


def granted(told: Told) -> Ledger:
    """The ledger once the claim was answered."""
    answer = told.decide()
    assert answer.granted is not None
    return replace(told.ledger, granted=(answer.granted,))


def judged(ledger: Ledger, on: str = "2025-06-20") -> list[str]:
    outcome = reconcile(ledger, rules(), day(on))
    return [
        f"{r.kind} {r.amount.minor if r.amount else ''} {r.state} {r.clause} {r.held_because or ''}".strip()
        for r in outcome.remedies
    ]


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        (BILLING.but(facts=TWICE), "refund 9900 shall queued voip-fulfillment/FP-2"),
        (BILLING.but(facts=TWICE, charge=None), "refund 9900 shall queued voip-fulfillment/FP-2"),
        (BILLING.but(facts=TWICE, policy=("smartcalls",)), "review 9900 held"),
        (BILLING.but(facts=TWICE, policy=IPTV), "refund 9900 may held iptv/IP-4"),
        # Late for every window of the document, and still put right.
        (BILLING.but(facts=TWICE, policy=VIRTUAL, when=on_day(90)), "review 9900 held"),
        (BILLING.but(facts=(*TWICE, refund("ch_2", 9900, on_day(3)))), "none 0 refused"),
        (
            BILLING.but(facts=(*TWICE, refund("ch_2", 4950, on_day(3)))),
            "refund 4950 shall queued voip-fulfillment/FP-2",
        ),
        (BILLING.but(facts=(CH1,), charge="stripe:ch_1"), "review shall held voip-fulfillment/FP-2"),
        (BILLING.but(facts=(CH1,), charge="stripe:ch_7"), "review shall held voip-fulfillment/FP-2"),
        (
            BILLING.but(facts=(charge(BOUGHT, ref="ch_1", currency="CAD"),), charge="stripe:ch_1"),
            "review held",
        ),
        # What went back, and a dispute
        (NO_SMS.but(facts=(CH1, refund("ch_1", 5900, on_day(2)))), GIVEN),
        (NO_SMS.but(facts=(CH1, refund("ch_1", 9900, on_day(2)))), "none 0 shall refused virtual-number/VN-3"),
        (
            NO_SMS.but(facts=(CH1, refund("ch_1", 9900, on_day(2), state=RefundState.FAILED))),
            "refund 9900 shall queued virtual-number/VN-3",
        ),
        (
            NO_SMS.but(facts=(CH1, dispute("ch_1", on_day(2), DisputeState.OPEN))),
            "refund 9900 shall held virtual-number/VN-3",
        ),
        (
            NO_SMS.but(facts=(CH1, dispute("ch_1", on_day(2), DisputeState.LOST))),
            "none 0 shall refused virtual-number/VN-3",
        ),
        # No money was taken, or not yet
        (
            NO_SMS.but(facts=(charge(BOUGHT, ref="ch_1", state=ChargeState.FAILED),)),
            "none 0 bar refused virtual-number/VN-3",
        ),
        (
            NO_SMS.but(facts=(charge(BOUGHT, ref="ch_1", state=ChargeState.PENDING),)),
            "review shall held virtual-number/VN-3",
        ),
        (NO_SMS.but(charge=None, facts=TWICE), "review shall pending virtual-number/VN-3 (charge)"),
        # Above a cap the remedy is held, its kind and amount unchanged.
        (
            NO_SMS.but(facts=(charge(BOUGHT, 60000, "ch_1"),), story=(("price", 60000),)),
            "refund 60000 shall held virtual-number/VN-3",
        ),
        # A set-up fee in the charge is no part of a share of its days.
        (
            Told(
                ClaimKind.UNUSED_PERIOD,
                "2024-05-05",
                ("voip-fulfillment",),
                started="2024-04-20",
                facts=(charge("2024-04-20", 24800, "ch_1"),),
                story=(("setup_fee", 14900), ("notices", (cancel("2024-05-05"),))),
            ),
            "refund 4620 may held voip-fulfillment/FP-5",
        ),
    ],
)
def test_a_claim_is_answered_beside_what_is_known(told: Told, answer: str) -> None:
    assert said(told.decide()) == answer


def test_a_grant_becomes_the_remedy_of_its_charge() -> None:
    assert judged(granted(NO_SMS)) == ["refund 9900 queued virtual-number/VN-3"]
    assert judged(granted(NO_SMS.but(facts=(CH1, refund("ch_1", 5900, on_day(2)))))) == [
        "refund 4000 queued virtual-number/VN-3"
    ]


def test_a_claim_and_a_finding_on_one_charge_pay_the_larger() -> None:
    both = (*VIRTUAL, "voip-fulfillment")
    over = NO_SMS.but(policy=both, facts=(charge(BOUGHT, 10900, "ch_1"),))
    assert said(over.decide()) == "refund 10900 shall queued virtual-number/VN-3"
    assert judged(granted(over)) == ["refund 10900 queued virtual-number/VN-3"]
    twice = NO_SMS.but(policy=both, facts=TWICE, charge="stripe:ch_2")
    assert said(twice.decide()) == "refund 9900 shall queued voip-fulfillment/FP-2"
    assert judged(granted(twice)) == ["refund 9900 queued voip-fulfillment/FP-2"]


def test_what_is_certain_does_not_wait_for_what_a_person_may_grant() -> None:
    over = Told(
        ClaimKind.SERVICE_DISRUPTION,
        on_day(9),
        ("voip-fulfillment",),
        facts=(charge(BOUGHT, 10900, "ch_1"),),
        brings=(("disruption", down(on_day(1), on_day(8))),),
    )
    answer = over.decide()
    # 8 of 30 days of what was paid
    assert said(answer) == "refund 2907 may held voip-fulfillment/FP-1"
    assert judged(granted(over)) == ["refund 1000 queued voip-fulfillment/FP-2"]


def test_two_claims_on_one_charge_come_out_alike_in_either_order() -> None:
    """One obliges, the other is larger and for a person: what is certain goes, and the rest waits."""
    bearing = with_fees()
    sure = NO_SMS.but(facts=(replace(CH1, fee_minor=317),))
    share = replace(bearing, policy=Policy({**bearing.policy.versions, "voip-fulfillment": (whole_disruption(),)}))
    larger = sure.but(kind=ClaimKind.SERVICE_DISRUPTION, policy=(*VIRTUAL, "voip-fulfillment"))
    sure = sure.but(policy=larger.policy)
    answers = []
    for first, second in ((sure, larger), (larger, sure)):
        one = decide_claim(first.claim, first.ledger, share, at(on_day(7)))
        between = replace(first.ledger, granted=(one.granted,) if one.granted else ())
        two = decide_claim(replace(second.claim, id="C-2"), between, share, at(on_day(7)))
        both = replace(between, granted=(*between.granted, *((two.granted,) if two.granted else ())))
        outcome = reconcile(both, share, day("2025-06-20"))
        assert [(r.amount, r.state, r.clause) for r in outcome.remedies] == [
            (Money(9583, "USD"), "queued", "virtual-number/VN-3")
        ]
        answers.append({said(one), said(two)})
    assert (
        answers[0]
        == answers[1]
        == {
            "refund 9583 shall queued virtual-number/VN-3",
            "refund 9900 may held voip-fulfillment/FP-1",
        }
    )


def whole_disruption() -> Bundle:
    """The fulfilment policy, were a disruption worth the whole charge."""
    (bundle,) = rules().policy.versions["voip-fulfillment"]
    clauses = (replace(c, amount=Basis.FULL_CHARGE) if c.id == "FP-1" else c for c in bundle.clauses)
    return replace(bundle, clauses=tuple(clauses))


def test_after_money_went_out_the_rest_is_for_a_person() -> None:
    over = NO_SMS.but(policy=(*VIRTUAL, "voip-fulfillment"), facts=(charge(BOUGHT, 10900, "ch_1"),))
    sent = refund("ch_1", 1000, on_day(8), remedy="remedy:stripe:ch_1")
    ledger = replace(granted(over), refunds=(sent,))
    assert judged(ledger) == ["refund 9900 held virtual-number/VN-3 changed"]


def test_a_grant_that_was_paid_is_settled_and_no_over_refund() -> None:
    over = NO_SMS.but(policy=(*VIRTUAL, "voip-fulfillment"), facts=(charge(BOUGHT, 10900, "ch_1"),))
    sent = refund("ch_1", 10900, on_day(8), remedy="remedy:stripe:ch_1")
    ledger = replace(granted(over), refunds=(sent,))
    assert judged(ledger) == ["refund 10900 settled virtual-number/VN-3"]
    assert not any("over_refunded" in line for line in wrong(reconcile(ledger, rules(), day("2025-06-20"))))


def test_two_claims_on_one_charge_pay_once() -> None:
    first = NO_SMS.decide().granted
    assert first is not None
    second = replace(NO_SMS.claim, id="C-2")
    ledger = replace(NO_SMS.ledger, granted=(first,))
    answer = decide_claim(second, ledger, rules(), at(on_day(7)))
    assert said(answer) == "refund 9900 shall queued virtual-number/VN-3"
    assert "not the sum" in answer.reason
    both = replace(ledger, granted=(first, answer.granted)) if answer.granted else ledger
    assert judged(both) == ["refund 9900 queued virtual-number/VN-3"]


def test_a_grant_waits_while_its_charge_is_disputed() -> None:
    ledger = replace(granted(NO_SMS), disputes=(dispute("ch_1", on_day(9), DisputeState.OPEN),))
    assert judged(ledger) == ["refund 9900 held virtual-number/VN-3 disputed"]


def test_a_grant_on_a_charge_that_is_gone_changes_nothing() -> None:
    lone = Granted("C-9", Ref("stripe", "ch_9"), RemedyKind.REFUND, Money(9900, "USD"), None, "x/Y", "1")
    assert judged(replace(NO_SMS.ledger, granted=(lone,))) == []


def test_a_roster_that_is_stale_holds_a_grant() -> None:
    assert judged(replace(granted(NO_SMS), roster_stale=True)) == [
        f"refund 9900 held virtual-number/VN-3 {HeldBecause.STALE_ROSTER}"
    ]


RETURNED = Returned("iptv/IP-1", at("2025-06-12"), "M-1", Ref("stripe", "ch_1"))


def _again(ledger: Ledger) -> list[str]:
    found = reconcile(ledger, rules(), day("2025-09-01")).findings
    return [str(f.charge) for f in found if f.kind is FindingKind.INELIGIBLE_RESUBSCRIPTION]


def test_after_the_money_back_a_later_charge_is_shown() -> None:
    later = MONEY_BACK.but(facts=(CH1, charge("2025-07-02", ref="ch_2")))
    assert _again(later.ledger) == []
    assert _again(replace(later.ledger, returned=(RETURNED,))) == ["stripe:ch_2"]
    same_day = replace(later.ledger, returned=(replace(RETURNED, at=at("2025-07-02")),))
    assert _again(same_day) == []


def test_only_a_refund_under_the_money_back_promise_closes_the_service() -> None:
    later = MONEY_BACK.but(facts=(CH1, charge("2025-07-02", ref="ch_2")))
    assert _again(replace(later.ledger, returned=(replace(RETURNED, clause="iptv/IP-4"),))) == []
    elsewhere = replace(later.ledger, membership=replace(later.ledger.membership, policy=DEFAULT), returned=(RETURNED,))
    assert _again(elsewhere) == []


def test_a_new_membership_of_the_customer_is_a_new_subscription() -> None:
    of_another = replace(RETURNED, membership="M-0")
    new = MONEY_BACK.but(started="2025-07-02", facts=(charge("2025-07-02", ref="ch_2"),))
    assert _again(replace(new.ledger, returned=(of_another,))) == ["stripe:ch_2"]
    beside = MONEY_BACK.but(facts=(CH1, charge("2025-07-02", ref="ch_2")))
    assert _again(replace(beside.ledger, returned=(of_another,))) == []


def with_fees() -> Rules:
    """The same law, with a refund under `virtual-number` that bears the provider's fee."""
    law = rules().policy.versions
    (bundle,) = law["virtual-number"]
    clauses = (replace(c, terms=replace(c.terms, bear_fees=True)) if c.id == "VN-7" else c for c in bundle.clauses)
    return replace(rules(), policy=Policy({**law, "virtual-number": (replace(bundle, clauses=tuple(clauses)),)}))


def test_fees_are_borne_only_where_the_bundle_says_so() -> None:
    bearing = with_fees()
    known = NO_SMS.but(facts=(replace(CH1, fee_minor=317),))
    assert said(known.decide()) == "refund 9900 shall queued virtual-number/VN-3"
    assert said(known.decide(bearing)) == "refund 9583 shall queued virtual-number/VN-3"
    assert "- 317 fee of the provider = 9583" in known.decide(bearing).reason
    assert said(NO_SMS.decide(bearing)) == "refund 9900 shall held virtual-number/VN-3"
    assert "fee on it is not known" in NO_SMS.decide(bearing).reason
    # Also where the clock still runs, and where a person decides.
    paid = (replace(CH1, fee_minor=317),)
    assert (
        said(DEFECT.but(when=on_day(3), facts=paid).decide(bearing)) == "refund 9583 shall pending virtual-number/VN-5"
    )
    disputed = DEFECT.but(when=on_day(10), facts=paid).decide(bearing)
    assert said(disputed) == "review 9583 held virtual-number/VN-2 and virtual-number/VN-7"
    unknown = DEFECT.but(when=on_day(10)).decide(bearing)
    assert (unknown.amount, "fee on it is not known" in unknown.reason) == (None, True)
    # What was taken by mistake goes back whole.
    twice = tuple(replace(charge(BOUGHT, ref=ref), fee_minor=317) for ref in ("ch_1", "ch_2"))
    wrong = BILLING.but(policy=("virtual-number", "voip-fulfillment"), facts=twice, charge="stripe:ch_2")
    assert said(wrong.decide(bearing)) == "refund 9900 shall queued voip-fulfillment/FP-2"


def test_software_that_is_listed_as_compatible_is_for_a_person() -> None:
    told = NO_SMS.but(kind=ClaimKind.THIRD_PARTY_INCOMPATIBILITY).bringing(named=("examplesoft",))
    assert said(told.decide()) == "review held virtual-number/VN-6"


def test_an_address_that_is_not_on_record_is_for_a_person() -> None:
    told = MONEY_BACK.bringing(from_email="hash-of-somebody")
    nobody = replace(told.ledger, membership=replace(told.ledger.membership, email=None))
    answer = decide_claim(told.claim, nobody, rules(), at(on_day(7)))
    assert said(answer) == "review 9900 held iptv/IP-1"
    with_charge = replace(nobody.charges[0], charge=replace(nobody.charges[0].charge, email="hash-of-somebody"))
    bought = replace(nobody, charges=(with_charge,))
    assert said(decide_claim(told.claim, bought, rules(), at(on_day(7)))) == "refund 9900 shall queued iptv/IP-1"


def test_the_version_in_force_when_the_charge_was_made_decides() -> None:
    law = rules().policy.versions
    (first,) = law["virtual-number"]
    stricter = tuple(replace(c, terms=replace(c.terms, within_days=3)) if c.id == "VN-3" else c for c in first.clauses)
    second = replace(first, version="2025-07-01", effective=day("2025-07-01"), clauses=stricter)
    two = replace(rules(), policy=Policy({**law, "virtual-number": (first, second)}))
    assert said(NO_SMS.decide(two)) == "refund 9900 shall queued virtual-number/VN-3"
    later = NO_SMS.but(started="2025-07-01", when="2025-07-06")
    assert said(later.decide(two)) == "none 0 bar refused virtual-number/VN-3"


def test_the_same_claim_gets_the_same_answer_however_the_facts_are_ordered() -> None:
    told = BILLING.but(facts=TWICE)
    turned = replace(told.ledger, charges=told.ledger.charges[::-1])
    assert decide_claim(told.claim, turned, rules(), at(on_day(5))) == told.decide()


def five_days() -> Rules:
    """The fulfilment policy, did it ask for notice five business days before the cycle's end."""
    (bundle,) = rules().policy.versions["voip-fulfillment"]
    late = replace(bundle, notice=NoticeRule("FP-4", 5))
    return replace(rules(), policy=Policy({**rules().policy.versions, "voip-fulfillment": (late,)}))


@pytest.mark.parametrize(
    ("paid", "answer"),
    [
        # 30 May is too late for 2 June: that period is owed, and none of its days was wanted.
        ("2025-06-02", "refund 9900 may held voip-fulfillment/FP-5"),
        # A period that was over when the notice came was used whole.
        ("2025-04-02", "review may pending voip-fulfillment/FP-5 (notice)"),
    ],
)
def test_unused_days_begin_with_the_period_or_the_day_after_the_notice(paid: str, answer: str) -> None:
    told = Told(
        ClaimKind.UNUSED_PERIOD,
        "2025-06-03 10:00",
        VOIP,
        started="2025-04-02",
        facts=tuple(charge(on, ref=f"ch_{on}") for on in ("2025-04-02", "2025-05-02", "2025-06-02")),
        charge=f"stripe:ch_{paid}",
        story=(("notices", (cancel("2025-05-30"),)),),
    )
    assert said(told.decide(five_days())) == answer
