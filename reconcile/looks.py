"""Honest look-alikes: why a charge that looks wrong is fine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from reconcile.outcome import Explained, LookAlike
from reconcile.renewals import Renewal, RenewalKind
from reconcile.scene import Scene
from reconcile.takings import Taking


def explain(scene: Scene) -> tuple[Explained, ...]:
    """What each charge pays, and which look-alike it is."""
    return tuple(_explained(scene, i) for i in range(len(scene.paired.takings)))


def _explained(scene: Scene, i: int) -> Explained:
    taking, pays, renewals = scene.paired.takings[i], scene.paired.pays[i], scene.paired.renewals
    if not pays:
        return Explained(taking.ref, (), ())
    if len(pays) == 1:
        (only,) = pays
        if renewals[only].kind is RenewalKind.DUES and not _remarkable(taking, renewals[only].due):
            return Explained(taking.ref, (renewals[only].due,), ())
    paid = [renewals[r] for r in sorted(pays)]
    return Explained(taking.ref, tuple(sorted({r.due for r in paid})), tuple(_notes(taking, paid)))


def _remarkable(taking: Taking, due: date) -> bool:
    stated = taking.tax_minor != 0 or taking.by_balance != 0
    return stated or taking.switched or (taking.day - due).days > LATE_FROM_DAYS


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
    if dues and 0 < sum(r.amount.minor for r in paid) - taking.net.minor <= taking.by_balance:
        yield LookAlike.CUSTOMER_BALANCE
    if taking.switched and dues:
        yield LookAlike.OVERLAP_ON_SWITCH


LATE_FROM_DAYS = 2
