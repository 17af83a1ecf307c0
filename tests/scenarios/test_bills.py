"""Stories in which a bill says more than its charge: balances, credit notes, money that came or went by
another way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconcile.facts import ChargeState, Fact, InvoiceReason
from reconcile.membership import Discount
from reconcile.outcome import Confidence, LookAlike
from tests.scenarios.world import Story, bill, charge, credit_note, day, monthly, wrong

FP2 = "voip-fulfillment/FP-2"
_TO_MARCH = monthly("2024-01-08", "2024-03-01")
_TO_APRIL = monthly("2024-01-08", "2024-04-01")
_TWICE = (*_TO_APRIL, charge("2024-03-09", ref="twice", through="sub_1"))
_FREE_MARCH = (Discount(day("2024-03-08"), 10000, 1),)

ROWS: list[tuple[str, Story, list[str]]] = [
    (
        "a month that the discount makes free is not missed",
        Story(changes=_FREE_MARCH, facts=tuple(_TO_MARCH), as_of="2024-04-05"),
        [],
    ),
    (
        "what is taken for a free month goes back",
        Story(changes=_FREE_MARCH, facts=tuple(_TO_APRIL), as_of="2024-04-05"),
        [f"overcharge ch_2024-03-08_9900 9900 -> refund 9900 queued {FP2}"],
    ),
    (
        "a charge that the customer's balance made up to the price is not short",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-08", 7400, ref="c"), bill("c", "2024-03-08", paid=7400)),
            as_of="2024-04-05",
        ),
        [],
    ),
    (
        "what the balance did not make up stays short",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-08", 7400, ref="c"), bill("c", "2024-03-08", total=9899, paid=7400)),
            as_of="2024-04-05",
        ),
        ["undercharge c"],
    ),
    (
        "a bill that is still open makes nothing up",
        Story(
            facts=(
                *_TO_MARCH,
                charge("2024-03-08", 7400, ref="c"),
                replace(bill("c", "2024-03-08", paid=7400), status="open"),
            ),
            as_of="2024-04-05",
        ),
        ["undercharge c"],
    ),
    (
        "an older debt that the bill takes with it is for a person",
        Story(
            facts=(*_TO_MARCH, charge("2024-03-08", 12400, ref="c"), bill("c", "2024-03-08", paid=12400)),
            as_of="2024-03-20",
        ),
        [f"overcharge c 2500 -> refund 2500 held (likely) {FP2}"],
    ),
    (
        "a renewal whose bill was paid without a charge is not missed",
        Story(facts=(*_TO_MARCH, bill(None, "2024-03-08", paid=0)), as_of="2024-04-05"),
        [],
    ),
    (
        "a bill of less than the renewal does not stand for it",
        Story(facts=(*_TO_MARCH, bill(None, "2024-03-08", total=9899, paid=0)), as_of="2024-04-05"),
        ["missed_renewal 2024-03-08"],
    ),
    (
        "nor does one that says that a charge paid it, while none is known",
        Story(facts=(*_TO_MARCH, bill(None, "2024-03-08")), as_of="2024-04-05"),
        ["missed_renewal 2024-03-08"],
    ),
    (
        "a first attempt that failed makes no second payer of the bill that staff's note is about",
        Story(
            facts=(
                *_TWICE,
                replace(charge("2024-03-09", ref="try", state=ChargeState.FAILED), invoice="in_twice"),
                bill("twice", "2024-03-08"),
                credit_note("twice", 9900, "2024-03-15"),
            ),
            as_of="2024-04-05",
        ),
        ["corrected_elsewhere twice 9900"],
    ),
    (
        "nor does a bill of another period, or one that nobody paid",
        Story(
            facts=(
                *_TO_MARCH,
                bill(None, "2024-03-12", paid=0),
                replace(bill(None, "2024-03-08", paid=0), status="open"),
            ),
            as_of="2024-04-05",
        ),
        ["missed_renewal 2024-03-08"],
    ),
    (
        "a duplicate that staff credited by a note on its bill is not refunded besides",
        Story(
            facts=(*_TWICE, bill("twice", "2024-03-08"), credit_note("twice", 9900, "2024-03-15")), as_of="2024-04-05"
        ),
        ["corrected_elsewhere twice 9900"],
    ),
    (
        "what the note left out is still owed",
        Story(
            facts=(*_TWICE, bill("twice", "2024-03-08"), credit_note("twice", 4000, "2024-03-15")), as_of="2024-04-05"
        ),
        [f"duplicate_charge twice 9900 -> refund 5900 queued {FP2}"],
    ),
    (
        "staff's credit is not taken off the next dues: the bill says whether it was used",
        Story(
            facts=(
                *_TO_APRIL,
                bill("ch_2024-03-08_9900", "2024-03-08"),
                credit_note("ch_2024-03-08_9900", 2500, "2024-03-15"),
                charge("2024-04-08"),
            ),
            as_of="2024-04-20",
        ),
        [],
    ),
]


@pytest.mark.parametrize(("story", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_story_comes_out(story: Story, expected: list[str]) -> None:
    assert expected == wrong(story.judged())


def test_a_note_on_a_bill_that_two_charges_paid_is_of_neither() -> None:
    shared = replace(bill("twice", "2024-03-08"), charge=None)
    both = [replace(c, invoice=shared.ref.id) if c.ref.id in {"twice", "ch_2024-03-08_9900"} else c for c in _TWICE]
    story = Story(facts=(*both, shared, credit_note("twice", 9900, "2024-03-15")), as_of="2024-04-05")

    assert [f"duplicate_charge twice 9900 -> refund 9900 queued {FP2}"] == wrong(story.judged())


def test_a_bill_of_a_proration_stands_for_no_renewal() -> None:
    (line,) = bill(None, "2024-03-08").lines
    part = replace(
        bill(None, "2024-03-08", paid=0), lines=(replace(line, proration=True),), reason=InvoiceReason.CHANGE
    )
    story = Story(facts=(*_TO_MARCH, part), as_of="2024-04-05")

    assert wrong(story.judged()) == ["missed_renewal 2024-03-08"]


def test_the_duplicate_of_a_bill_overpaid_by_two_charges_stays_certain() -> None:
    """Two charges for one bill: its `paid` is above its total, but neither charge is."""
    twice = [replace(c, invoice="in_twice") if c.ref.id in {"twice", "ch_2024-03-08_9900"} else c for c in _TWICE]
    story = Story(facts=(*twice, replace(bill("twice", "2024-03-08"), paid_minor=19800)), as_of="2024-04-05")

    assert [(f.charge and f.charge.id, f.confidence) for f in story.judged().findings] == [
        ("twice", Confidence.CERTAIN)
    ]


def test_a_charge_that_the_balance_made_up_says_so_and_no_other_does() -> None:
    def notes(*, paid: int) -> tuple[LookAlike, ...]:
        facts: tuple[Fact, ...] = (*_TO_MARCH, charge("2024-03-08", 7400, ref="c"), bill("c", "2024-03-08", paid=paid))
        told = Story(facts=facts, as_of="2024-03-20").judged().explained
        return next(e.notes for e in told if e.charge.id == "c")

    assert notes(paid=7400) == (LookAlike.CUSTOMER_BALANCE,)
    assert notes(paid=9900) == ()
