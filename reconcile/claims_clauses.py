"""Which clause decides a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.clauses import strongest
from reconcile.policy import Bundle, Clause, Force, Late, Need, When


@dataclass(frozen=True, slots=True)
class Case:
    """What the conditions of clauses look at. `day`: of the claim after the purchase, None where no charge is known."""

    kind: str
    day: int | None
    met: frozenset[When]
    plan: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The clause that decides and its bundle. No clause: those in `cited` disagree, or none speaks to the case."""

    bundle: Bundle | None = None
    clause: Clause | None = None
    cited: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        return self.bundle.cite(self.clause.id) if self.bundle is not None and self.clause is not None else None


@dataclass(frozen=True, slots=True)
class Limited:
    """What the limits of a bundle say to a claim: nothing; `past` all of them; or that they `disagree`."""

    past: Clause | None = None
    disagree: tuple[Clause, ...] = ()
    needs: tuple[Need, ...] = ()
    bear_fees: bool = False


def choose(case: Case, bundles: Sequence[Bundle]) -> Choice:
    """The first bundle with a clause for exactly this kind decides; a general sentence only where none has one."""
    for bundle in bundles:
        exact = [c for c in bundle.clauses if case.kind in c.covers and not c.general and _speaks(c, case)]
        if exact:
            return _among(bundle, _deciding(exact, case))
    for bundle in bundles:
        general = [c for c in bundle.clauses if c.general and _speaks(c, case)]
        if general:
            return _among(bundle, strongest(general))
    return Choice()


def limits(bundle: Bundle, case: Case) -> Limited:
    """What the bundle asks of every claim. Where one limit is past and another is not, the document contradicts
    itself."""
    held = [c for c in bundle.clauses if c.terms.limits]
    needs = tuple(need for c in held for need in c.terms.needs)
    fees = any(c.terms.bear_fees for c in held)
    past = [c for c in held if case.day is not None and not c.terms.hears(case.day)]
    if past and len(past) == len(held):
        return Limited(past=max(past, key=lambda c: c.terms.within_days or 0))
    if past:
        return Limited(disagree=tuple(c for c in held if c.terms.within_days is not None), bear_fees=fees)
    return Limited(needs=needs, bear_fees=fees)


def is_late(clause: Clause, case: Case) -> bool:
    return case.day is not None and not clause.terms.hears(case.day)


def _speaks(clause: Clause, case: Case) -> bool:
    if clause.when is not When.ALWAYS and clause.when not in case.met:
        return False
    if case.plan in clause.terms.except_plans:
        return False
    return case.day is None or clause.terms.hears(case.day) or clause.terms.late is Late.BAR


def _deciding(exact: list[Clause], case: Case) -> list[Clause]:
    """A bar whose condition is met is about this very case and beats what holds in general; a clause inside its window
    beats one that only refuses what is late."""
    conditional = [c for c in exact if c.force is Force.BAR and c.when is not When.ALWAYS]
    heard = [c for c in exact if not is_late(c, case)]
    return strongest(conditional or heard or exact)


def _among(bundle: Bundle, clauses: Sequence[Clause]) -> Choice:
    cited = tuple(bundle.cite(c.id) for c in clauses)
    return Choice(bundle, clauses[0] if len(clauses) == 1 else None, cited)
