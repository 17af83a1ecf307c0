"""Signing in: a name and a password against a session, with a wait that grows for whoever keeps guessing."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from worker.accounts import passwords
from worker.accounts.names import user_id
from worker.accounts.roles import Permission, Role, may
from worker.audit import ACTOR, Entry, append_all
from worker.engine import reading
from worker.runtime import Runtime
from worker.store import accounts as store
from worker.store.accounts import User
from worker.store.sql import run

IDLE = timedelta(minutes=15)
WHOLE = timedelta(hours=8)
# Each click would else be a write: so much earlier than said a session may seem idle.
_TOUCH = timedelta(minutes=1)

FREE_TRIES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in. The name stands in the audit log for all that they do."""

    id: str
    name: str
    roles: tuple[Role, ...]

    def may(self, permission: Permission) -> bool:
        return may(self.roles, permission)


def new_session_id() -> str:
    """What a browser holds: nobody can guess it."""
    return secrets.token_urlsafe(32)


def sign_in(runtime: Runtime, name: str, password: str) -> str | None:
    """The id of a new session; None where name and password do not fit, the person is shut out, or it was tried too
    often: which of these, nobody is told. Raises CrowdedError."""
    known = run(runtime.engine, lambda conn: _try(conn, runtime, user_id(name)))
    if not passwords.fits(password, None if known is None else known.password) or known is None:
        return None
    session_id = new_session_id()
    return session_id if run(runtime.engine, lambda conn: _begin(conn, runtime, known, session_id)) else None


def _try(conn: Connection, runtime: Runtime, wanted: str) -> User | None:
    """Count the try before it is known how it ends, so that guesses made at once count like guesses one by one."""
    found, now = store.user(conn, wanted, locked=True), runtime.clock()
    if (
        found is None
        or found.disabled
        or found.by_provider
        or (found.locked_until is not None and found.locked_until > now)
    ):
        return None
    tries = found.tries + 1
    until = now + _wait(tries) if tries >= FREE_TRIES else None
    store.change(conn, found.id, tries=tries, locked_until=until)
    if until is not None:
        append_all(conn, [Entry(ACTOR, "sign_in_locked", f"user:{found.name}", {"tries": tries})], now)
    return found


def _wait(tries: int) -> timedelta:
    return min(FIRST_WAIT * (1 << min(tries - FREE_TRIES, 10)), LONGEST_WAIT)


def _begin(conn: Connection, runtime: Runtime, known: User, session_id: str) -> bool:
    now = runtime.clock()
    found = store.user(conn, known.id, locked=True)
    if found is None or found.disabled or found.password != known.password:
        return False  # changed meanwhile
    store.change(conn, known.id, tries=0, locked_until=None)
    begin_session(conn, known, session_id, now)
    append_all(conn, [Entry(known.name, "signed_in", f"user:{known.name}", {})], now)
    return True


def begin_session(conn: Connection, who: User, session_id: str, now: datetime) -> None:
    """Let this session be that person's; those that are over are forgotten."""
    store.forget_sessions(conn, now - WHOLE, now - IDLE)
    store.begin_session(conn, _hash(session_id), who.id, now)


def person(runtime: Runtime, session_id: str) -> Person | None:
    """Whose session this is, if it is still one."""
    id_hash, now = _hash(session_id), runtime.clock()
    with reading(runtime.engine).begin() as conn:
        found = store.session(conn, id_hash)
    if found is None:
        return None
    user, begun_at, seen_at = found
    shut_out = runtime.settings.oidc_only and not user.by_provider
    if shut_out or _over(begun_at, seen_at, now):
        run(runtime.engine, lambda conn: store.end_session(conn, id_hash))
        return None
    if now - seen_at >= _TOUCH:
        run(runtime.engine, lambda conn: store.seen(conn, id_hash, now))
    return Person(user.id, user.name, tuple(Role(word) for word in user.roles))


def _over(begun_at: datetime, seen_at: datetime, now: datetime) -> bool:
    return now - begun_at >= WHOLE or now - seen_at >= IDLE


def sign_out(runtime: Runtime, session_id: str) -> None:
    """End this session."""
    run(runtime.engine, lambda conn: store.end_session(conn, _hash(session_id)))


def who_may(permission: Permission) -> Collection[Role]:
    """The roles that have a permission, in the order in which they are named."""
    return [role for role in Role if may([role], permission)]


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
