"""Which memberships and stray charges are to be judged, and that they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, or_, select, tuple_

from reconcile.facts import Ref
from reconcile.outcome import Outcome
from worker.schema import STRAY, Row, facts, memberships
from worker.store.sql import change, listed

# What a stray charge carries in place of the date of its judgement. Null would mean that it was never judged as one,
# and then nothing would be withdrawn when it finds its membership.
AGAIN = date(1, 1, 1)  # something known of it lies after the date: it is judged anew at every date
CHANGED = date(1, 1, 2)  # something was told of it since


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be judged at `as_of`: what changed, fell due, or was last judged at a later date; only what changed;
    or everything. References lie after `after`, up to `last`."""

    as_of: date
    everything: bool = False
    changed_only: bool = False
    last: str | None = None


def next_memberships(conn: Connection, wanted: Wanted, after: str, limit: int) -> Sequence[str]:
    """The next references in order, locked to the end of the transaction. Those that another one has locked are left
    out where only what changed is wanted: whoever holds them judges them, or marks them for the next round."""
    c = memberships.c
    query = select(c.ref).where(c.ref > after, *wanted_rows(wanted)).order_by(c.ref).limit(limit)
    return conn.scalars(query.with_for_update(skip_locked=wanted.changed_only)).all()


def wanted_rows(wanted: Wanted) -> list[ColumnElement[bool]]:
    """The conditions of what is wanted of the memberships."""
    conditions = [] if wanted.everything else [_due(wanted)]
    return conditions if wanted.last is None else [*conditions, memberships.c.ref <= wanted.last]


def lock_memberships(conn: Connection, refs: Sequence[str]) -> None:
    """Lock these memberships in order, to the end of the transaction."""
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    query = select(memberships.c.ref).join(named, memberships.c.ref == named.c.ref).order_by(memberships.c.ref)
    conn.execute(query.with_for_update(of=memberships)).all()


def next_strays(conn: Connection, wanted: Wanted, after: Ref, limit: int) -> list[Ref]:
    """The next charges in order that no membership has, or that were judged so and have one now; locked. Ones that
    another transaction has locked are left out: it marks them for the next round."""
    c = facts.c
    judged = or_(c.membership.is_not(None), c.judged_as_of.is_(None), c.judged_as_of == CHANGED)
    if not wanted.changed_only:
        judged = or_(judged, c.judged_as_of == AGAIN, c.judged_as_of > wanted.as_of)
    query = (
        select(c.provider, c.object_id)
        .where(STRAY, tuple_(c.provider, c.object_id) > tuple_(after.provider, after.id))
        .order_by(c.provider, c.object_id)
        .limit(limit)
    )
    if not wanted.everything:
        query = query.where(judged)
    return [Ref(provider, object_id) for provider, object_id in conn.execute(query.with_for_update(skip_locked=True))]


def memberships_judged(conn: Connection, outcomes: Sequence[Outcome], as_of: date) -> None:
    """Note what was judged, and when time alone can change it. The rows are locked already, so nothing came between."""
    rows = [
        {
            "ref": outcome.membership,
            "judged_as_of": as_of,
            "next_change": outcome.next_change,
            "touched": False,
            "explained": _look_alikes(outcome),
        }
        for outcome in outcomes
    ]
    change(conn, memberships, rows, key=["ref"])


def _look_alikes(outcome: Outcome) -> list[Row] | None:
    """What looks wrong and is right. What the other charges pay is worked out when somebody asks."""
    told = [one for one in outcome.explained if one.notes]
    return [{"charge": str(one.charge), "notes": [*map(str, one.notes)]} for one in told] or None


def strays_judged(conn: Connection, judged: Mapping[Ref, date | None]) -> None:
    """Note when stray charges were judged; None for those that a membership has."""
    rows = [
        {"provider": ref.provider, "kind": "charge", "object_id": ref.id, "judged_as_of": day}
        for ref, day in sorted(judged.items())
    ]
    change(conn, facts, rows, key=["provider", "kind", "object_id"])


def _due(wanted: Wanted) -> ColumnElement[bool]:
    c = memberships.c
    if wanted.changed_only:
        return c.touched.is_(True)
    return or_(
        c.touched.is_(True),
        c.next_change <= wanted.as_of,
        c.judged_as_of.is_(None),
        and_(c.judged_as_of.is_not(None), c.judged_as_of > wanted.as_of),
    )
