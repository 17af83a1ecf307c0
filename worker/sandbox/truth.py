"""What the world planted, held against what was found: recall, precision and money as exact fractions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

BILLING_ERRORS = ("duplicate_charge", "overcharge", "post_cancellation_charge", "unscheduled_charge")

Sign = tuple[object, ...]
Claim = Mapping[str, Any]  # a finding as `makegood findings --json` has it


@dataclass(frozen=True)
class Planted:
    """One finding that must come out. `owed_minor` is what the member should still get back; `story` is why; `waits`
    whether the remedy must wait for a person (None: either is right)."""

    kind: str
    story: str
    membership: str | None
    currency: str
    charge: str | None = None
    renewal: date | None = None
    excess_minor: int | None = None
    owed_minor: int = 0
    waits: bool | None = None

    @property
    def sign(self) -> Sign:
        """By what a finding is the same one: its kind, whom or what it is about, and by how much."""
        if self.charge is not None:
            return (self.kind, self.charge, self.excess_minor if self.kind in BILLING_ERRORS else None)
        return (self.kind, self.membership, str(self.renewal) if self.kind == "missed_renewal" else None)


@dataclass(frozen=True)
class Verdict:
    """`missed` and `false_alarms` name what keeps a score from 1."""

    planted: Mapping[str, int]
    found: Mapping[str, int]
    right: Mapping[str, int]
    owed_true: Mapping[str, int]
    owed_found: Mapping[str, int]
    recall: Fraction
    precision: Fraction
    money: Fraction
    missed: tuple[Planted, ...]
    false_alarms: tuple[Claim, ...]
    wrong_money: tuple[tuple[str, int, int], ...]
    remedies: int
    wrongly_held: tuple[tuple[Planted, str], ...]

    @property
    def rightly_held(self) -> int:
        return self.remedies - len(self.wrongly_held)

    @property
    def perfect(self) -> bool:
        return self.recall == self.precision == self.money == 1 and not self.wrongly_held


def verdict(planted: Iterable[Planted], findings: Iterable[Claim]) -> Verdict:
    """Hold `findings` (as `makegood findings --json` has them) against the truth. Findings that later facts cleared
    are no claim any more and are left out."""
    truth = list(planted)
    claims = [finding for finding in findings if finding["status"] != "cleared"]
    missed, false_alarms = _differences(truth, claims)
    wrong_money, money = _money(truth, claims)
    remedies, wrongly_held = _holding(truth, claims)
    found = Counter(str(claim["finding"]) for claim in claims)
    wrong = Counter(str(claim["finding"]) for claim in false_alarms)
    return Verdict(
        planted=Counter(p.kind for p in truth),
        found=found,
        right=Counter({kind: n - wrong[kind] for kind, n in found.items()}),
        owed_true=_by_currency((p.currency, p.owed_minor) for p in truth),
        owed_found=_by_currency((str(claim["currency"]), _owed(claim)) for claim in claims),
        recall=_share(len(truth) - len(missed), len(truth)),
        precision=_share(len(claims) - len(false_alarms), len(claims)),
        money=money,
        missed=tuple(missed),
        false_alarms=tuple(false_alarms),
        wrong_money=tuple(wrong_money),
        remedies=remedies,
        wrongly_held=tuple(wrongly_held),
    )


def _sign(finding: Claim) -> Sign:
    kind = finding["finding"]
    if finding["charge"] is not None:
        return (kind, finding["charge"], finding["excess"] if kind in BILLING_ERRORS else None)
    return (kind, finding["membership"], finding["renewal"] if kind == "missed_renewal" else None)


def _differences(truth: list[Planted], claims: list[Claim]) -> tuple[list[Planted], list[Claim]]:
    unclaimed = Counter(_sign(claim) for claim in claims)
    missed = []
    for plant in truth:
        if unclaimed[plant.sign]:
            unclaimed[plant.sign] -= 1
        else:
            missed.append(plant)
    false_alarms = []
    for claim in reversed(claims):
        if unclaimed[_sign(claim)]:
            unclaimed[_sign(claim)] -= 1
            false_alarms.append(claim)
    return missed, false_alarms


def _owed(finding: Claim) -> int:
    """What the finding's remedy pays back: only billing errors do, and what is settled is owed no more."""
    remedy = finding.get("remedy")
    if finding["finding"] not in BILLING_ERRORS or remedy is None or remedy["state"] in ("settled", "waived"):
        return 0
    return int(remedy["amount"] or 0)


def _holding(truth: list[Planted], claims: list[Claim]) -> tuple[int, list[tuple[Planted, str]]]:
    """How many remedies there are of which the truth says whether a person must look first; those that do otherwise."""
    states = {_sign(claim): str(claim["remedy"]["state"]) for claim in claims if claim["remedy"]}
    told = [(plant, states[plant.sign]) for plant in truth if plant.waits is not None and plant.sign in states]
    return len(told), [(plant, state) for plant, state in told if state != ("held" if plant.waits else "queued")]


def _money(truth: list[Planted], claims: list[Claim]) -> tuple[list[tuple[str, int, int]], Fraction]:
    """The charges whose owed sum is wrong, and the worst currency's score. It is counted charge by charge, so that one
    member's loss never makes up for another's gain."""
    true: dict[tuple[str, str], int] = defaultdict(int)
    found: dict[tuple[str, str], int] = defaultdict(int)
    for plant in truth:
        if plant.charge is not None:
            true[plant.currency, plant.charge] += plant.owed_minor
    for claim in claims:
        if claim["charge"] is not None:
            found[str(claim["currency"]), str(claim["charge"])] += _owed(claim)
    wrong = [
        (charge, true[currency, charge], found[currency, charge])
        for currency, charge in sorted({*true, *found})
        if true[currency, charge] != found[currency, charge]
    ]
    scores = [Fraction(1)]
    for currency in {currency for currency, _ in (*true, *found)}:
        keys = {key for key in (*true, *found) if key[0] == currency}
        off, whole = sum(abs(true[k] - found[k]) for k in keys), sum(true[k] for k in keys)
        scores.append(max(Fraction(0), 1 - Fraction(off, whole)) if whole else Fraction(int(off == 0)))
    return wrong, min(scores)


def _by_currency(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for currency, minor in amounts:
        if minor:
            totals[currency] += minor
    return dict(sorted(totals.items()))


def _share(part: int, whole: int) -> Fraction:
    return Fraction(part, whole) if whole else Fraction(1)
