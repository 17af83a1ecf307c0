"""Customers who had their money back and may not subscribe again: a later charge is shown to a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconcile.claims_types import Returned
from reconcile.outcome import Finding, FindingKind
from reconcile.scene import Scene, bound_confidence, said
from reconcile.stints import local_date
from reconcile.takings import Taking


def resubscriptions(scene: Scene) -> Iterator[Finding]:
    """Charges after a refund that a clause follows. A membership that ran beside the refunded one is no new one, and a
    correction of the merchant's own error is no such refund."""
    for taking in scene.paired.takings:
        for returned in sorted(scene.ledger.returned, key=lambda r: (r.at, r.charge)):
            on = local_date(returned.at, scene.rules.zone)
            clause = _following(scene, taking, returned)
            if clause is not None and _again(scene, taking, returned, on):
                yield Finding(
                    f"ineligible:{taking.ref}",
                    FindingKind.INELIGIBLE_RESUBSCRIPTION,
                    scene.membership.ref,
                    taking.ref,
                    None,
                    taking.charge.amount,
                    None,
                    None,
                    bound_confidence(scene, taking),
                    (
                        f"{taking.ref} took {said(taking.charge.amount)} on {taking.day}",
                        f"{returned.charge} was paid back under {returned.clause} on {on}",
                        f"{clause} closes the service to this customer since",
                    ),
                    taking.day,
                )
                break


def _again(scene: Scene, taking: Taking, returned: Returned, on: date) -> bool:
    if taking.day <= on or taking.ref == returned.charge:
        return False
    return returned.membership == scene.membership.ref or scene.membership.started_on >= on


def _following(scene: Scene, taking: Taking, returned: Returned) -> str | None:
    """The clause, in force when the charge was made, that follows the one of the refund."""
    for bundle in scene.rules.policy.bundles(scene.membership.policy, taking.day):
        for clause in bundle.clauses:
            covers = FindingKind.INELIGIBLE_RESUBSCRIPTION in clause.covers
            if covers and clause.terms.follows is not None and bundle.cite(clause.terms.follows) == returned.clause:
                return bundle.cite(clause.id)
    return None
