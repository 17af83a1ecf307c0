"""Honest look-alikes: why a charge that looks wrong is fine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconcile.outcome import Explained, LookAlike
from reconcile.renewals import Renewal, RenewalKind
from reconcile.scene import Scene
from reconcile.takings import Taking


def explain(scene: Scene) -> tuple[Explained, ...]:
    """What each charge pays, and which look-alike it is."""
    return tuple(_explained(scene, i) for i in range(len(scene.paired.takings)))


def _explained(scene: Scene, i: int) -> Explained:
    taking = scene.paired.takings[i]
    paid = [scene.paired.renewals[r] for r in sorted(scene.paired.pays[i])]
    if not paid:
        return Explained(taking.ref, (), ())
    return Explained(taking.ref, tuple(sorted({r.due for r in paid})), tuple(_notes(taking, paid)))


def _notes(taking: Taking, paid: Sequence[Renewal]) -> Iterator[LookAlike]:
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
