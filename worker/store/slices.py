"""The rows of a shared run of the judge: cut once, taken by one worker at a time, taken anew where that one is gone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, or_, select, update

from worker.schema import memberships, slices
from worker.store.due import Wanted, wanted_rows
from worker.store.sql import need_not_last, put

_s = slices.c


@dataclass(frozen=True, slots=True)
class Share:
    """One slice as a worker has taken it: what is wanted of the memberships after `after`."""

    run: str
    n: int
    after: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a slice: how many memberships were judged, their findings, and how many could not be."""

    memberships: int
    findings: int
    failed: int


def lay_out(conn: Connection, run: str, wanted: Wanted, size: int) -> int:
    """Cut what is to be judged into slices of about `size` memberships; a run that was cut before stays as it is, with
    what is done of it. Gives how many are not done."""
    if conn.scalar(select(func.count()).where(_s.run == run)) == 0:
        turn = func.row_number().over(order_by=memberships.c.ref).label("turn")
        ranked = select(memberships.c.ref, turn).where(*wanted_rows(wanted)).subquery()
        lasts = conn.scalars(select(ranked.c.ref).where(ranked.c.turn % size == 0).order_by(ranked.c.ref)).all()
        ends = zip(["", *lasts], [*lasts, None], strict=True)
        common = {"as_of": wanted.as_of, "everything": wanted.everything, "state": "waiting", "lease_until": None}
        common |= {"memberships": 0, "findings": 0, "failed": 0}
        rows = [{"run": run, "n": n, "after": after, "last": last, **common} for n, (after, last) in enumerate(ends)]
        put(conn, slices, rows, key=["run", "n"], replacing=False)
    return left(conn, run)


def take(conn: Connection, run: str, now: datetime, lease: timedelta) -> Share | None:
    """The next slice that nobody has; None where there is none just now. Nothing is lost with a lease, as with what is
    judged under it, and so no worker waits for the disk, which is busy with what the others judge."""
    need_not_last(conn)
    free = or_(_s.lease_until.is_(None), _s.lease_until <= now)
    query = select(slices).where(_s.run == run, _s.state == "waiting", free).order_by(_s.n).limit(1)
    row = conn.execute(query.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    conn.execute(update(slices).where(_s.run == run, _s.n == row.n).values(lease_until=now + lease))
    return Share(run, row.n, row.after, Wanted(row.as_of, row.everything, last=row.last))


def finish(conn: Connection, share: Share, done: Done) -> None:
    """A slice is judged. Two workers may have judged it, where one was thought gone: the first to end is counted."""
    need_not_last(conn)  # the slice's own commits come before it, and are gone only together with it
    mine = (_s.run == share.run) & (_s.n == share.n) & (_s.state == "waiting")
    conn.execute(update(slices).where(mine).values(state="done", lease_until=None, **asdict(done)))


def left(conn: Connection, run: str) -> int:
    """How many slices of a run are not done."""
    return conn.scalar(select(func.count()).where(_s.run == run, _s.state == "waiting")) or 0


def totals(conn: Connection, run: str) -> Done:
    """What came of all the slices of a run so far."""
    query = select(func.sum(_s.memberships), func.sum(_s.findings), func.sum(_s.failed)).where(_s.run == run)
    return Done(*(int(total or 0) for total in conn.execute(query).one()))


def close(conn: Connection, run: str) -> Done:
    """A run is over: what came of it, and its slices are of no more use."""
    done = totals(conn, run)
    conn.execute(delete(slices).where(_s.run == run))
    return done
