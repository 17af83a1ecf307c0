"""The rows of the nights: one a night, taken by one run at a time; what was shown; and which providers have gaps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update

from reconcile.summary import DayTold
from worker.schema import findings, gaps, identifiers, memberships, nights, shown
from worker.store.sql import listed, put

RUNNING, DONE, SUPERSEDED = "running", "done", "superseded"

_n = nights.c


@dataclass(frozen=True, slots=True)
class Night:
    """A night's row as one run has taken it. `notes` are what its earlier phases left."""

    night: date
    state: str
    phase: str
    as_of: date
    since: date
    attempt: int
    notes: Mapping[str, Any]
    done_at: datetime | None = None
    lease_until: datetime | None = None
    summary: str | None = None
    audit_head: str | None = None
    complete: bool | None = None


@dataclass(frozen=True, slots=True)
class Taking:
    """How a run wants a night: which, judged as of which date, from which phase on, and for how long it is taken."""

    night: date
    as_of: date
    first_phase: str
    lease: timedelta
    again: bool = False


def load(conn: Connection, night: date) -> Night | None:
    row = conn.execute(select(nights).where(_n.night == night)).one_or_none()
    return None if row is None else _night(row)


def latest(conn: Connection, until: date) -> Night | None:
    """The latest night that is done, of those up to a date: one that somebody ran by hand for a date to come, which is
    easily mistyped, is not the last one before that date."""
    done = select(nights).where(_n.state == DONE, _n.night <= until)
    row = conn.execute(done.order_by(_n.night.desc()).limit(1)).one_or_none()
    return None if row is None else _night(row)


def listing(conn: Connection, limit: int, before: date | None = None) -> list[Night]:
    """The nights, the latest first; those before a date."""
    query = select(nights) if before is None else select(nights).where(_n.night < before)
    return [_night(row) for row in conn.execute(query.order_by(_n.night.desc()).limit(limit))]


def complete_before(conn: Connection, night: date) -> date | None:
    """The last night before this one whose picture was complete."""
    query = select(_n.night).where(_n.state == DONE, _n.night < night, _n.complete).order_by(_n.night.desc()).limit(1)
    last: date | None = conn.scalar(query)
    return last


def unchecked(night: Night) -> tuple[str, ...]:
    """The providers that could not be asked, as the night has noted them."""
    return tuple(night.notes.get("picture", {}).get("unchecked", ()))


def days(night: Night) -> tuple[DayTold, ...]:
    """What came how, as the night has noted it."""
    return msgspec.convert(night.notes.get("picture", {}).get("days", ()), tuple[DayTold, ...])


def is_first(conn: Connection, night: date) -> bool:
    """Whether no night before this one was ever done."""
    return conn.scalar(select(_n.night).where(_n.state == DONE, _n.night < night).limit(1)) is None


def take(conn: Connection, wanted: Taking, now: datetime) -> Night | None:
    """Take the night: begin it, or go on where a run that is gone stopped. None where another run has it or another
    night, or where it is done. Of any number that try at once, one gets it."""
    row = {
        "night": wanted.night,
        "state": RUNNING,
        "phase": wanted.first_phase,
        "as_of": wanted.as_of,
        "since": _since(conn, wanted.night),
        "attempt": 0,
        "started_at": now,
        "lease_until": now,
        "notes": {},
    }
    put(conn, nights, [row], key=["night"], replacing=False)
    # In the order of their keys, so that two who take different nights wait for each other and not in a circle.
    running = select(nights).where((_n.state == RUNNING) | (_n.night == wanted.night)).order_by(_n.night)
    held = {found.night: _night(found) for found in conn.execute(running.with_for_update())}
    own = held.pop(wanted.night)
    if any(_is_taken(one, now) for one in (own, *held.values())) or (own.state == DONE and not wanted.again):
        return None
    # An unfinished earlier night is covered by this one: what it would have found, this one finds.
    conn.execute(update(nights).where(_n.state == RUNNING, _n.night < wanted.night).values(state=SUPERSEDED))
    told: dict[str, Any] = {"state": RUNNING, "attempt": own.attempt + 1, "lease_until": now + wanted.lease}
    if own.state == DONE:
        told |= {"phase": wanted.first_phase, "notes": {}, "as_of": wanted.as_of}
    conn.execute(update(nights).where(_n.night == wanted.night).values(**told))
    return load(conn, wanted.night)


