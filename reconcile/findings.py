"""Findings about charges, read off the pairing. A charge has at most one."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.money import Money
from reconcile.outcome import Finding, FindingKind
from reconcile.renewals import Renewal, RenewalKind
from reconcile.scene import Judged, Scene, bound_confidence, confidence, corrected, finding_key
from reconcile.surplus import paying_nothing
from reconcile.takings import Taking


def charge_findings(scene: Scene) -> Iterator[Judged]:
    """The findings about charges, in order of time."""
    own = scene.membership.plan.price.currency
    for i, taking in enumerate(scene.paired.takings):
        if taking.net.currency != own:
            yield _wrong_currency(scene, i)
        elif scene.paired.pays[i]:
            if not scene.paired.exact(i):
                yield from _paying(scene, i)
        else:
            yield paying_nothing(scene, i)


def _wrong_currency(scene: Scene, i: int) -> Judged:
    taking = scene.paired.takings[i]
    renewal = next((r for r, charge in scene.paired.foreign.items() if charge == i), None)
    due = None if renewal is None else scene.paired.renewals[renewal].due
    plan = scene.membership.plan.price.currency
    because = (f"{taking.ref} took {taking.charge.amount} on {taking.day}", f"the plan is in {plan}")
    return Judged(
        Finding(
            finding_key(taking.ref),
            FindingKind.WRONG_CURRENCY,
            scene.membership.ref,
            taking.ref,
            due,
            taking.charge.amount,
            None,
            None,
            bound_confidence(scene, taking),
            because,
            taking.day,
        ),
        taking,
        taking.dispute_open,
    )


def _paying(scene: Scene, i: int) -> Iterator[Judged]:
    """A charge that pays what was owed is fine; larger or smaller by one minor unit it is not."""
    paired, taking = scene.paired, scene.paired.takings[i]
    sharers = {j for r in paired.pays[i] for j in paired.payers(r)}
    owed_minor = sum(paired.renewals[r].amount.minor for r in paired.pays[i])
    off = sum(paired.takings[j].net.minor for j in sharers) - owed_minor
    if off == 0 or i != max(sharers) or 0 < -off <= sum(paired.takings[j].by_balance for j in sharers):
        return
    paid = [paired.renewals[r] for r in sorted(paired.pays[i])]
    owed = Money(owed_minor, taking.net.currency)
    kind = FindingKind.OVERCHARGE if off > 0 else FindingKind.UNDERCHARGE
    main = max(paid, key=lambda r: (r.kind is RenewalKind.DUES, r.due))
    excess = Money(off, owed.currency) if off > 0 else None
    cites, notes = _overcharge_notes(scene, taking, off, owed.minor)
    because = (
        f"{taking.ref} took {taking.charge.amount} on {taking.day}" + _net_note(taking),
        *(f"{_what(r)} was {r.amount}" for r in paid),
        *(f"{paired.takings[j].ref} paid a part of it" for j in sorted(sharers) if j != i),
        *notes,
    )
    finding = Finding(
        finding_key(taking.ref),
        kind,
        scene.membership.ref,
        taking.ref,
        main.due,
        taking.charge.amount,
        owed,
        excess,
        confidence(scene, i, taking, pays=True),
        because,
        taking.day,
    )
    yield Judged(corrected(finding, taking), taking, scene.contested(paired.pays[i]), cites=cites)


def _overcharge_notes(scene: Scene, taking: Taking, off: int, owed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    cites: list[str] = []
    notes: list[str] = []
    if taking.net.minor == 100 * owed:
        notes.append("100 times what was owed: a minor-unit mistake")
    setup = scene.membership.plan.setup_fee_minor
    if setup and off == setup:
        for bundle in scene.rules.policy.bundles(scene.membership.policy, taking.day):
            if bundle.setup_once is not None:
                cites.append(bundle.cite(bundle.setup_once))
                notes.append(f"the set-up fee is owed once in a membership's life ({cites[-1]})")
                break
    return tuple(cites), tuple(notes)


def _what(renewal: Renewal) -> str:
    match renewal.kind:
        case RenewalKind.SETUP:
            return "the set-up fee"
        case RenewalKind.AGREED:
            return f"the charge agreed for {renewal.due}"
        case _:
            return f"the renewal due on {renewal.due}"


def _net_note(taking: Taking) -> str:
    return f", {taking.net} of it without stated tax" if taking.tax_minor else ""
