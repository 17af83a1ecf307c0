"""The cheapest use of all charges, beside going through every one there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from reconcile.cheapest import cheapest
from reconcile.facts import Charge, ChargeState, Ref
from reconcile.ledger import BoundBy, BoundCharge, Ledger
from reconcile.money import Money
from reconcile.options import Cost, Option
from reconcile.takings import Taking, takings
from tests.scenarios.world import Story, day

Picks = tuple[Option, ...]
_FIRST = datetime(2024, 3, 1, 12, tzinfo=UTC)
_LEFT = 50  # to be left out is dearer than any use, as it is in earnest
_USES = st.frozensets(st.integers(0, 2), max_size=2)
_AMOUNTS = st.sampled_from([100, 200])
_CHARGES = st.lists(
    st.tuples(_AMOUNTS, st.lists(st.tuples(_USES, st.integers(0, 1)), max_size=3)), min_size=1, max_size=5
)


def _taken(amounts: Sequence[int]) -> tuple[Taking, ...]:
    told = [
        Charge(Ref("stripe", f"ch_{n}"), at, ChargeState.TAKEN, Money(minor, "USD"), at)
        for n, minor in enumerate(amounts)
        for at in [_FIRST + timedelta(hours=n)]
    ]
    charges = tuple(BoundCharge(charge, BoundBy.CUSTOMER) for charge in told)
    return takings(Ledger(Story().membership, charges), "America/Chicago", day("2024-03-31"))


def _options(told: Sequence[tuple[frozenset[int], int]]) -> list[Option]:
    """Each use once, and to be left out always."""
    uses = {uses: Option(uses, (weight, 0, 0, 0, 0, 0)) for uses, weight in told}
    uses[frozenset()] = Option(frozenset(), (_LEFT, 0, 0, 0, 0, 0))
    return sorted(uses.values(), key=lambda option: (option.cost, sorted(option.renewals)))


def _every(options: Sequence[Sequence[Option]]) -> Iterator[Picks]:
    for picks in product(*options):
        used = [renewal for option in picks for renewal in option.renewals]
        if len(used) == len(set(used)):
            yield picks


def _cost(picks: Picks) -> Cost:
    return tuple(map(sum, zip(*(option.cost for option in picks), strict=True)))  # type: ignore[return-value]


def _other(amounts: Sequence[int], mine: Picks, other: Picks) -> bool:
    """Whether the two differ by more than exchanges between charges of one amount."""

    def said(picks: Picks) -> list[tuple[int, list[int]]]:
        return sorted((amount, sorted(option.renewals)) for amount, option in zip(amounts, picks, strict=True))

    return said(mine) != said(other)


@given(_CHARGES)
def test_no_use_of_all_charges_is_cheaper_and_another_as_cheap_is_said(
    told: list[tuple[int, list[tuple[frozenset[int], int]]]],
) -> None:
    amounts = [amount for amount, _ in told]
    options = [_options(uses) for _, uses in told]
    chosen, unsure = cheapest(range(len(told)), _taken(amounts), dict(enumerate(options)))
    mine = tuple(next(o for o in options[i] if o.renewals == chosen[i]) for i in range(len(told)))
    every = list(_every(options))
    best = min(map(_cost, every))

    assert _cost(mine) == best
    assert bool(unsure) == any(_cost(other) == best and _other(amounts, mine, other) for other in every)