def keep(conn: Connection, night: Night, until: datetime) -> bool:
    """Hold the night for longer; False where another run has it."""
    return _change(conn, night, lease_until=until)


def leave(conn: Connection, night: Night, now: datetime) -> bool:
    """Give the night back unfinished: whoever comes next may take it at once."""
    return _change(conn, night, lease_until=now)


def advance(conn: Connection, night: Night, phase: str, notes: Mapping[str, Any]) -> bool:
    """A phase is done: note what it leaves and which comes next. False where another run has the night."""
    return _change(conn, night, phase=phase, notes=dict(notes))


def write_summary(conn: Connection, night: Night, summary: str, complete: bool, audit_head: str) -> bool:  # noqa: FBT001 - as read
    return _change(conn, night, summary=summary, complete=complete, audit_head=audit_head)


def finish(conn: Connection, night: Night, now: datetime) -> bool:
    return _change(conn, night, state=DONE, done_at=now, lease_until=None)


def mark_shown(conn: Connection, night: date, still: Collection[str]) -> None:
    """Note that this night shows these findings as open, and that it no longer finds the others of earlier nights so.
    Harmless to repeat."""
    rows = [{"finding": key, "night": night, "over_on": None} for key in sorted(still)]
    put(conn, shown, rows, key=["finding"], replacing=False)
    here = listed(conn, ["key"], [(key,) for key in still])
    keys = select(here.c.key)
    conn.execute(
        update(findings).where(findings.c.key.in_(keys), findings.c.published.is_(False)).values(published=True)
    )
    conn.execute(update(shown).where(shown.c.over_on.is_(None), shown.c.finding.not_in(keys)).values(over_on=night))
    conn.execute(update(shown).where(shown.c.over_on.is_not(None), shown.c.finding.in_(keys)).values(over_on=None))


def open_gaps(conn: Connection) -> dict[str, str]:
    """The providers whose picture is incomplete, and what is missing there."""
    return {row.provider: row.said for row in conn.execute(select(gaps))}


def set_gaps(conn: Connection, night: date, found: Mapping[str, str]) -> None:
    """Make the gaps these. What was judged while a gap was open, and so is likely at most, is to be judged anew once
    it is closed."""
    before = {row.provider: row.since for row in conn.execute(select(gaps))}
    for provider in sorted(before.keys() - found.keys()):
        theirs = select(identifiers.c.membership).where(identifiers.c.provider.in_([provider, ""]))
        meanwhile = memberships.c.judged_as_of >= before[provider]
        conn.execute(update(memberships).where(meanwhile, memberships.c.ref.in_(theirs)).values(touched=True))
        conn.execute(delete(gaps).where(gaps.c.provider == provider))
    rows = [
        {"provider": provider, "since": before.get(provider, night), "said": said}
        for provider, said in sorted(found.items())
    ]
    put(conn, gaps, rows, key=["provider"], replacing=True)


def _since(conn: Connection, night: date) -> date:
    query = select(_n.night).where(_n.state == DONE, _n.night < night).order_by(_n.night.desc()).limit(1)
    last = conn.scalar(query)
    return night if last is None else last + timedelta(days=1)


def _is_taken(night: Night, now: datetime) -> bool:
    return night.state == RUNNING and night.lease_until is not None and night.lease_until > now


def _change(conn: Connection, night: Night, **told: Any) -> bool:  # noqa: ANN401 - columns
    mine = (_n.night == night.night) & (_n.attempt == night.attempt) & (_n.state == RUNNING)
    return conn.execute(update(nights).where(mine).values(**told)).rowcount == 1


def _night(row: Any) -> Night:  # noqa: ANN401 - a row of `nights`
    return Night(
        row.night,
        row.state,
        row.phase,
        row.as_of,
        row.since,
        row.attempt,
        row.notes,
        row.done_at,
        row.lease_until,
        row.summary,
        row.audit_head,
        row.complete,
    )
