"""The scores: a judge who misses, invents, or miscounts does not get a 1."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from worker.sandbox.scorecard import score
from worker.sandbox.truth import Planted, verdict

TRUTH = [
    Planted("duplicate_charge", "s", "M-1", "USD", "stripe:ch_1", excess_minor=9900, owed_minor=9900, waits=False),
    Planted("overcharge", "s", "M-2", "USD", "stripe:ch_2", excess_minor=1000, owed_minor=1000, waits=True),
    Planted("missed_renewal", "s", "M-3", "USD"),
]


def _finding(kind: str, charge: str | None, excess: int | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of any type
    remedy = {"state": more.pop("state", "queued"), "amount": more.pop("amount", excess)} if excess else None
    return {
        "finding": kind, "membership": "M-1", "charge": charge, "renewal": None, "excess": excess, "currency": "USD",
        "status": "open", "remedy": remedy, **more,
    }  # fmt: skip


RIGHT = [
    _finding("duplicate_charge", "stripe:ch_1", 9900),
    _finding("overcharge", "stripe:ch_2", 1000, state="held"),
    _finding("missed_renewal", None, None, membership="M-3", renewal="None"),
]


def test_what_is_all_right_is_perfect() -> None:
    assert verdict(TRUTH, RIGHT).perfect


def test_what_is_missed_lowers_recall_and_money() -> None:
    outcome = verdict(TRUTH, RIGHT[1:])
    assert (outcome.recall, outcome.precision) == (Fraction(2, 3), Fraction(1))
    assert outcome.money == Fraction(1000, 10900)
    assert [plant.charge for plant in outcome.missed] == ["stripe:ch_1"]


def test_a_false_alarm_lowers_precision_and_a_cleared_one_does_not() -> None:
    alarm = _finding("undercharge", "stripe:ch_9", None)
    assert verdict(TRUTH, [*RIGHT, alarm]).precision == Fraction(3, 4)
    assert verdict(TRUTH, [*RIGHT, {**alarm, "status": "cleared"}]).perfect


def test_the_right_charge_with_another_kind_or_excess_is_both_missed_and_false() -> None:
    for wrong in (_finding("unscheduled_charge", "stripe:ch_1", 9900), _finding("duplicate_charge", "stripe:ch_1", 1)):
        outcome = verdict(TRUTH, [wrong, *RIGHT[1:]])
        assert (outcome.recall, outcome.precision) == (Fraction(2, 3), Fraction(2, 3))


def test_one_members_loss_never_makes_up_for_anothers_gain() -> None:
    swapped = [{**RIGHT[0], "remedy": {"state": "queued", "amount": 9800}}]
    swapped.append({**RIGHT[1], "remedy": {"state": "held", "amount": 1100}})
    outcome = verdict(TRUTH, [*swapped, RIGHT[2]])
    assert outcome.owed_found == outcome.owed_true
    assert outcome.money == 1 - Fraction(200, 10900)


def test_money_that_leaves_without_the_person_it_should_wait_for_is_not_perfect() -> None:
    outcome = verdict(TRUTH, [RIGHT[0], _finding("overcharge", "stripe:ch_2", 1000), RIGHT[2]])
    assert outcome.recall == outcome.precision == outcome.money == 1
    assert not outcome.perfect


def test_only_what_is_whole_reads_1() -> None:
    assert score(Fraction(1)) == "1.0"
    assert score(Fraction(99999, 100000)) == "0.9999"
