"""One membership in time: what was due, what was taken, and which of it belongs together. Data only, no drawing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from reconcile.membership import Pause
from reconcile.renewals import RenewalKind
from reconcile.scene import Scene
from reconcile.stints import Cause, Stint

LEAST_DAYS = 150
MOST_DAYS = 800
BEFORE_DAYS = 75  # what ran as it should before the first error belongs to the picture
EDGE_DAYS = 6


@dataclass(frozen=True, slots=True)
class Due:
    """A renewal, fee or agreed charge. `missed`: a finding says that nothing ever paid it."""

    day: date
    minor: int
    what: str
    paid: bool
    missed: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A charge that took money. `pays` are places in the timeline's dues; `wrong` the kind of its finding."""

    ref: str
    provider: str
    day: date
    minor: int
    currency: str
    pays: tuple[int, ...]
    wrong: str | None
    back_minor: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the membership ran; `ended` says how it ended within the picture, if it did."""

    since: date
    until: date
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened between two dates; `earlier` charges are before the picture."""

    membership: str
    currency: str
    first: date
    last: date
    dues: tuple[Due, ...]
    taken: tuple[Taken, ...]
    ran: tuple[Stretch, ...]
    pauses: tuple[tuple[date, date], ...]
    earlier: int = 0


def timeline(scene: Scene, wrong: Mapping[str, str], missed: Collection[date]) -> Timeline:
    """The picture of one membership. `wrong` are the kinds of the findings by charge, `missed` the due dates of
    renewals that nothing paid."""
    paired = scene.paired
    first, last = _bounds(scene, wrong, missed)
    kept = [at for at, renewal in enumerate(paired.renewals) if first <= renewal.due <= last]
    place = {at: n for n, at in enumerate(kept)}
    # Two charges may share one renewal, and one in another currency was taken for it: it is no open question then.
    settled = frozenset().union(*paired.pays, paired.foreign)
    return Timeline(
        scene.membership.ref,
        scene.membership.plan.price.currency,
        first,
        last,
        tuple(
            Due(r.due, r.amount.minor, _what(r.kind, r.what), at in settled, r.due in missed and at not in settled)
            for at, r in ((at, paired.renewals[at]) for at in kept)
        ),
        tuple(
            Taken(
                str(t.ref),
                t.ref.provider,
                t.day,
                t.charge.amount.minor,
                t.charge.amount.currency,
                tuple(place[at] for at in sorted(paired.pays[i]) if at in place),
                wrong.get(str(t.ref)),
                t.given_back.total,
            )
            for i, t in enumerate(paired.takings)
            if first <= t.day <= last
        ),
        tuple(_stretches(scene, first, last)),
        tuple(_pauses(scene, first, last)),
        sum(t.day < first for t in paired.takings),
    )


def _bounds(scene: Scene, wrong: Mapping[str, str], missed: Collection[date]) -> tuple[date, date]:
    """From a while before the first error to the day of the judgement, but no longer than can be read."""
    days = [t.day for t in scene.paired.takings if str(t.ref) in wrong] + list(missed)
    ends = [stint.end.on for stint in scene.course.stints if stint.end is not None and stint.end.on <= scene.as_of]
    begun = min([scene.membership.started_on, *(t.day for t in scene.paired.takings)])
    first = min([*days, *ends[-1:], scene.as_of - timedelta(days=LEAST_DAYS)]) - timedelta(days=BEFORE_DAYS)
    first = max(first, begun, scene.as_of - timedelta(days=MOST_DAYS))
    return min(first, scene.as_of - timedelta(days=31)) - timedelta(days=EDGE_DAYS), scene.as_of


def _what(kind: RenewalKind, what: str) -> str:
    names = {RenewalKind.DUES: "renewal", RenewalKind.SETUP: "set-up fee", RenewalKind.AGREED: what or "agreed charge"}
    return names[kind]


def _stretches(scene: Scene, first: date, last: date) -> list[Stretch]:
    shown = []
    for stint in scene.course.stints:
        end = stint.end.on if stint.end is not None else stint.cut
        since, until = max(stint.anchor, first), last if end is None else min(end, last)
        if since < until:
            shown.append(Stretch(since, until, _ended(stint) if end is not None and end <= last else ""))
    return shown


def _ended(stint: Stint) -> str:
    if stint.end is None:
        return ""
    how = {Cause.NOTICE: "cancelled", Cause.BREACH: "ended for a breach", Cause.TERM: "ended"}[stint.end.cause]
    return f"{how}, nothing is owed from"


def _pauses(scene: Scene, first: date, last: date) -> list[tuple[date, date]]:
    pauses = [c for c in scene.membership.changes if isinstance(c, Pause)]
    return [(max(p.since, first), min(p.until, last)) for p in pauses if p.since < last and p.until > first]
