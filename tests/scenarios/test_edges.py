"""Edges: stories on both sides of a limit, or with and without the one fact that decides. Each was written for a change
of the core that no other test noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconcile.facts import Charge, ChargeState, DisputeState, Fact, RefundState
from reconcile.membership import Agreed, Agreement, Pause
from reconcile.outcome import FindingStatus
from tests.scenarios.world import Story, at, cancel, charge, day, dispute, failed, live, monthly, refund, wrong

FP2 = "voip-fulfillment/FP-2"
SC7 = "smartcalls/SC-7"
_TO_MARCH = monthly("2024-01-08", "2024-03-01")
MOVED = (
    Agreement("paypal", subscription="I-1", payer="PAYER1", until=day("2024-02-20")),
    Agreement("stripe", subscription="sub_1", customer="cus_1", since=day("2024-02-20")),
)
_ONCE_MORE = (*monthly("2024-01-08", "2024-04-01"), charge("2024-03-09", ref="b"))
_PACK = (Agreed(day("2024-03-20"), 2500, "number pack"),)
_PACKED = Story(changes=_PACK, facts=tuple(monthly("2024-01-08", "2024-04-01")), as_of="2024-04-05")
_APRIL = charge("2024-04-08", ref="april", period=("2024-04-08", "2024-05-08"))


def _late(on: str, amount: int = 9900) -> Charge:
    return charge(on, amount, ref="late")


def _with(story: Story, *more: Fact) -> Story:
    return replace(story, facts=(*story.facts, *more))


ROWS: list[tuple[str, Story, list[str]]] = [
    (
        "taken a week early for the next period: judged on that very day",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-01", ref="c", through="sub_1", period=("2024-03-08", "2024-04-08"))),
            as_of="2024-03-01",
        ),
        [],
    ),
    (
        "taken for the period after the next too, as it says itself",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-01", ref="c", through="sub_1", period=("2024-04-08", "2024-05-08"))),
            as_of="2024-03-01",
        ),
        [],
    ),
    (
        "taken twice for the next period",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-01", ref="c", period=("2024-03-08", "2024-04-08")),
                charge("2024-03-02", ref="d", period=("2024-03-08", "2024-04-08")),
            ),
            as_of="2024-03-03",
        ),
        [f"duplicate_charge d 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "35 days late, in the next period, whose own charge names it",
        Story(facts=(*_TO_MARCH, _APRIL, _late("2024-04-12")), as_of="2024-04-20"),
        [],
    ),
    (
        "36 days late there: the next renewal a second time",
        Story(facts=(*_TO_MARCH, _APRIL, _late("2024-04-13")), as_of="2024-04-20"),
        ["missed_renewal 2024-03-08", f"duplicate_charge late 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "an agreed one-off at another amount, three days from its day",
        _with(_PACKED, charge("2024-03-23", 3000, ref="pack")),
        [f"overcharge pack 500 -> refund 500 queued {FP2}"],
    ),
    (
        "four days from its day it is another thing",
        _with(_PACKED, charge("2024-03-24", 3000, ref="pack")),
        [f"unscheduled_charge pack 3000 -> refund 3000 held (likely) {FP2}"],
    ),
    (
        "half as much again as agreed is still the one-off",
        _with(_PACKED, charge("2024-03-20", 3750, ref="pack")),
        [f"overcharge pack 1250 -> refund 1250 queued {FP2}"],
    ),
    (
        "more than half as much again is another thing",
        _with(_PACKED, charge("2024-03-20", 3751, ref="pack")),
        [f"unscheduled_charge pack 3751 -> refund 3751 held (likely) {FP2}"],
    ),
    (
        "a one-off of another amount never comes through the subscription",
        _with(_PACKED, charge("2024-03-20", 3000, ref="pack", through="sub_1")),
        [f"unscheduled_charge pack 3000 -> refund 3000 queued {FP2}"],
    ),
    (
        "less than two renewals is no catch-up of both",
        Story(facts=(*_TO_MARCH, charge("2024-04-08", 15000, ref="c", through="sub_1")), as_of="2024-04-20"),
        ["missed_renewal 2024-03-08", f"overcharge c 5100 -> refund 5100 queued {FP2}"],
    ),
    (
        "unless the one before was seen to fail",
        Story(
            facts=(*_TO_MARCH, failed("2024-03-08"), charge("2024-04-08", 15000, ref="c", through="sub_1")),
            as_of="2024-04-20",
        ),
        ["undercharge c"],
    ),
    (
        "too little, in the next period: nothing says that it is for the one before",
        Story(facts=(*_TO_MARCH, _APRIL, _late("2024-04-10", 8900)), as_of="2024-04-20"),
        ["missed_renewal 2024-03-08", f"unscheduled_charge late 8900 -> refund 8900 held (likely) {FP2}"],
    ),
    (
        "unless that one was seen to fail",
        Story(facts=(*_TO_MARCH, failed("2024-03-08"), _APRIL, _late("2024-04-10", 8900)), as_of="2024-04-20"),
        ["undercharge late"],
    ),
    (
        "a charge that names time after the end pays nothing before it",
        Story(
            notices=(cancel("2024-03-10"),),
            facts=(*_TO_MARCH, charge("2024-04-06", ref="c", period=("2024-04-08", "2024-05-08"))),
            as_of="2024-04-20",
        ),
        ["missed_renewal 2024-03-08", f"post_cancellation_charge c 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "as much too much as another is too little: the one that covers pays",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-08", 9800, ref="a"), charge("2024-03-09", 10000, ref="b")),
            as_of="2024-03-20",
        ),
        [
            f"overcharge b 100 -> refund 100 queued {FP2}",
            f"unscheduled_charge a 9800 -> refund 9800 held (likely) {FP2}",
        ],
    ),
    (
        "the agreement that was given up loses even where it names the period",
        Story(
            agreements=MOVED,
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="old", provider="paypal", through="I-1", period=("2024-03-08", "2024-04-08")),
                charge("2024-03-09", ref="new"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge old 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "an amount that is off is believed of the agreement in force before the one that was given up",
        Story(
            agreements=MOVED,
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 10900, ref="old", provider="paypal", through="I-1"),
                charge("2024-03-09", 11900, ref="new", through="sub_1"),
            ),
            as_of="2024-03-20",
        ),
        [
            f"duplicate_charge old 10900 -> refund 10900 queued {FP2}",
            f"overcharge new 2000 -> refund 2000 queued {FP2}",
        ],
    ),
    (
        "a part that names another period completes nothing",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 4950, ref="half"),
                charge("2024-03-09", 4950, ref="other", period=("2024-02-08", "2024-03-08")),
            ),
            as_of="2024-03-20",
        ),
        ["undercharge half", f"unscheduled_charge other 4950 -> refund 4950 queued {FP2}"],
    ),
    (
        "a part that was given back completes nothing",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 4950, ref="half"),
                charge("2024-03-09", 4950, ref="rest"),
                refund("rest", 4950, "2024-03-10"),
            ),
            as_of="2024-03-20",
        ),
        ["corrected_elsewhere rest 4950", "undercharge half"],
    ),
    (
        "in another currency: it was taken for the period that it names, not for the nearest",
        Story(
            facts=(*_TO_MARCH, charge("2024-04-07", ref="c", currency="CAD", period=("2024-03-08", "2024-04-08"))),
            as_of="2024-04-20",
        ),
        ["wrong_currency c -> review held (other_currency)"],
    ),
    (
        "taken in a pause for a period that was paid: a duplicate of that",
        Story(
            changes=(Pause(day("2024-02-20"), day("2024-03-20")),),
            facts=(
                charge("2024-01-08"),
                charge("2024-02-08", ref="february", period=("2024-02-08", "2024-03-08")),
                charge("2024-03-01", ref="c", period=("2024-02-08", "2024-03-08")),
            ),
            as_of="2024-03-25",
        ),
        [f"duplicate_charge c 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "three for one period, one of them disputed: nothing is sent on the others",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="a"),
                charge("2024-03-09", ref="b"),
                charge("2024-03-10", ref="c"),
                dispute("c", "2024-03-12", DisputeState.OPEN),
            ),
            as_of="2024-03-20",
        ),
        [
            f"duplicate_charge b 9900 -> refund 9900 held (disputed) {FP2}",
            f"duplicate_charge c 9900 -> refund 9900 held (disputed) {FP2}",
        ],
    ),
    (
        "a dispute of a charge in another period holds nothing",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="a"),
                charge("2024-03-09", ref="b"),
                dispute("ch_2024-02-08_9900", "2024-03-12", DisputeState.OPEN),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge b 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "what pays nothing is certain where it names a period, whatever its amount",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-01", 2500, ref="c", period=("2024-02-08", "2024-03-08"))),
            as_of="2024-03-05",
        ),
        [f"unscheduled_charge c 2500 -> refund 2500 queued {FP2}"],
    ),
    (
        "our refund that is on its way settles nothing yet",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="a"),
                charge("2024-03-09", ref="b"),
                refund("b", 9900, "2024-03-10", state=RefundState.PENDING, remedy="remedy:stripe:b"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge b 9900 -> refund 9900 submitted {FP2}"],
    ),
    (
        "money that is on its way is not missed",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", state=ChargeState.PENDING)), as_of="2024-04-05"),
        [],
    ),
    (
        "an agreement that was to end today is live",
        Story(agreements=MOVED, facts=(*_TO_MARCH, live()), as_of="2024-02-20"),
        [f"live_after_cancellation paypal:I-1 -> cancel_agreement held (approval) {SC7}"],
    ),
    (
        "and the day before it is not",
        Story(agreements=MOVED, facts=(*_TO_MARCH, live()), as_of="2024-02-19"),
        [],
    ),
    (
        "an agreement that ends by plan two days later is confirmed",
        Story(agreements=MOVED, facts=(*_TO_MARCH, replace(live(), ends_at=at("2024-02-22"))), as_of="2024-02-20"),
        [],
    ),
    (
        "three days later is not",
        Story(agreements=MOVED, facts=(*_TO_MARCH, replace(live(), ends_at=at("2024-02-23"))), as_of="2024-02-20"),
        [f"live_after_cancellation paypal:I-1 -> cancel_agreement held (approval) {SC7}"],
    ),
    (
        "a dispute and the reversal that carries it out are one and the same money",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="a"),
                charge("2024-03-09", ref="b"),
                dispute("b", "2024-03-12", DisputeState.LOST, 4000),
                replace(refund("b", 4000, "2024-03-14"), reversal=True),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge b 9900 -> refund 5900 queued {FP2}"],
    ),
    (
        "what the charge states and the refunds that are known singly are one and the same money",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="a"),
                replace(charge("2024-03-09", ref="b", refunded=4000), told_at=at("2024-03-15")),
                refund("b", 3000, "2024-03-14"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge b 9900 -> refund 5900 queued {FP2}"],
    ),
    (
        "what failed before the charge stated what went back is not in that",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="a"),
                replace(charge("2024-03-09", ref="b", refunded=4000), told_at=at("2024-03-15")),
                replace(refund("b", 3000, "2024-03-10", state=RefundState.FAILED), told_at=at("2024-03-12")),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge b 9900 -> refund 5900 queued {FP2}"],
    ),
    (
        "what failed after it was",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="a"),
                replace(charge("2024-03-09", ref="b", refunded=4000), told_at=at("2024-03-15")),
                replace(refund("b", 3000, "2024-03-10", state=RefundState.FAILED), told_at=at("2024-03-16")),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge b 9900 -> refund 8900 queued {FP2}"],
    ),
    (
        "a refund on its last day of grace",
        Story(facts=(*_ONCE_MORE, refund("b", 9900, "2024-03-10", state=RefundState.PENDING)), as_of="2024-03-31"),
        ["corrected_elsewhere b 9900"],
    ),
    (
        "and on the day after it",
        Story(facts=(*_ONCE_MORE, refund("b", 9900, "2024-03-10", state=RefundState.PENDING)), as_of="2024-04-01"),
        ["corrected_elsewhere b 9900", "refund_overdue b"],
    ),
    (
        "what staff gave back before our refund failed does not stand in for it",
        Story(
            facts=(
                *_ONCE_MORE,
                refund("b", 4000, "2024-03-10"),
                refund("b", 5900, "2024-03-12", state=RefundState.FAILED, remedy="remedy:stripe:b"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge b 9900 -> refund 5900 queued {FP2}", "refund_failed b"],
    ),
    (
        "up to the cap it goes by itself",
        Story(
            price=20000, facts=(charge("2024-01-08", 20000), charge("2024-01-09", 20000, ref="b")), as_of="2024-01-20"
        ),
        [f"duplicate_charge b 20000 -> refund 20000 queued {FP2}"],
    ),
    (
        "one minor unit above it a second person looks",
        Story(
            price=20001, facts=(charge("2024-01-08", 20001), charge("2024-01-09", 20001, ref="b")), as_of="2024-01-20"
        ),
        [f"duplicate_charge b 20001 -> refund 20001 held (four_eyes) {FP2}"],
    ),
    (
        "the largest amount of one remedy, to the unit",
        Story(
            price=50000, facts=(charge("2024-01-08", 50000), charge("2024-01-09", 50000, ref="b")), as_of="2024-01-20"
        ),
        [f"duplicate_charge b 50000 -> refund 50000 held (four_eyes) {FP2}"],
    ),
    (
        "above it",
        Story(
            price=50001, facts=(charge("2024-01-08", 50001), charge("2024-01-09", 50001, ref="b")), as_of="2024-01-20"
        ),
        [f"duplicate_charge b 50001 -> refund 50001 held (above_cap) {FP2}"],
    ),
]


@pytest.mark.parametrize(("story", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_story_comes_out(story: Story, expected: list[str]) -> None:
    assert sorted(expected) == sorted(wrong(story.judged()))


def test_the_note_about_the_set_up_fee_stands_where_it_is_what_was_taken_too_much_and_nowhere_else() -> None:
    def notes(amount: int) -> list[str]:
        told = Story(
            setup_fee=14900,
            facts=(charge("2024-01-08", 24800), charge("2024-02-08", amount, ref="c")),
            as_of="2024-02-20",
        )
        (finding,) = told.judged().findings
        return [line for line in finding.because if "set-up fee" in line]

    assert len(notes(24800)) == 1
    assert notes(24799) == []


def test_of_parts_that_come_to_less_the_last_one_is_the_one_that_is_short() -> None:
    told = Story(
        facts=(*_TO_MARCH, charge("2024-03-08", 4000, ref="a"), charge("2024-03-09", 5000, ref="b")), as_of="2024-03-20"
    )
    (finding,) = told.judged().findings

    assert (finding.charge and finding.charge.id, finding.first_seen) == ("b", day("2024-03-09"))


def test_a_duplicate_is_seen_once_both_charges_are_there() -> None:
    """The earlier is the duplicate, because it names no period; nobody could have known before the later came."""
    named = charge("2024-03-19", ref="named", period=("2024-03-08", "2024-04-08"))
    told = Story(facts=(*_TO_MARCH, charge("2024-03-08", ref="early"), named), as_of="2024-03-25")
    (finding,) = told.judged().findings

    assert (finding.charge and finding.charge.id, finding.first_seen) == ("early", day("2024-03-19"))


def test_a_charge_that_came_too_early_to_be_for_nothing_is_seen_once_the_renewal_was_paid() -> None:
    early = charge("2024-03-06", 2500, ref="early", through="sub_1")
    told = Story(facts=(*_TO_MARCH, early, charge("2024-03-09", through="sub_1")), as_of="2024-03-25")
    (finding,) = told.judged().findings

    assert (finding.charge and finding.charge.id, finding.first_seen) == ("early", day("2024-03-09"))


@pytest.mark.parametrize(
    ("state", "status"), [(RefundState.PENDING, FindingStatus.OPEN), (RefundState.SETTLED, FindingStatus.SETTLED)]
)
def test_our_refund_settles_a_finding_once_the_money_is_there(state: RefundState, status: FindingStatus) -> None:
    sent = refund("b", 9900, "2024-03-10", state=state, remedy="remedy:stripe:b")
    (finding,) = Story(facts=(*_ONCE_MORE, sent), as_of="2024-03-20").judged().findings

    assert finding.status is status
