"""What becomes of refunds: overdue, failed, or more than was taken wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from reconcile.facts import DisputeState, Ref, Refund, RefundState
from reconcile.ledger import Ledger
from reconcile.money import Money
from reconcile.outcome import Confidence, Finding, FindingKind
from reconcile.returns import Returns, returns
from reconcile.scene import Judged, Scene
from reconcile.stints import local_date
from reconcile.takings import Taking

OVERDUE_DAYS = 21  # a refund may take this long to arrive


def refund_findings(scene: Scene, judged: Sequence[Judged]) -> Iterator[Finding]:
    """Refunds that need a person: not settled in time, failed and not made again, or too much."""
    returned = returns(scene.ledger)
    for taking in scene.paired.takings if returned else ():
        refunds = returned[taking.ref].refunds if taking.ref in returned else ()
        known = [r for r in refunds if local_date(r.made_at, scene.rules.zone) <= scene.as_of]
        for refund in known:
            yield from _overdue(scene, taking, refund)
            yield from _failed(scene, taking, refund, known)
    excessive = {case.taking.ref: finding for case in judged for finding in _too_much(scene, case)}
    for taking in scene.paired.takings if returned else ():
        if taking.ref in returned and taking.ref not in excessive:
            yield from _twice(scene, taking, returned[taking.ref])
    yield from excessive.values()


def overdue_from(refund: Refund, zone: str) -> date:
    """The first day on which a refund that is not settled is overdue."""
    return local_date(refund.made_at, zone) + timedelta(days=OVERDUE_DAYS + 1)


def overdue_days(ledger: Ledger, zone: str) -> list[date]:
    return [overdue_from(r, zone) for r in ledger.refunds if r.state is RefundState.PENDING]


def _overdue(scene: Scene, taking: Taking, refund: Refund) -> Iterator[Finding]:
    seen = overdue_from(refund, scene.rules.zone)
    if refund.state is RefundState.PENDING and seen <= scene.as_of:
        sent = local_date(refund.made_at, scene.rules.zone)
        because = (
            f"{refund.ref} of {refund.amount} was sent on {sent}",
            f"it is not settled after {OVERDUE_DAYS} days",
            *_promised(scene, taking),
        )
        yield _about(
            scene, FindingKind.REFUND_OVERDUE, "overdue", taking=taking, ref=refund.ref, because=because, seen=seen
        )


def _promised(scene: Scene, taking: Taking) -> Iterator[str]:
    """The clause that says how long a refund may take, where the membership has one."""
    for bundle in scene.rules.policy.bundles(scene.membership.policy, taking.day):
        for clause in bundle.clauses:
            if FindingKind.REFUND_OVERDUE in clause.covers:
                yield f"{bundle.cite(clause.id)} promises it by then"
                return


def _failed(scene: Scene, taking: Taking, refund: Refund, known: Sequence[Refund]) -> Iterator[Finding]:
    """A refund of ours that failed, while no later one stands in for it."""
    later = [r for r in known if r.made_at > refund.made_at and r.state is not RefundState.FAILED]
    if refund.remedy is None or refund.state is not RefundState.FAILED or later:
        return
    day = local_date(refund.told_at, scene.rules.zone)
    because = (f"{refund.ref} of {refund.amount} failed" + (f": {refund.reason}" if refund.reason else ""),)
    yield _about(
        scene,
        FindingKind.REFUND_FAILED,
        "failed",
        taking=taking,
        ref=refund.ref,
        because=because,
        seen=min(day, scene.as_of),
    )


def _too_much(scene: Scene, case: Judged) -> Iterator[Finding]:
    finding, taking = case.finding, case.taking
    granted = [g.gross.minor for g in scene.ledger.granted if g.charge == taking.ref and g.gross is not None]
    if finding.excess is None or taking.given_back.total <= max(finding.excess.minor, *granted, 0):
        return
    back = Money(taking.given_back.total, finding.excess.currency)
    because = (f"{back} of {taking.ref} went back", f"{finding.excess} was taken wrongly")
    seen = max(finding.first_seen, taking.given_back.last_on or finding.first_seen)
    yield _about(
        scene, FindingKind.OVER_REFUNDED, "over_refunded", taking=taking, ref=taking.ref, because=because, seen=seen
    )


def _twice(scene: Scene, taking: Taking, returns_: Returns) -> Iterator[Finding]:
    """A charge that was refunded, then disputed and lost: the two together are more than it took. A refund made while
    the dispute ran may be what settled it, and is the same money."""
    zone, amount = scene.rules.zone, taking.charge.amount
    lost = [d for d in returns_.disputes if d.state is DisputeState.LOST and d.opened_at is not None]
    if not lost:
        return
    opened = min(d.opened_at for d in lost if d.opened_at is not None)
    before = [
        r for r in returns_.refunds if r.state is not RefundState.FAILED and not r.reversal and r.made_at < opened
    ]
    refunded = sum(r.amount.minor for r in before)
    taken_back = sum((d.amount or amount).minor for d in lost)
    seen = max(local_date(d.told_at, zone) for d in lost)
    if not refunded or refunded + taken_back <= amount.minor or local_date(opened, zone) > scene.as_of:
        return
    because = (
        f"{Money(refunded, amount.currency)} of {taking.ref} was refunded before it was disputed",
        f"{Money(taken_back, amount.currency)} went back by the lost dispute besides",
    )
    yield _about(
        scene,
        FindingKind.OVER_REFUNDED,
        "over_refunded",
        taking=taking,
        ref=taking.ref,
        because=because,
        seen=min(seen, scene.as_of),
    )


def _about(
    scene: Scene,
    kind: FindingKind,
    word: str,
    *,
    taking: Taking,
    ref: Ref,
    because: tuple[str, ...],
    seen: date,
) -> Finding:
    return Finding(
        f"{word}:{ref}",
        kind,
        scene.membership.ref,
        taking.ref,
        None,
        taking.charge.amount,
        None,
        None,
        Confidence.CERTAIN,
        because,
        seen,
    )
