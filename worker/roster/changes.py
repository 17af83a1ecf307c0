"""One membership at a time, as a merchant's own program tells it: the whole row, a notice, a change. The same way as a
roster file from there on, so what is judged does not depend on how it came; each is one transaction and one audit
entry in the teller's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from reconcile.membership import Change, Membership, Notice
from worker.audit import Entry, append_all
from worker.fields import BadFieldError
from worker.runtime import Runtime
from worker.store import members, roster
from worker.store.roster import RosterRow, import_memberships
from worker.store.sql import lock_facts, run

TOLD_MAX = 1000  # notices, and changes, of one membership


class UnknownMembershipError(ValueError):
    """The roster has no such membership."""


class OtherVersionError(ValueError):
    """The row is not the one that the teller saw."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of it: `outcome` is added, changed or unchanged; `version` is the row's now."""

    membership: str
    version: int
    outcome: str


def statement_of(runtime: Runtime) -> str:
    """The version of the privacy statement under which personal data is collected now."""
    return runtime.rules.policy.in_force("smartcalls-privacy", runtime.clock().date()).version


def put(runtime: Runtime, row: RosterRow, by: str, seen: int | None = None) -> Written:
    """State a membership, as a row of a roster file does. Raises OtherVersionError where `seen` is given and is not the
    version that holds (0: none does)."""

    def work(conn: Connection) -> Written:
        lock_facts(conn)
        version = roster.version_of(conn, row.membership.ref) or 0
        if seen is not None and seen != version:
            raise OtherVersionError(f"version {version}")
        return _written(conn, runtime, row, by, "membership_put")

    return run(runtime.engine, work)


def add_notice(runtime: Runtime, ref: str, notice: Notice, by: str) -> Written:
    """Add a notice to a membership; one that is there already changes nothing. Raises UnknownMembershipError."""

    def told(now: Membership) -> Membership:
        if notice in now.notices:
            return now
        return replace(now, notices=(*now.notices, notice))

    return _amended(runtime, ref, told, by, "notice_told")


def add_change(runtime: Runtime, ref: str, change: Change, by: str) -> Written:
    """Add a change to a membership; one that is there already changes nothing. Raises UnknownMembershipError."""

    def told(now: Membership) -> Membership:
        if change in now.changes:
            return now
        return replace(now, changes=(*now.changes, change))

    return _amended(runtime, ref, told, by, "change_told")


def _amended(runtime: Runtime, ref: str, told: Callable[[Membership], Membership], by: str, action: str) -> Written:
    def work(conn: Connection) -> Written:
        lock_facts(conn)
        known = roster.version_of(conn, ref) and roster.membership(conn, ref)
        if not known:
            raise UnknownMembershipError(ref)
        now = told(known)
        if max(len(now.notices), len(now.changes)) > TOLD_MAX:
            raise BadFieldError("", f"at most {TOLD_MAX} notices and changes of one membership are expected")
        return _written(conn, runtime, RosterRow(now, _personal(conn, runtime, ref)), by, action)

    return run(runtime.engine, work)


def _personal(conn: Connection, runtime: Runtime, ref: str) -> dict[str, str] | None:
    """The member's fields as they are; of somebody whose fields are not kept, where they live."""
    held = roster.personal(conn, runtime.keyring, ref)
    country = members.record(conn, ref).get("country")
    return {**({"country": country} if country else {}), **held} or None


def _written(conn: Connection, runtime: Runtime, row: RosterRow, by: str, action: str) -> Written:
    ref, now = row.membership.ref, runtime.clock()
    done = import_memberships(conn, runtime.keyring, [row], now, statement_of(runtime))
    outcome = "added" if done.added else "changed" if done.changed else "unchanged"
    written = Written(ref, roster.version_of(conn, ref) or 0, outcome)
    append_all(conn, [Entry(by, action, ref, {"version": written.version, "outcome": outcome})], now)
    return written
