"""Edges of what was agreed and how it ended: stories with and without the one term that decides. Each was written for a
change of the core that no other test noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconcile.clauses import decide
from reconcile.facts import Credit, DisputeState, Ref, Subscription
from reconcile.membership import Agreement, Channel, Every, Pause, PlanChange, PriceChange, QuantityChange
from reconcile.money import Money
from reconcile.outcome import LookAlike, RemedyKind
from reconcile.policy import Bundle, Clause, ClauseRemedy, Force
from tests.scenarios.world import (
    PAYPAL,
    STRIPE,
    Story,
    at,
    cancel,
    charge,
    day,
    dispute,
    ended,
    failed,
    monthly,
    reactivate,
    wrong,
)

FP2 = "voip-fulfillment/FP-2"
_TO_MARCH = monthly("2024-01-08", "2024-03-01")
_TO_APRIL = monthly("2024-01-08", "2024-04-01")
_TWICE = (*_TO_APRIL, charge("2024-03-09", ref="twice"))
_GIVEN_UP = (Agreement("paypal", subscription="I-1", payer="PAYER1", until=day("2024-02-20")),)


def _credit(amount: int, on: str) -> Credit:
    """A credit that makegood gave instead of a refund."""
    return Credit(Ref("makegood", f"credit {on}"), at(on), Money(amount, "USD"), at(on), remedy="remedy:stripe:ch_0")


ROWS: list[tuple[str, Story, list[str]]] = [
    (
        "an agreement that was given up is superseded by none: the earlier charge pays",
        Story(
            agreements=_GIVEN_UP,
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", ref="old", provider="paypal", through="I-1"),
                charge("2024-03-09", ref="new"),
            ),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge new 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a dispute that was opened later held nothing on that day",
        Story(facts=(*_TWICE, dispute("twice", "2024-03-21", DisputeState.OPEN)), as_of="2024-03-20"),
        [f"duplicate_charge twice 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "both agreements cancelled on one day end the membership",
        Story(
            agreements=(STRIPE, PAYPAL),
            facts=(
                *_TO_APRIL,
                ended("2024-03-20 09:00"),
                ended("2024-03-20 11:00", provider="stripe", subscription="sub_1"),
                charge("2024-04-08", ref="c"),
            ),
            as_of="2024-04-20",
        ),
        [f"post_cancellation_charge c 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "one cancelled the day before the other: the second ends it",
        Story(
            agreements=(STRIPE, PAYPAL),
            facts=(
                *_TO_APRIL,
                ended("2024-03-31"),
                ended("2024-04-03", provider="stripe", subscription="sub_1"),
                charge("2024-04-08", ref="c"),
            ),
            as_of="2024-04-20",
        ),
        [],
    ),
    (
        "re-activated on a day without a notice before it: the anniversary moves there",
        Story(
            notices=(reactivate("2024-03-20"),),
            facts=(*_TO_APRIL, charge("2024-03-20", ref="c"), charge("2024-04-20")),
            as_of="2024-04-25",
        ),
        [],
    ),
    (
        "cancelled and re-activated on one day: the notice is withdrawn",
        Story(
            notices=(cancel("2024-03-10"), reactivate("2024-03-10")),
            facts=(*_TO_APRIL, charge("2024-04-08"), charge("2024-05-08")),
            as_of="2024-05-20",
        ),
        [],
    ),
    (
        "a credit of the due date itself lowers the next dues, not these",
        Story(
            facts=(*_TO_MARCH, _credit(2500, "2024-03-08"), charge("2024-03-08"), charge("2024-04-08", 7400)),
            as_of="2024-04-20",
        ),
        [],
    ),
    (
        "of two prices from one day the one that is stated last holds",
        Story(
            changes=(PriceChange(day("2024-03-08"), 10900), PriceChange(day("2024-03-08"), 11900)),
            facts=(*_TO_MARCH, charge("2024-03-08", 11900)),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "a quantity holds for the renewal of its own day",
        Story(
            changes=(QuantityChange(day("2024-03-08"), 3),),
            facts=(*_TO_MARCH, charge("2024-03-08", 29700)),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "a period ends where a re-activation begins another: the charge after it is not for it",
        Story(
            notices=(reactivate("2024-03-20"),),
            facts=(*_TO_APRIL, charge("2024-03-20", ref="c"), charge("2024-03-25", ref="d", through="sub_1")),
            as_of="2024-03-30",
        ),
        [f"duplicate_charge d 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "on the day on which a pause ends the renewal is owed",
        Story(
            changes=(Pause(day("2024-02-20"), day("2024-03-08")),),
            facts=(*_TO_MARCH, charge("2024-03-08")),
            as_of="2024-03-20",
        ),
        [],
    ),
    (
        "a set-up fee may come at joining though the trial moves the first renewal",
        Story(
            setup_fee=14900,
            trial_days=14,
            facts=(charge("2024-01-06", 14900), charge("2024-01-22")),
            as_of="2024-02-01",
        ),
        [],
    ),
    (
        "the set-up fee of joining is owed though the dues begin after the trial",
        Story(setup_fee=14900, trial_days=14, facts=(charge("2024-01-08", 14900),), as_of="2024-01-08"),
        [],
    ),
    (
        "and though they begin after a pause",
        Story(
            setup_fee=14900,
            changes=(Pause(day("2024-01-08"), day("2024-03-01")),),
            facts=(charge("2024-01-08", 14900),),
            as_of="2024-01-08",
        ),
        [],
    ),
    (
        "and where no dues came at all, for the pause outlasted the membership",
        Story(
            setup_fee=14900,
            changes=(Pause(day("2024-01-08"), day("2024-06-01")),),
            notices=(cancel("2024-03-10"),),
            facts=(charge("2024-01-08", 14900),),
            as_of="2024-04-20",
        ),
        [],
    ),
    (
        "whoever left before joining owes none",
        Story(
            setup_fee=14900,
            notices=(cancel("2023-12-20"),),
            facts=(charge("2024-01-08", 14900, ref="s"),),
            as_of="2024-01-08",
        ),
        [f"post_cancellation_charge s 14900 -> refund 14900 queued {FP2}"],
    ),
    (
        "before the day of joining nothing is owed",
        Story(setup_fee=14900, trial_days=14, facts=(charge("2024-01-05", 14900, ref="s"),), as_of="2024-01-05"),
        [f"unscheduled_charge s 14900 -> refund 14900 queued {FP2}"],
    ),
    (
        "cancelled in the trial: no dues, but the set-up fee of joining was owed",
        Story(
            setup_fee=14900,
            trial_days=14,
            notices=(cancel("2024-01-10"),),
            facts=(charge("2024-01-08", 14900), charge("2024-01-22", ref="c")),
            as_of="2024-02-01",
        ),
        [f"post_cancellation_charge c 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "once",
        Story(
            setup_fee=14900,
            trial_days=14,
            notices=(cancel("2024-01-10"),),
            facts=(charge("2024-01-08", 14900), charge("2024-01-09", 14900, ref="c")),
            as_of="2024-02-01",
        ),
        [f"unscheduled_charge c 14900 -> refund 14900 queued {FP2}"],
    ),
    (
        "a call after the written notice needs nobody to follow it up",
        Story(
            notices=(cancel("2024-03-10"), cancel("2024-03-12", Channel.PHONE)),
            facts=tuple(_TO_APRIL),
            as_of="2024-04-20",
        ),
        [],
    ),
    (
        "a yearly price on the day on which the plan becomes yearly, in mid-month: a person looks",
        Story(
            changes=(PlanChange(day("2024-02-20"), 15000, Every.YEAR, 1),),
            facts=(*_TO_MARCH, charge("2024-02-20", 15000, ref="c", through="sub_1")),
            as_of="2024-02-25",
        ),
        [f"duplicate_charge c 15000 -> refund 15000 held (likely) {FP2}"],
    ),
    (
        "what takes the old price again is no price of the change",
        Story(
            changes=(PlanChange(day("2024-02-20"), 15000, Every.YEAR, 1),),
            facts=(*_TO_MARCH, charge("2024-02-20", ref="c", through="sub_1")),
            as_of="2024-02-25",
        ),
        [f"duplicate_charge c 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "four days from the change it is not for it",
        Story(
            changes=(PlanChange(day("2024-02-20"), 15000, Every.YEAR, 1),),
            facts=(*_TO_MARCH, charge("2024-02-24", 15000, ref="c", through="sub_1")),
            as_of="2024-02-25",
        ),
        [f"duplicate_charge c 15000 -> refund 15000 queued {FP2}"],
    ),
    (
        "a change on an anniversary says nothing of a duplicate there",
        Story(
            changes=(PriceChange(day("2024-03-08"), 10900),),
            facts=(*_TO_MARCH, charge("2024-03-08", 10900), charge("2024-03-09", 10900, ref="c")),
            as_of="2024-03-20",
        ),
        [f"duplicate_charge c 10900 -> refund 10900 queued {FP2}"],
    ),
    (
        "each failed attempt holds the window open anew",
        Story(
            facts=(
                *_TO_MARCH,
                failed("2024-03-08"),
                failed("2024-03-28"),
                charge("2024-04-08", ref="april", period=("2024-04-08", "2024-05-08")),
                charge("2024-04-30", ref="late"),
            ),
            as_of="2024-05-03",
        ),
        [],
    ),
    (
        "not longer than 35 days after the last",
        Story(
            facts=(
                *_TO_MARCH,
                failed("2024-03-08"),
                failed("2024-03-28"),
                charge("2024-04-08", ref="april", period=("2024-04-08", "2024-05-08")),
                charge("2024-05-03", ref="late"),
            ),
            as_of="2024-05-04",
        ),
        ["missed_renewal 2024-03-08", f"duplicate_charge late 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a failed attempt after that day says nothing of it",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-04-08", ref="april", period=("2024-04-08", "2024-05-08")),
                charge("2024-04-10", 8900, ref="late"),
                failed("2024-04-11"),
            ),
            as_of="2024-04-10",
        ),
        ["missed_renewal 2024-03-08", f"unscheduled_charge late 8900 -> refund 8900 held (likely) {FP2}"],
    ),
]


@pytest.mark.parametrize(("story", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_story_comes_out(story: Story, expected: list[str]) -> None:
    assert sorted(expected) == sorted(wrong(story.judged()))


def test_a_plan_that_takes_over_on_a_clamped_day_strives_for_the_day_of_joining() -> None:
    """Joined on the 31st; quarterly from 29 February: due on 31 May, not on the 29th."""
    told = Story(
        started="2024-01-31",
        changes=(PlanChange(day("2024-02-29"), 25000, Every.MONTH, 3, "quarter"),),
        facts=(charge("2024-01-31"), charge("2024-02-29", 25000)),
        as_of="2024-06-22",
    )
    (missed,) = told.judged().findings

    assert missed.renewal == day("2024-05-31")


@pytest.mark.parametrize(("on", "notes"), [("2024-02-27", (LookAlike.OVERLAP_ON_SWITCH,)), ("2024-02-28", ())])
def test_a_charge_is_an_overlap_up_to_a_week_from_the_move(on: str, notes: tuple[LookAlike, ...]) -> None:
    moved = (*_GIVEN_UP, Agreement("stripe", subscription="sub_1", customer="cus_1", since=day("2024-02-20")))
    told = Story(started=on, agreements=moved, facts=(charge(on, ref="c"),), as_of="2024-03-20")
    (explained,) = told.judged().explained

    assert explained.notes == notes


def test_a_period_that_a_re_activation_cut_short_ends_there() -> None:
    told = Story(
        notices=(reactivate("2024-03-20"),),
        facts=(*_TO_APRIL, charge("2024-03-12", ref="twice"), charge("2024-03-20")),
        as_of="2024-03-30",
    )
    (finding,) = told.judged().findings

    assert finding.because[0] == "stripe:ch_2024-03-08_9900 paid the period 2024-03-08 to 2024-03-20"


@pytest.mark.parametrize(("more", "proposed"), [((), ["cancel:paypal:I-1"]), ((ended("2024-03-10"),), [])])
def test_an_agreement_that_charges_after_it_was_given_up_is_to_be_ended_unless_it_has(
    more: tuple[Subscription, ...], proposed: list[str]
) -> None:
    moved = (*_GIVEN_UP, Agreement("stripe", subscription="sub_1", customer="cus_1", since=day("2024-02-20")))
    old = charge("2024-03-09", ref="old", provider="paypal", through="I-1")
    told = Story(agreements=moved, facts=(*_TO_APRIL, old, *more), as_of="2024-03-20")

    assert [r.key for r in told.judged().remedies if r.kind is RemedyKind.CANCEL_AGREEMENT] == proposed


def test_a_sentence_about_services_at_large_gives_way_to_one_about_errors() -> None:
    """Else a bar on all refunds would stand against the promise to put errors right, and a person had to decide."""
    large = Clause("X-1", "", "", frozenset({"duplicate_charge"}), ClauseRemedy.NONE, Force.BAR, general=True)
    exact = Clause("X-2", "", "", frozenset({"duplicate_charge"}), ClauseRemedy.REFUND, Force.SHALL)
    bundle = Bundle("x", "1", "", (large, exact))

    assert decide("duplicate_charge", [bundle], breach=False).name == "x/X-2"
    assert decide("duplicate_charge", [replace(bundle, clauses=(large,))], breach=False).name == "x/X-1"
