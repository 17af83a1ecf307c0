"""The worked examples of the five policies: each row is one story and what must come out of it."""

from __future__ import annotations

import pytest

from reconcile.facts import DisputeState, EndedBy, SubscriptionState
from reconcile.membership import (
    Agreed,
    Agreement,
    Channel,
    Discount,
    Every,
    Pause,
    PlanChange,
    PriceChange,
    Termination,
)
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

VOIP = ("voip-fulfillment",)
FP2 = "voip-fulfillment/FP-2"
_TO_MARCH = monthly("2024-01-08", "2024-03-01")
_TO_MAY = monthly("2024-01-08", "2024-05-01")

ROWS: list[tuple[str, Story, list[str]]] = [
    (
        "W7 notice at the last hour of the last day is in time",
        Story(
            notices=(cancel("2024-06-28 23:59"),),
            facts=(*monthly("2024-01-08", "2024-07-01"), charge("2024-07-08")),
        ),
        [f"post_cancellation_charge ch_2024-07-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W8 notice one minute later leaves one renewal owed",
        Story(
            notices=(cancel("2024-06-29 00:01"),),
            facts=(*monthly("2024-01-08", "2024-07-01"), charge("2024-07-08"), charge("2024-08-08")),
        ),
        [f"post_cancellation_charge ch_2024-08-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W9 a telephone call is no notice, a person follows up",
        Story(
            notices=(cancel("2024-06-03", Channel.PHONE),),
            facts=tuple(monthly("2024-01-08", "2024-08-01")),
            as_of="2024-07-31",
        ),
        ["unwritten_notice"],
    ),
    (
        "W10 two charges on one day: one is the duplicate",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-08", ref="ch_1"), charge("2024-03-08", ref="ch_2")), as_of="2024-03-20"
        ),
        [f"duplicate_charge ch_2 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W11 two charges in one period: the later is the duplicate",
        Story(facts=(*_TO_MARCH, charge("2024-03-08"), charge("2024-03-12")), as_of="2024-03-20"),
        [f"duplicate_charge ch_2024-03-12_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W13 the agreement left behind charges once more",
        Story(
            agreements=(
                Agreement("stripe", subscription="sub_1", customer="cus_1", since=day("2024-01-08")),
                Agreement("paypal", subscription="I-1", until=day("2024-01-08")),
            ),
            facts=(
                *_TO_MARCH,
                charge("2024-03-08"),
                charge("2024-03-09", ref="8XY", provider="paypal", through="I-1"),
                live(),
            ),
            as_of="2024-03-20",
        ),
        [
            "live_after_cancellation paypal:I-1 -> cancel_agreement held (approval) smartcalls/SC-7",
            f"duplicate_charge 8XY 9900 -> refund 9900 queued {FP2}",
        ],
    ),
    (
        "W14 ten dollars too much",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", 10900)), as_of="2024-03-20"),
        [f"overcharge ch_2024-03-08_10900 1000 -> refund 1000 queued {FP2}"],
    ),
    (
        "W15 the rise came a month early",
        Story(
            changes=(PriceChange(day("2024-04-08"), 10900),),
            facts=(*_TO_MARCH, charge("2024-03-08", 10900), charge("2024-04-08", 10900)),
            as_of="2024-04-20",
        ),
        [f"overcharge ch_2024-03-08_10900 1000 -> refund 1000 queued {FP2}"],
    ),
    (
        "W16 the first charge pays dues and set-up fee",
        Story(setup_fee=14900, facts=(charge("2024-01-08", 24800),), as_of="2024-01-20"),
        [],
    ),
    (
        "W17 the set-up fee again on re-activation",
        Story(
            setup_fee=14900,
            notices=(cancel("2024-03-12"), reactivate("2024-09-10")),
            facts=(charge("2024-01-08", 24800), *monthly("2024-02-08", "2024-04-01"), charge("2024-09-10", 24800)),
            as_of="2024-09-20",
        ),
        [f"overcharge ch_2024-09-10_24800 14900 -> refund 14900 queued {FP2}"],
    ),
    (
        "W18 monthly dues inside a paid year",
        Story(
            started="2024-02-01",
            price=99000,
            every=Every.YEAR,
            facts=(charge("2024-02-01", 99000), charge("2024-05-01", through="sub_1")),
        ),
        [f"unscheduled_charge ch_2024-05-01_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W18 monthly dues after the plan became a yearly one",
        Story(
            started="2024-01-01",
            changes=(PlanChange(day("2024-02-01"), 99000, Every.YEAR, 1),),
            facts=(charge("2024-01-01"), charge("2024-02-01", 99000), charge("2024-05-01")),
        ),
        [f"unscheduled_charge ch_2024-05-01_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W23 without a notice period the cycle's end binds",
        Story(
            started="2024-01-20",
            policy=VOIP,
            notices=(cancel("2024-03-10"),),
            facts=(*monthly("2024-01-20", "2024-03-01"), charge("2024-03-20")),
        ),
        [f"post_cancellation_charge ch_2024-03-20_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W24 notice on the anniversary falls into the cycle that begins that day",
        Story(
            started="2024-01-20",
            policy=VOIP,
            notices=(cancel("2024-03-20"),),
            facts=(*monthly("2024-01-20", "2024-03-01"), charge("2024-03-20"), charge("2024-04-20")),
        ),
        [f"post_cancellation_charge ch_2024-04-20_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W25 no billing-error clause: a person decides",
        Story(
            policy=("smartcalls",), facts=(*_TO_MARCH, charge("2024-03-08"), charge("2024-03-09")), as_of="2024-03-20"
        ),
        ["duplicate_charge ch_2024-03-09_9900 9900 -> review 9900 held (no_clause)"],
    ),
    (
        "W26 a clause that says may waits for approval",
        Story(policy=("iptv",), facts=(*_TO_MARCH, charge("2024-03-08"), charge("2024-03-09")), as_of="2024-03-20"),
        ["duplicate_charge ch_2024-03-09_9900 9900 -> refund 9900 held (approval) iptv/IP-4"],
    ),
    (
        "W27 a late payment of a period that was owed",
        Story(
            started="2024-01-01",
            notices=(cancel("2024-06-10"),),
            facts=(*monthly("2024-01-01", "2024-06-01"), failed("2024-06-01"), charge("2024-06-22")),
            as_of="2024-07-20",
        ),
        [],
    ),
    (
        "W28 an outstanding balance for a period that was not owed",
        Story(
            started="2024-01-01",
            notices=(cancel("2024-05-20"),),
            facts=(
                *monthly("2024-01-01", "2024-06-01", provider="paypal"),
                failed("2024-06-01"),
                charge("2024-06-05", provider="paypal", through="I-1"),
            ),
            as_of="2024-07-20",
        ),
        [f"post_cancellation_charge ch_2024-06-05_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W29 catch-up of an outstanding balance",
        Story(
            facts=(
                *monthly("2024-01-08", "2024-05-01", provider="paypal"),
                failed("2024-05-08"),
                charge("2024-06-08", 19800, provider="paypal", through="I-1"),
            ),
            as_of="2024-06-20",
        ),
        [],
    ),
    (
        "W30 staff gave the duplicate back already",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-08", ref="ch_2"),
                refund("ch_2", 9900, "2024-03-09"),
            ),
            as_of="2024-03-20",
        ),
        ["corrected_elsewhere ch_2 9900"],
    ),
    (
        "W31 half of the duplicate was given back by hand",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-08", ref="ch_2"),
                refund("ch_2", 4950, "2024-03-09"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_2 9900 -> refund 4950 queued {FP2}"],
    ),
    (
        "W32 the duplicate is disputed: nothing is sent",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-09", ref="ch_2"),
                dispute("ch_2", "2024-03-11", DisputeState.OPEN),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_2 9900 -> refund 9900 held (disputed) {FP2}"],
    ),
    (
        "W32 the dispute is lost: it settles the duplicate",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-09", ref="ch_2"),
                dispute("ch_2", "2024-03-11", DisputeState.LOST),
            ),
            as_of="2024-03-20",
        ),
        ["corrected_elsewhere ch_2 9900"],
    ),
    (
        "W32 the dispute is won: the refund is queued again",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-09", ref="ch_2"),
                dispute("ch_2", "2024-03-11", DisputeState.WON),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_2 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W33 another currency: no sum is compared, the renewal counts as taken",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", currency="CAD")), as_of="2024-04-05"),
        ["wrong_currency ch_2024-03-08_9900 -> review held (other_currency)"],
    ),
    (
        "W34 dues are compared net of stated tax",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", 10717, tax=817)), as_of="2024-03-20"),
        [],
    ),
    (
        "W36 a renewal that never came is reported, never charged",
        Story(facts=(*_TO_MARCH, charge("2024-04-08")), as_of="2024-03-30"),
        ["missed_renewal 2024-03-08"],
    ),
    (
        "W36 on the last day of the dunning window it is still awaited",
        Story(facts=tuple(_TO_MARCH), as_of="2024-03-29"),
        [],
    ),
    (
        "W37 ten dollars too little",
        Story(facts=(*_TO_MARCH, charge("2024-03-08", 8900)), as_of="2024-03-20"),
        ["undercharge ch_2024-03-08_8900"],
    ),
    (
        "W43 charged during an agreed pause",
        Story(
            changes=(Pause(day("2024-05-08"), day("2024-07-08")),),
            facts=(*_TO_MAY, charge("2024-06-08")),
            as_of="2024-06-20",
        ),
        [f"unscheduled_charge ch_2024-06-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "W44 the third discounted renewal was charged in full",
        Story(
            changes=(Discount(day("2024-02-08"), 2000, 3),),
            facts=(
                charge("2024-01-08"),
                charge("2024-02-08", 7920),
                charge("2024-03-08", 7920),
                charge("2024-04-08"),
                charge("2024-05-08"),
            ),
            as_of="2024-05-20",
        ),
        [f"overcharge ch_2024-04-08_9900 1980 -> refund 1980 queued {FP2}"],
    ),
    (
        "W45 a duplicate that is too high besides: one remedy",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-08", through="sub_1"), charge("2024-03-09", 10900, through="sub_1")),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_2024-03-09_10900 10900 -> refund 10900 queued {FP2}"],
    ),
    (
        "W46 yen charged in hundredths that yen has not",
        Story(
            price=1500,
            currency="JPY",
            facts=(
                charge("2024-01-08", 1500, currency="JPY"),
                charge("2024-02-08", 150000, currency="JPY"),
            ),
            as_of="2024-02-20",
        ),
        [f"overcharge ch_2024-02-08_150000 148500 -> refund 148500 held (above_cap) {FP2}"],
    ),
    (
        "W47 after an end for breach two clauses pull apart",
        Story(
            started="2024-01-20",
            notices=(Termination(day("2024-05-01"), "breach"),),
            facts=(*monthly("2024-01-20", "2024-05-01"), charge("2024-05-20")),
        ),
        ["post_cancellation_charge ch_2024-05-20_9900 9900 -> review 9900 held (clauses_disagree)"],
    ),
    (
        "W48 an agreement ended on the move, not the membership",
        Story(
            agreements=(
                Agreement("paypal", subscription="I-1", until=day("2024-06-08")),
                Agreement("stripe", subscription="sub_1", customer="cus_1", since=day("2024-06-08")),
            ),
            facts=(
                *monthly("2024-01-08", "2024-06-01", provider="paypal"),
                ended("2024-06-07"),
                *monthly("2024-06-08", "2024-09-01"),
            ),
            as_of="2024-08-31",
        ),
        [],
    ),
    (
        "W49 staff gave the earlier one back: the later pays the period",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-10", ref="ch_2"),
                refund("ch_1", 9900, "2024-03-11"),
            ),
            as_of="2024-03-20",
        ),
        ["corrected_elsewhere ch_1 9900"],
    ),
    (
        "W50 the earlier one is disputed: it is the duplicate, and held",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="ch_1"),
                charge("2024-03-10", ref="ch_2"),
                dispute("ch_1", "2024-03-11", DisputeState.OPEN),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge ch_1 9900 -> refund 9900 held (disputed) {FP2}"],
    ),
    (
        "W51 the provider suspends after failed payments: no notice",
        Story(
            facts=(
                *monthly("2024-01-08", "2024-05-01", provider="paypal"),
                failed("2024-05-08"),
                ended("2024-05-20", by=EndedBy.PROVIDER, state=SubscriptionState.SUSPENDED),
            ),
            as_of="2024-06-01",
        ),
        ["missed_renewal 2024-05-08"],
    ),
    (
        "W52 a one-off that nobody agreed, by the customer's id, waits for a person",
        Story(facts=(*_TO_MARCH, charge("2024-02-20", 2500)), as_of="2024-03-01"),
        [f"unscheduled_charge ch_2024-02-20_2500 2500 -> refund 2500 held (likely) {FP2}"],
    ),
    (
        "a one-off that was agreed is fine",
        Story(
            changes=(Agreed(day("2024-02-20"), 2500, "number pack"),),
            facts=(*_TO_MARCH, charge("2024-02-20", 2500)),
            as_of="2024-03-01",
        ),
        [],
    ),
]


@pytest.mark.parametrize(("story", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_worked_example_comes_out(story: Story, expected: list[str]) -> None:
    assert expected == wrong(story.judged())
