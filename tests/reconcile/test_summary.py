"""The summary: what is not done first, totals that tie to the cent, and what is new; of references and sums only."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.outcome import BILLING_ERRORS, REPORTED, RemedyKind, RemedyState, needs_a_person
from reconcile.outcome import FindingKind as Kind
from reconcile.outcome import FindingStatus as Status
from reconcile.summary import LARGEST, Books, Gap, Work, summarise
from reconcile.totals import Case, ChargeSum, Given, owes

NIGHT = date(2026, 3, 8)


def case(key: str = "f-1", excess: int = 9900, *remedies: Given, **values: object) -> Case:
    made = Case(
        key, Kind.DUPLICATE_CHARGE, Status.OPEN, NIGHT, "M-1", f"stripe:{key}", "USD", excess, remedies=remedies
    )
    return replace(made, **values)  # type: ignore[arg-type] # fields of a case


def refund(state: RemedyState, minor: int | None = 9900, because: str | None = None) -> Given:
    return Given(RemedyKind.REFUND, state, minor, because)


def books(*cases: Case, charges: tuple[ChargeSum, ...] = (), **values: object) -> Books:
    return replace(Books(NIGHT, NIGHT, "live", cases, charges), **values)  # type: ignore[arg-type] # fields of books


def test_charged_is_as_expected_and_what_was_found() -> None:
    charges = (
        ChargeSum("USD", None, 10, 99_000),
        ChargeSum("USD", Kind.DUPLICATE_CHARGE, 1, 9900, 9900),
        ChargeSum("USD", Kind.OVERCHARGE, 1, 12_900, 3000),
        ChargeSum("USD", Kind.WRONG_CURRENCY, 1, 500),
        ChargeSum("USD", Kind.UNRECOGNISED_CHARGE, 2, 700),
        ChargeSum("USD", Kind.UNDERCHARGE, 1, 9000),
    )
    owed = (
        case("f-1", 9900, refund(RemedyState.QUEUED)),
        case("f-2", 3000, refund(RemedyState.HELD, 3000), kind=Kind.OVERCHARGE),
    )
    (total,) = summarise(books(*owed, charges=charges)).totals
    assert (total.charges, total.charged) == (16, 132_000)
    assert (total.as_expected, total.excess) == (108_900, 12_900)
    assert (total.wrong_currency, total.unrecognised, total.short) == (500, 700, 9000)
    assert (total.owed, total.queued, total.held) == (12_900, 9900, 3000)
    assert total.ties


def test_money_that_no_heading_accounts_for_is_said() -> None:
    charges = (ChargeSum("USD", Kind.DUPLICATE_CHARGE, 1, 9900, 9900),)
    forgotten = summarise(books(case(), charges=charges))
    assert forgotten.totals[0].lost == 9900
    assert not forgotten.ties
    assert forgotten.needs_a_person


def test_an_excess_that_only_the_findings_know_does_not_tie() -> None:
    told = summarise(books(case("f-1", 9900, refund(RemedyState.QUEUED))))
    assert not told.ties


def test_what_went_back_by_other_hands_is_not_owed() -> None:
    part = case("f-1", 9900, refund(RemedyState.QUEUED, 6900), elsewhere_minor=3000)
    assert (owes(part).elsewhere, owes(part).queued, owes(part).lost) == (3000, 6900, 0)
    whole = case("f-2", 9900, kind=Kind.CORRECTED_ELSEWHERE, status=Status.SETTLED, elsewhere_minor=12_000)
    assert (owes(whole).elsewhere, owes(whole).lost) == (9900, 0)


def test_a_held_remedy_without_an_amount_holds_all_that_is_left() -> None:
    unnamed = case("f-1", 9900, Given(RemedyKind.REVIEW, RemedyState.HELD), elsewhere_minor=900)
    assert (owes(unnamed).held, owes(unnamed).lost) == (9000, 0)


def test_what_a_person_waived_is_waived_even_without_a_remedy() -> None:
    assert owes(case(status=Status.WAIVED)).waived == 9900


def test_more_than_was_owed_is_beyond_and_settles_no_other() -> None:
    much = owes(case("f-1", 9900, refund(RemedyState.SETTLED, 12_000)))
    assert (much.settled, much.beyond, much.lost) == (9900, 2100, 0)


@given(
    st.integers(0, 20_000),
    st.integers(0, 20_000),
    st.lists(st.tuples(st.sampled_from(RemedyState), st.integers(0, 9000) | st.none()), max_size=4),
    st.sampled_from(Status),
    st.sampled_from(sorted(BILLING_ERRORS)),
)
def test_every_unit_of_an_excess_is_under_exactly_one_heading(
    excess: int, elsewhere: int, given_: list[tuple[RemedyState, int | None]], status: Status, kind: Kind
) -> None:
    remedies = tuple(refund(state, minor) for state, minor in given_)
    part = owes(case("f", excess, *remedies, elsewhere_minor=elsewhere, status=status, kind=kind))
    headings = [part.elsewhere, part.settled, part.on_its_way, part.queued, part.held, part.failed, part.waived]
    assert sum(headings) + part.lost == excess
    assert min([*headings, part.lost, part.beyond]) >= 0


def test_currencies_are_never_added_up() -> None:
    charges = (ChargeSum("USD", None, 1, 9900), ChargeSum("EUR", None, 1, 7900))
    told = summarise(books(charges=charges))
    assert [(total.currency, total.charged) for total in told.totals] == [("EUR", 7900), ("USD", 9900)]


def test_new_persisting_and_closed() -> None:
    before = NIGHT - timedelta(days=1)
    told = summarise(
        books(
            case("new"),
            case("new-said-already-tonight", shown_on=NIGHT),
            case("old", shown_on=before),
            case("closed-now", shown_on=before, status=Status.SETTLED),
            case("closed-earlier", shown_on=before, over_on=before, status=Status.SETTLED),
            case("never-shown-open", status=Status.SETTLED),
            case("of-tomorrow", first_seen=NIGHT + timedelta(days=1)),
        )
    )
    assert (told.new.count, told.persisting.count, told.closed.count) == (2, 1, 1)


@pytest.mark.parametrize(("days", "bucket"), [(0, 0), (7, 0), (8, 1), (30, 1), (31, 2), (60, 2), (61, 3), (4000, 3)])
def test_open_findings_are_counted_by_their_age(days: int, bucket: int) -> None:
    told = summarise(books(case(first_seen=NIGHT - timedelta(days=days))))
    assert [tally.count for tally in told.ages] == [int(at == bucket) for at in range(4)]
    assert [tally.name for tally in told.ages] == ["0-7", "8-30", "31-60", "60+"]


def test_the_picture_is_of_thirty_days_and_of_what_still_stands() -> None:
    told = summarise(
        books(
            case("a"),
            case("b", first_seen=NIGHT - timedelta(days=29), kind=Kind.OVERCHARGE),
            case("c", first_seen=NIGHT - timedelta(days=30)),
            case("d", status=Status.CLEARED),
        )
    )
    assert [(tally.name, tally.count) for tally in told.kinds] == [("duplicate_charge", 1), ("overcharge", 1)]


def test_what_waits_is_counted_by_its_reason_and_money_speaks_for_a_case() -> None:
    cancel = Given(RemedyKind.CANCEL_AGREEMENT, RemedyState.HELD, None, "approval")
    told = summarise(
        books(
            case("a", 9900, cancel, refund(RemedyState.HELD, 9900, "disputed")),
            case("b", 9900, refund(RemedyState.HELD, 9900, "disputed")),
            case("c", 9900, cancel, refund(RemedyState.QUEUED)),
            case("d", 9900, refund(RemedyState.FAILED)),
            case("e", 9900, kind=Kind.REFUND_OVERDUE),
        )
    )
    assert [(tally.name, tally.count, tally.amounts) for tally in told.held] == [
        ("disputed", 2, (("USD", 19_800),)),
        ("approval", 1, ()),
    ]
    assert (told.failed.count, told.overdue.count) == (1, 1)
    assert told.needs_a_person


def test_the_largest_held_are_few_and_the_rest_is_counted() -> None:
    many = [case(f"f-{n:02}", 100 + n, refund(RemedyState.HELD, 100 + n, "likely")) for n in range(30)]
    told = summarise(books(*many))
    assert [one.minor for one in told.largest] == [129 - n for n in range(LARGEST)]
    assert told.held[0].count == 30


def test_a_gap_makes_the_night_incomplete_and_a_matter_for_a_person() -> None:
    told = summarise(books(gaps=(Gap("stripe", "three days without a webhook"),)))
    assert not told.complete
    assert told.needs_a_person


@pytest.mark.parametrize("work", [Work(failed_deliveries=1), Work(unjudged=1), Work(stopped=True)])
def test_work_left_undone_is_a_matter_for_a_person(work: Work) -> None:
    assert summarise(books(work=work)).needs_a_person
    assert not summarise(books()).needs_a_person


def test_the_order_of_the_rows_does_not_matter() -> None:
    cases = [case(f"f-{n}", 100, refund(RemedyState.HELD, 100, "likely")) for n in range(25)]
    told = summarise(books(*cases))
    random.Random(7).shuffle(cases)
    assert summarise(books(*cases)) == told


@pytest.mark.parametrize("kind", sorted(set(Kind) - REPORTED))
def test_what_is_open_without_a_remedy_waits_for_a_person_and_is_said(kind: Kind) -> None:
    told = summarise(books(case("f-1", 0, kind=kind)))
    said = [tally.name for tally in told.follow_up] or [told.overdue.name]
    assert said == (["overdue"] if kind is Kind.REFUND_OVERDUE else [kind.value])
    assert (told.waiting, told.needs_a_person) == (1, True)


@pytest.mark.parametrize("kind", sorted(REPORTED))
def test_what_is_only_reported_waits_for_nobody(kind: Kind) -> None:
    told = summarise(books(case("f-1", 0, kind=kind)))
    assert (told.new.count, told.waiting, told.follow_up, told.needs_a_person) == (1, 0, (), False)


@pytest.mark.parametrize("state", RemedyState)
@pytest.mark.parametrize("kind", [Kind.DUPLICATE_CHARGE, Kind.MISSED_RENEWAL])
def test_with_a_remedy_its_state_decides_and_not_the_kind(kind: Kind, state: RemedyState) -> None:
    waits = state in {RemedyState.HELD, RemedyState.FAILED}
    assert needs_a_person(kind, Status.OPEN, [RemedyState.QUEUED, state]) is waits
    assert summarise(books(case("f-1", 0, refund(state), kind=kind))).waiting == waits
    assert not needs_a_person(kind, Status.SETTLED, [state])
