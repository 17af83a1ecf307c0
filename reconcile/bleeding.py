"""Stop the bleeding: an agreement that took money after its end will do so again, so its cancellation is proposed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconcile.facts import Ref, SubscriptionState
from reconcile.outcome import Finding, FindingKind, HeldBecause, Remedy, RemedyKind, RemedyState
from reconcile.scene import Judged, Scene


def cancellations(scene: Scene, judged: Sequence[Judged], standing: Sequence[Finding]) -> Iterator[Remedy]:
    """One proposal an agreement: for each that is still live after the end, or has just charged after it. A person
    always agrees first, unless the merchant's rules say otherwise."""
    reasons: dict[Ref, Finding] = {}
    for case in judged:
        taking = case.taking
        after = case.finding.kind is FindingKind.POST_CANCELLATION_CHARGE
        if taking.through is not None and (after or taking.superseded):
            reasons.setdefault(Ref(taking.ref.provider, taking.through), case.finding)
    for finding in standing:
        if finding.kind is FindingKind.LIVE_AFTER_CANCELLATION and finding.agreement is not None:
            reasons[finding.agreement] = finding
    ended = {s.ref for s in scene.ledger.subscriptions if s.state is SubscriptionState.ENDED}
    for agreement, finding in sorted(reasons.items()):
        if agreement not in ended:
            yield _proposal(scene, agreement, finding)


def cancel_key(agreement: Ref) -> str:
    return f"cancel:{agreement}"


def _proposal(scene: Scene, agreement: Ref, finding: Finding) -> Remedy:
    agreed = scene.rules.cancel_unasked
    clause, version = _promise(scene)
    return Remedy(
        cancel_key(agreement),
        finding.key,
        RemedyKind.CANCEL_AGREEMENT,
        None,
        RemedyState.QUEUED if agreed else RemedyState.HELD,
        clause,
        version,
        (clause,) if clause else (),
        None if agreed else HeldBecause.APPROVAL,
        f"{agreement} is to be cancelled at its provider",
    )


def _promise(scene: Scene) -> tuple[str | None, str | None]:
    for bundle in scene.rules.policy.bundles(scene.membership.policy, scene.as_of):
        if bundle.confirmation is not None:
            return bundle.cite(bundle.confirmation), bundle.version
    return None, None
