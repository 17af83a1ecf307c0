"""Honest look-alikes: why a charge that looks wrong is fine."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.outcome import Explained, LookAlike
from reconcile.renewals import RenewalKind
from reconcile.scene import Scene


def explain(scene: Scene) -> tuple[Explained, ...]:
    """What each charge pays, and which look-alike it is."""
    paired = scene.paired
    return tuple(
        Explained(
            taking.ref,
            tuple(sorted({paired.renewals[r].due for r in paired.pays[i]})),
            tuple(_notes(scene, i)),
        )
        for i, taking in enumerate(paired.takings)
    )


def _notes(scene: Scene, i: int) -> Iterator[LookAlike]:
    paired, taking = scene.paired, scene.paired.takings[i]
    paid = [paired.renewals[r] for r in sorted(paired.pays[i])]
    if not paid:
        return
    dues = [r for r in paid if r.kind is RenewalKind.DUES]
    if any(r.kind is RenewalKind.SETUP for r in paid) and dues:
        yield LookAlike.FIRST_CHARGE_WITH_SETUP
    if any(r.kind is RenewalKind.AGREED for r in paid):
        yield LookAlike.AGREED_CHARGE
    if len(dues) > 1:
        yield LookAlike.OUTSTANDING_BALANCE
    elif dues and (taking.day - dues[0].due).days > LATE_FROM_DAYS:
        yield LookAlike.LATE_PAYMENT
    if taking.tax_minor:
        yield LookAlike.STATED_TAX
    if taking.switched and dues:
        yield LookAlike.OVERLAP_ON_SWITCH


LATE_FROM_DAYS = 2
