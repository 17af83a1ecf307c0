"""Which clause decides a case, and what it grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.policy import Bundle, Clause, Force, When


@dataclass(frozen=True, slots=True)
class Decision:
    """The clause that decides; None with several cited where clauses of equal rank disagree, None with none cited where
    no clause speaks to the case."""

    bundle: Bundle | None
    clause: Clause | None
    cited: tuple[str, ...]

    @property
    def name(self) -> str | None:
        return self.bundle.cite(self.clause.id) if self.bundle is not None and self.clause is not None else None


def decide(kind: str, bundles: Sequence[Bundle], *, breach: bool) -> Decision:
    """The first bundle with a clause for this kind decides. Within it an exact clause beats a general one, and of exact
    ones a bar beats a may; a bar against a shall, or different grants of one force, disagree."""
    for bundle in bundles:
        speaking = [
            c
            for c in bundle.clauses
            if kind in c.covers and (c.when is When.ALWAYS or (breach and c.when is When.BREACH))
        ]
        if not speaking:
            continue
        exact = [c for c in speaking if not c.general] or speaking
        deciding = strongest(exact)
        cited = tuple(bundle.cite(c.id) for c in deciding)
        if len(deciding) > 1:
            return Decision(bundle, None, cited)
        return Decision(bundle, deciding[0], cited)
    return Decision(None, None, ())


def strongest(clauses: Sequence[Clause]) -> list[Clause]:
    """Of clauses of one rank the one that decides; several where they disagree."""
    by_force = {force: [c for c in clauses if c.force is force] for force in Force}
    if by_force[Force.BAR] and by_force[Force.SHALL]:
        return [*by_force[Force.SHALL], *by_force[Force.BAR]]
    for force in (Force.BAR, Force.SHALL, Force.MAY):
        if by_force[force]:
            alike = {(c.remedy, c.amount) for c in by_force[force]}
            return by_force[force][:1] if len(alike) == 1 else by_force[force]
    return []
