"""Stories beyond the worked examples: look-alikes, windows at both edges, agreements, periods, and pairings that a
greedy matcher gets wrong."""

from __future__ import annotations

import pytest

from reconcile.facts import DisputeState, EndedBy, RefundState
from reconcile.ledger import BoundBy
from reconcile.membership import Agreed, Agreement, Channel, Pause, PriceChange, QuantityChange, Termination
from reconcile.outcome import Confidence, LookAlike
from tests.scenarios.world import (
    Story,
    cancel,
    charge,
    day,
    dispute,
    ended,
    failed,
    live,
    monthly,
    reactivate,
    refund,
    wrong,
)

FP2 = "voip-fulfillment/FP-2"
_TO_MARCH = monthly("2024-01-08", "2024-03-01")
_TO_APRIL = monthly("2024-01-08", "2024-04-01")
_TWICE = (*_TO_APRIL, charge("2024-03-09", ref="twice", through="sub_1"))
MOVED = (
    Agreement("paypal", subscription="I-1", payer="PAYER1", until=day("2024-01-08")),
    Agreement("stripe", subscription="sub_1", customer="cus_1", since=day("2024-01-08")),
)

ROWS: list[tuple[str, Story, list[str]]] = [
    (
        "one minor unit too much is an overcharge",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", 9901)), as_of="2024-03-20"),
        [f"overcharge ch_2024-03-08_9901 1 -> refund 1 queued {FP2}"],
    ),
    (
        "two days early pays the coming renewal",
        Story(facts=(*_TO_MARCH, charge("2024-03-06")), as_of="2024-03-20"),
        [],
    ),
    (
        "three days early takes the running period a second time",
        Story(facts=(*_TO_MARCH, charge("2024-03-05"), charge("2024-03-08")), as_of="2024-03-20"),
        [f"duplicate_charge ch_2024-03-05_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "35 days late still pays a yearly renewal",
        Story(price=9900, every=Story().every.YEAR, facts=(charge("2024-02-12"),), as_of="2024-02-20"),
        ["missed_renewal 2024-01-08"][:0],
    ),
    (
        "36 days late pays nothing",
        Story(price=9900, every=Story().every.YEAR, facts=(charge("2024-02-13"),), as_of="2024-02-20"),
        ["missed_renewal 2024-01-08", f"unscheduled_charge ch_2024-02-13_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a failed attempt keeps the renewal open for longer",
        Story(
            every=Story().every.YEAR,
            facts=(failed("2024-01-08"), failed("2024-02-01"), charge("2024-03-01")),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "an extra charge in the month after one that never came pays it late",
        Story(facts=(charge("2024-01-08"), charge("2024-03-08"), charge("2024-03-10")), as_of="2024-03-20"),
        [],
    ),
    (
        "an old gap does not excuse a duplicate months later",
        Story(
            facts=(*monthly("2024-01-08", "2024-09-01", without=("2024-02-08",)), charge("2024-08-10")),
            as_of="2024-08-20",
        ),
        ["missed_renewal 2024-02-08", f"duplicate_charge ch_2024-08-10_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "dates before amounts: the charge of the old price on the day of the new one is short, not late",
        Story(
            changes=(PriceChange(day("2024-03-08"), 10900),),
            facts=(charge("2024-01-08"), charge("2024-03-08", 9900)),
            as_of="2024-03-20",
        ),
        ["missed_renewal 2024-02-08", "undercharge ch_2024-03-08_9900"],
    ),
    (
        "two charges cross so that both amounts fit",
        Story(
            changes=(PriceChange(day("2024-03-08"), 10900),),
            facts=(charge("2024-01-08"), charge("2024-03-08", 9900), charge("2024-03-10", 10900)),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "a named period goes before date and amount",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 9900, ref="ch_plain"),
                charge("2024-03-10", 9900, ref="ch_named", period=("2024-03-08", "2024-04-08")),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_plain 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a charge that names an old period pays it, however late",
        Story(
            facts=(
                *monthly("2024-01-08", "2024-07-01", without=("2024-03-08",)),
                charge("2024-06-20", ref="ch_late", period=("2024-03-08", "2024-04-08")),
            ),
            as_of="2024-07-01",
        ),
        [],
    ),
    (
        "taken before the end for time after it",
        Story(
            notices=(cancel("2024-03-10"),),
            facts=(
                *monthly("2024-01-08", "2024-04-01"),
                charge("2024-04-06", ref="ch_ahead", period=("2024-04-08", "2024-05-08")),
            ),
            as_of="2024-04-20",
        ),
        [f"post_cancellation_charge ch_ahead 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "two part payments pay one renewal",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", 6000), charge("2024-03-10", 3900)), as_of="2024-03-20"),
        [],
    ),
    (
        "a catch-up of three months in one charge",
        Story(
            facts=(
                charge("2024-01-08", provider="paypal", through="I-1"),
                failed("2024-02-08"),
                failed("2024-03-08"),
                charge("2024-04-08", 29700, provider="paypal", through="I-1"),
            ),
            as_of="2024-04-20",
        ),
        [],
    ),
    (
        "double the price with nothing outstanding is an overcharge",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", 19800)), as_of="2024-03-20"),
        [f"overcharge ch_2024-03-08_19800 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a charge in the trial",
        Story(trial_days=14, facts=(charge("2024-01-08"), charge("2024-01-22")), as_of="2024-01-30"),
        [f"unscheduled_charge ch_2024-01-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "three seats are three prices",
        Story(
            changes=(QuantityChange(day("2024-02-08"), 3),),
            facts=(charge("2024-01-08"), charge("2024-02-08", 29700), charge("2024-03-08", 29700)),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "a notice that is withdrawn before it binds changes nothing",
        Story(
            notices=(cancel("2024-02-12"), reactivate("2024-02-20")),
            facts=tuple(monthly("2024-01-08", "2024-06-01")),
            as_of="2024-05-20",
        ),
        [],
    ),
    (
        "after a re-activation the anniversary is its own date",
        Story(
            notices=(cancel("2024-02-12"), reactivate("2024-05-20")),
            facts=(*monthly("2024-01-08", "2024-03-01"), *monthly("2024-05-20", "2024-08-01")),
            as_of="2024-07-30",
        ),
        [],
    ),
    (
        "of two notices the one that binds earliest counts",
        Story(
            notices=(cancel("2024-03-20"), cancel("2024-02-12")),
            facts=(*_TO_MARCH, charge("2024-03-08")),
            as_of="2024-03-20",
        ),
        [f"post_cancellation_charge ch_2024-03-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a cancellation at the only provider is a written notice",
        Story(
            agreements=(Agreement("paypal", subscription="I-1"),),
            facts=(
                *monthly("2024-01-08", "2024-03-01", provider="paypal"),
                ended("2024-02-20"),
                charge("2024-03-08", provider="paypal", through="I-1"),
            ),
            as_of="2024-03-20",
        ),
        [f"post_cancellation_charge ch_2024-03-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "the provider's own ending is no notice",
        Story(
            agreements=(Agreement("paypal", subscription="I-1"),),
            facts=(
                *monthly("2024-01-08", "2024-03-01", provider="paypal"),
                ended("2024-02-20", by=EndedBy.PROVIDER),
                charge("2024-03-08", provider="paypal", through="I-1"),
            ),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "a telephone call under a policy that takes notice by support binds",
        Story(
            policy=("voip-fulfillment",),
            notices=(cancel("2024-02-20", Channel.PHONE),),
            facts=(*_TO_MARCH, charge("2024-03-08")),
            as_of="2024-03-20",
        ),
        [f"post_cancellation_charge ch_2024-03-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a written notice follows the call: nothing is left to follow up",
        Story(
            notices=(cancel("2024-02-12", Channel.PHONE), cancel("2024-02-14")),
            facts=tuple(_TO_MARCH),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "an agreement that is live on the day the cancellation binds",
        Story(
            notices=(cancel("2024-02-12"),),
            facts=(*_TO_MARCH, live("stripe", "sub_1")),
            as_of="2024-03-08",
        ),
        ["live_after_cancellation stripe:sub_1 -> cancel_agreement held (approval) smartcalls/SC-7"],
    ),
    (
        "the lost dispute and the reversal that carries it out are one money",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-09", 19800, ref="ch_2", through="sub_1"),
                dispute("ch_2", "2024-03-11", DisputeState.LOST, 9900),
                refund("ch_2", 9900, "2024-03-15"),
            ),
            as_of="2024-03-20",
        ),
        ["corrected_elsewhere ch_2 19800"],
    ),
    (
        "a refund that failed gave nothing back",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-09", ref="ch_2"),
                refund("ch_2", 9900, "2024-03-10", state=RefundState.FAILED),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_2 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a refund on its way counts as given back",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-09", ref="ch_2"),
                refund("ch_2", 9900, "2024-03-10", state=RefundState.PENDING),
            ),
            as_of="2024-03-20",
        ),
        ["corrected_elsewhere ch_2 9900"],
    ),
    (
        "a goodwill refund of a charge that was owed owes nothing",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-08"), refund("ch_2024-03-08_9900", 9900, "2024-03-10")),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "the charge refunded in full and charged anew at another amount: the new one pays",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 9900, ref="ch_1"),
                refund("ch_1", 9900, "2024-03-09"),
                charge("2024-03-10", 10900, ref="ch_2"),
            ),
            as_of="2024-03-20",
        ),
        ["corrected_elsewhere ch_1 9900", f"overcharge ch_2 1000 -> refund 1000 queued {FP2}"],
    ),
    (
        "the payer of a duplicated period is disputed: both wait",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 10900, ref="ch_1"),
                dispute("ch_1", "2024-03-11", DisputeState.INQUIRY),
            ),
            as_of="2024-03-20",
        ),
        [f"overcharge ch_1 1000 -> refund 1000 held (disputed) {FP2}"],
    ),
    (
        "a pause that ends brings the old anniversary back",
        Story(
            changes=(Pause(day("2024-03-01"), day("2024-04-15")),),
            facts=(*_TO_MARCH, charge("2024-05-08")),
            as_of="2024-05-20",
        ),
        [],
    ),
    (
        "an agreed one-off on the day of a renewal comes in one charge with it",
        Story(
            changes=(Agreed(day("2024-03-08"), 2500, "number pack"),),
            facts=(*_TO_MARCH, charge("2024-03-08", 12400)),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "after an end for breach even the same month's renewal was owed",
        Story(notices=(Termination(day("2024-02-20")),), facts=tuple(_TO_MARCH), as_of="2024-05-20"),
        [],
    ),
    (
        "a membership that ran to its agreed end is charged no more",
        Story(ended_on="2024-03-08", facts=(*_TO_MARCH, charge("2024-03-08")), as_of="2024-03-20"),
        [f"post_cancellation_charge ch_2024-03-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "two agreements, one cancelled: the membership goes on",
        Story(
            agreements=MOVED,
            facts=(*_TO_MARCH, ended("2024-02-01"), charge("2024-03-08")),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "beside a renewal paid in full a part is plainly too much",
        Story(facts=(*_TO_APRIL, charge("2024-03-09", 5000, ref="two", through="sub_1")), as_of="2024-03-20"),
        [f"unscheduled_charge two 5000 -> refund 5000 queued {FP2}"],
    ),
    (
        "two parts that come to more than is owed: the second may be the rest, so a person decides",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 5000, ref="one", through="sub_1"),
                charge("2024-03-09", 5000, ref="two", through="sub_1"),
            ),
            as_of="2024-03-20",
        ),
        ["undercharge one", f"unscheduled_charge two 5000 -> refund 5000 held (likely) {FP2}"],
    ),
    (
        "an old price charged twice: the second is no rest of the hundred that are lacking",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 9800, ref="one", through="sub_1"),
                charge("2024-03-09", 9800, ref="two", through="sub_1"),
            ),
            as_of="2024-03-20",
        ),
        ["undercharge one", f"unscheduled_charge two 9800 -> refund 9800 queued {FP2}"],
    ),
    (
        "refunded, then charged back: more than was taken",
        Story(
            facts=(
                *_TWICE,
                refund("twice", 9900, "2024-03-10"),
                dispute("twice", "2024-03-20", DisputeState.LOST),
            ),
            as_of="2024-04-05",
        ),
        ["corrected_elsewhere twice 9900", "over_refunded twice"],
    ),
    (
        "a right charge, refunded in part, then charged back whole",
        Story(
            facts=(
                *_TO_APRIL,
                refund("ch_2024-03-08_9900", 1, "2024-03-10"),
                dispute("ch_2024-03-08_9900", "2024-03-20", DisputeState.LOST),
            ),
            as_of="2024-04-05",
        ),
        ["over_refunded ch_2024-03-08_9900"],
    ),
    (
        "a part refunded, then the rest charged back: what was taken and no more",
        Story(
            facts=(
                *_TWICE,
                refund("twice", 4000, "2024-03-10"),
                dispute("twice", "2024-03-20", DisputeState.LOST, 5900),
            ),
            as_of="2024-04-05",
        ),
        ["corrected_elsewhere twice 9900"],
    ),
    (
        "a refund made while the dispute ran may be what settled it",
        Story(
            facts=(
                *_TWICE,
                refund("twice", 9900, "2024-03-25"),
                dispute("twice", "2024-03-20", DisputeState.LOST),
            ),
            as_of="2024-04-05",
        ),
        ["corrected_elsewhere twice 9900"],
    ),
    (
        "a refund that failed is no second one",
        Story(
            facts=(
                *_TWICE,
                refund("twice", 9900, "2024-03-10", state=RefundState.FAILED),
                dispute("twice", "2024-03-20", DisputeState.LOST),
            ),
            as_of="2024-04-05",
        ),
        ["corrected_elsewhere twice 9900"],
    ),
    (
        "given back whole by us, and then the other one too: ours stays the duplicate",
        Story(
            facts=(
                *_TWICE,
                refund("twice", 9900, "2024-03-10", remedy="remedy:stripe:twice"),
                refund("ch_2024-03-08_9900", 9900, "2024-03-11"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge twice 9900 -> refund 9900 settled {FP2}"],
    ),
    (
        "given back by us by mistake, and charged again: the new charge pays",
        Story(
            facts=(
                *_TO_APRIL,
                refund("ch_2024-03-08_9900", 9900, "2024-03-10", remedy="remedy:stripe:ch_2024-03-08_9900"),
                charge("2024-03-12", ref="again"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_2024-03-08_9900 9900 -> refund 9900 settled {FP2}"],
    ),
    (
        "a part given back by us for an excess leaves the charge the one that pays",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 10900, ref="high", through="sub_1"),
                refund("high", 1000, "2024-03-09", remedy="remedy:stripe:high"),
                charge("2024-03-12", 10900, ref="again", through="sub_1"),
            ),
            as_of="2024-03-20",
        ),
        [
            f"overcharge high 1000 -> refund 1000 settled {FP2}",
            f"duplicate_charge again 10900 -> refund 10900 queued {FP2}",
        ],
    ),
]


@pytest.mark.parametrize(("story", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_story_comes_out(story: Story, expected: list[str]) -> None:
    assert expected == wrong(story.judged())


def _notes(story: Story, ref: str) -> tuple[LookAlike, ...]:
    return next(e.notes for e in story.judged().explained if e.charge.id == ref)


def test_look_alikes_are_named() -> None:
    setup = Story(setup_fee=14900, facts=(charge("2024-01-08", 24800, ref="c"),), as_of="2024-01-20")
    late = Story(facts=(charge("2024-01-29", ref="c"),), as_of="2024-02-01")
    arrears = Story(facts=(failed("2024-01-08"), charge("2024-02-08", 19800, ref="c")), as_of="2024-02-20")
    taxed = Story(facts=(charge("2024-01-08", 10717, ref="c", tax=817),), as_of="2024-01-20")
    agreed = Story(
        changes=(Agreed(day("2024-01-20"), 2500),),
        facts=(charge("2024-01-08"), charge("2024-01-20", 2500, ref="c")),
        as_of="2024-01-30",
    )

    assert _notes(setup, "c") == (LookAlike.FIRST_CHARGE_WITH_SETUP,)
    assert _notes(late, "c") == (LookAlike.LATE_PAYMENT,)
    assert _notes(arrears, "c") == (LookAlike.OUTSTANDING_BALANCE,)
    assert _notes(taxed, "c") == (LookAlike.STATED_TAX,)
    assert _notes(agreed, "c") == (LookAlike.AGREED_CHARGE,)


@pytest.mark.parametrize(
    ("story", "confidence"),
    [
        (Story(), Confidence.CERTAIN),
        (Story(by=BoundBy.EMAIL), Confidence.LIKELY),
        (Story(complete=False), Confidence.LIKELY),
        (Story(stated_by_provider=True), Confidence.LIKELY),
    ],
)
def test_what_is_bound_by_email_or_seen_in_part_is_likely_only(story: Story, confidence: Confidence) -> None:
    told = story.but(facts=(*_TO_MARCH, charge("2024-03-08"), charge("2024-03-09")), as_of="2024-03-20")

    assert [confidence] == [f.confidence for f in told.judged().findings]


def test_a_move_is_noted_around_the_move_only() -> None:
    moved = Story(
        agreements=MOVED,
        facts=tuple(monthly("2024-01-08", "2024-07-01")),
        as_of="2024-06-30",
    )

    assert _notes(moved, "ch_2024-01-08_9900") == (LookAlike.OVERLAP_ON_SWITCH,)
    assert _notes(moved, "ch_2024-05-08_9900") == ()


def test_the_set_up_fee_a_second_time_a_month_later_is_certain() -> None:
    told = Story(
        setup_fee=14900,
        facts=(
            charge("2024-01-08", 24800, provider="paypal", through="I-1"),
            charge("2024-02-08", 24800, through="I-1", provider="paypal"),
        ),
        as_of="2024-02-20",
    )

    assert [f"overcharge ch_2024-02-08_24800 14900 -> refund 14900 queued {FP2}"] == wrong(told.judged())
