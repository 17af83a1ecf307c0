"""The night's totals, per currency, each tying to the cent: what was charged, and what is owed of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from reconcile.outcome import BILLING_ERRORS, FindingKind, FindingStatus, RemedyKind, RemedyState

# The kinds whose excess is money that a member is owed, or was.
OWING = BILLING_ERRORS | {FindingKind.CORRECTED_ELSEWHERE}
# The kinds that say of a charge what it is; a charge has one of them at most.
CLASSIFYING = OWING | {FindingKind.WRONG_CURRENCY, FindingKind.UNRECOGNISED_CHARGE, FindingKind.UNDERCHARGE}
_PAYS_BACK = frozenset({RemedyKind.REFUND, RemedyKind.CREDIT, RemedyKind.REPLACE, RemedyKind.REVIEW, RemedyKind.NONE})


@dataclass(frozen=True, slots=True)
class Given:
    """A remedy as the totals need it."""

    kind: RemedyKind
    state: RemedyState
    minor: int | None = None
    held_because: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A finding as the summary needs it. `elsewhere_minor` went back by other hands; `shown_on` is the first night that
    showed it, `over_on` the first that no longer found it open."""

    key: str
    kind: FindingKind
    status: FindingStatus
    first_seen: date
    membership: str | None = None
    charge: str | None = None
    currency: str | None = None
    excess_minor: int | None = None
    elsewhere_minor: int = 0
    remedies: tuple[Given, ...] = ()
    shown_on: date | None = None
    over_on: date | None = None


@dataclass(frozen=True, slots=True)
class ChargeSum:
    """All charges of one currency of which the same kind of finding tells (none: they are as expected)."""

    currency: str
    kind: FindingKind | None
    count: int
    charged_minor: int
    excess_minor: int = 0


@dataclass(frozen=True, slots=True)
class Owes:
    """Where the excess of one finding is, each unit under one heading. `beyond` went out above it; what no heading
    accounts for is `lost`, and then the totals do not tie."""

    excess: int = 0
    elsewhere: int = 0
    settled: int = 0
    on_its_way: int = 0
    queued: int = 0
    held: int = 0
    failed: int = 0
    waived: int = 0
    beyond: int = 0
    lost: int = 0


@dataclass(slots=True)
class Total:
    """One currency. Charged = as expected + excess + wrong currency + unrecognised + short. Owed, which is the excess
    without what went back by other hands or was waived, = settled + on its way + queued + held + failed."""

    currency: str
    charges: int = 0
    charged: int = 0
    as_expected: int = 0
    excess: int = 0
    wrong_currency: int = 0
    unrecognised: int = 0
    short: int = 0
    found: int = 0  # the excess once more, counted from the findings and not from the charges
    elsewhere: int = 0
    waived: int = 0
    owed: int = 0
    settled: int = 0
    on_its_way: int = 0
    queued: int = 0
    held: int = 0
    failed: int = 0
    beyond: int = 0
    lost: int = 0

    @property
    def ties(self) -> bool:
        """Every unit is under one heading, however it is counted."""
        parts = self.as_expected + self.excess + self.wrong_currency + self.unrecognised + self.short
        moved = self.settled + self.on_its_way + self.queued + self.held + self.failed
        return self.charged == parts and self.excess == self.found and self.owed == moved and not self.lost


def totals(charges: Iterable[ChargeSum], cases: Sequence[Case]) -> tuple[Total, ...]:
    """The totals of every currency, in their order."""
    found: dict[str, Total] = {}
    for one in charges:
        _charged(found.setdefault(one.currency, Total(one.currency)), one)
    for case in cases:
        if case.kind in OWING and case.status is not FindingStatus.CLEARED and case.currency:
            _owed(found.setdefault(case.currency, Total(case.currency)), owes(case))
    return tuple(found[currency] for currency in sorted(found))


# In this order money fills what is owed: what moved already comes first.
_FILLS = (RemedyState.SETTLED, RemedyState.SUBMITTED, RemedyState.QUEUED, RemedyState.HELD, RemedyState.FAILED)


def owes(case: Case) -> Owes:
    """Where the money of one finding is."""
    excess = (case.excess_minor or 0) if case.kind in OWING else 0
    given = [one for one in case.remedies if one.kind in _PAYS_BACK]
    elsewhere = min(excess, case.elsewhere_minor)
    left, filled, beyond = excess - elsewhere, dict.fromkeys(RemedyState, 0), 0
    for state in (*_FILLS, RemedyState.WAIVED):
        minor = sum(one.minor or 0 for one in given if one.state is state)
        filled[state] = min(minor, left)
        left -= filled[state]
        beyond += minor - filled[state] if state in {RemedyState.SETTLED, RemedyState.SUBMITTED} else 0
    # What a person waived, or is still to name the amount of, is that much and all that is left.
    if case.status is FindingStatus.WAIVED:
        filled[RemedyState.WAIVED], left = filled[RemedyState.WAIVED] + left, 0
    elif any(one.state is RemedyState.HELD and one.minor is None for one in given):
        filled[RemedyState.HELD], left = filled[RemedyState.HELD] + left, 0
    return Owes(
        excess=excess,
        elsewhere=elsewhere,
        settled=filled[RemedyState.SETTLED],
        on_its_way=filled[RemedyState.SUBMITTED],
        queued=filled[RemedyState.QUEUED],
        held=filled[RemedyState.HELD],
        failed=filled[RemedyState.FAILED],
        waived=filled[RemedyState.WAIVED],
        beyond=beyond,
        lost=left,
    )


def _charged(total: Total, one: ChargeSum) -> None:
    total.charges += one.count
    total.charged += one.charged_minor
    if one.kind is FindingKind.WRONG_CURRENCY:
        total.wrong_currency += one.charged_minor
    elif one.kind is FindingKind.UNRECOGNISED_CHARGE:
        total.unrecognised += one.charged_minor
    elif one.kind is FindingKind.UNDERCHARGE:
        total.short += one.charged_minor
    else:
        total.excess += one.excess_minor
        total.as_expected += one.charged_minor - one.excess_minor


def _owed(total: Total, part: Owes) -> None:
    total.found += part.excess
    total.owed += part.excess - part.elsewhere - part.waived
    for name in ("elsewhere", "waived", "settled", "on_its_way", "queued", "held", "failed", "beyond", "lost"):
        setattr(total, name, getattr(total, name) + getattr(part, name))
