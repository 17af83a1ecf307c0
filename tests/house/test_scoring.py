"""What `benchmarks.matching` says of other people's tools, held to charges worked out by hand; the tools themselves are
run by that command alone."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from benchmarks import flat
from benchmarks.ratios import Ratio, over, table
from benchmarks.scoring import ALL, ANY, Flat, FlatCharge, FlatMember, FlatRenewal, Score, judged, scores
from worker.sandbox.stories import world

MEMBER = FlatMember("M-1", ("M-1", "cus_1"), ended_on=date(2026, 4, 10), restarted_on=date(2026, 6, 10))
RENEWALS = tuple(FlatRenewal(f"r{month}", "M-1", date(2026, month, 10), 9900, "USD") for month in (1, 2, 3, 6))


def taken(
    name: str, month: int, day: int, minor: int = 9900, currency: str = "USD", customer: str = "cus_1", back: int = 0
) -> FlatCharge:
    on = date(2026, month, day)
    at = datetime(2026, month, day)  # noqa: DTZ001 - an export's times are UTC without saying so
    return FlatCharge(name, at, on, minor, currency, customer=customer, refunded_minor=back)


FIRST = taken("a", 1, 10)


@pytest.mark.parametrize(
    ("charges", "links", "found"),
    [
        ([FIRST], {"a": "r1"}, {}),
        ([taken("a", 1, 10, 9901)], {"a": "r1"}, {"a": "overcharge"}),
        ([taken("a", 1, 10, 9899)], {"a": "r1"}, {"a": "undercharge"}),
        ([taken("a", 1, 10, currency="CAD")], {"a": "r1"}, {"a": "wrong_currency"}),
        ([taken("b", 1, 11), FIRST], {"a": "r1", "b": "r1"}, {"b": "duplicate_charge"}),
        ([FIRST, taken("b", 1, 20)], {"a": "r1"}, {"b": "duplicate_charge"}),
        ([taken("b", 1, 20)], {}, {"b": "unscheduled_charge"}),
        ([FIRST, taken("b", 1, 11, back=9900)], {"a": "r1", "b": "r1"}, {}),
        ([FIRST, taken("b", 1, 11, back=9899)], {"a": "r1", "b": "r1"}, {"b": "duplicate_charge"}),
        ([taken("a", 4, 9)], {"a": "r3"}, {}),
        ([taken("a", 4, 10)], {"a": "r3"}, {"a": "post_cancellation_charge"}),
        ([taken("a", 6, 8)], {"a": "r6"}, {}),
        ([taken("a", 1, 10, customer="cus_9")], {}, {}),
        ([taken("a", 1, 10, customer="cus_9")], {"a": "r1"}, {}),
    ],
    ids=[
        "right", "a cent more", "a cent less", "other money", "the later of two", "unpaired beside a paid one",
        "unpaired", "given back", "given back but for a cent", "the last day", "after the end",
        "before it begins again", "nobody's", "by its pairing alone",
    ],
)  # fmt: skip
def test_what_is_wrong_follows_from_the_pairing(
    charges: list[FlatCharge], links: dict[str, str], found: dict[str, str]
) -> None:
    assert judged(Flat(tuple(charges), RENEWALS, (MEMBER,), {}), links) == found


def test_a_wrong_kind_is_neither_recalled_nor_precise() -> None:
    truth = {"a": "duplicate_charge", "b": "undercharge", "c": "unrecognised_charge"}
    told = scores(truth, {"a": "unscheduled_charge", "b": "overcharge", "d": "duplicate_charge"})
    assert told["duplicate"] == Score(true=1, named=1, right=0)
    assert told["wrong amount"] == Score(true=1, named=1, right=1)
    assert told[ALL] == Score(true=2, named=3, right=1)
    assert told[ANY] == Score(true=2, named=3, right=2)
    assert told["after the end"].recall is None
    assert told["after the end"].precision is None


def test_on_clean_charges_the_right_pairing_names_everything() -> None:
    made = flat.clean(60)
    renewals = sorted(made.renewals, key=lambda one: one.due)
    links = {
        charge.id: renewal.id for renewal in renewals for charge in made.charges
        if charge.customer == renewal.customer and charge.day >= renewal.due
    }  # fmt: skip
    assert {"duplicate_charge", "post_cancellation_charge"} < set(made.truth.values())
    assert judged(made, links) == dict(made.truth)


def test_the_sandbox_gives_its_charges_and_its_planted_errors_to_others() -> None:
    made = world(130, 12, 7)
    whole, plan = flat.sandbox(made, dues=True), flat.sandbox(made, dues=False)
    assert {charge.id for charge in whole.charges} >= set(whole.truth)
    assert whole.charges == plan.charges
    assert whole.truth == plan.truth
    assert {renewal.minor for renewal in whole.renewals} > {renewal.minor for renewal in plan.renewals}
    shared = made.strangers[-1].email
    assert shared
    assert all(shared not in member.names for member in whole.members)


def test_a_figure_is_reached_by_its_own_direction_and_only_when_measured() -> None:
    assert Ratio("", 2, 2).reached is True
    assert Ratio("", 2.1, 2, at_most=True).reached is False
    assert Ratio("", 1.9, 2).reached is False
    assert Ratio("", 5).reached is None
    unknown = over("speed", None, 3.0, 1)
    assert unknown.reached is None
    (_, _, row) = table([("intake", [unknown])])
    assert row == "| intake | speed | ≥ 1 x | not run | one of the two was not measured |"
