"""People who sign in, and their sessions, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from worker.schema import sessions, users
from worker.store.sql import is_postgres, put

# What stands in the place of a password where there is none: this, the provider, and its own key for the person.
VOUCHED = "oidc "
_ACCOUNT_LOCK = 0x6F696463

_s, _u = sessions.c, users.c


@dataclass(frozen=True, slots=True)
class User:
    """One person as stored. `tries` in a row did not sign in; until `locked_until` none is heard."""

    id: str
    name: str
    roles: tuple[str, ...]
    password: str
    disabled: bool
    tries: int
    locked_until: datetime | None
    made_at: datetime

    @property
    def by_provider(self) -> bool:
        """Whether the company's OpenID provider vouches for this person, and no password does."""
        return self.password.startswith(VOUCHED)


def add(conn: Connection, user: User) -> bool:
    """Add a person; False where one of that id is there already."""
    row = {
        "id": user.id,
        "name": user.name,
        "roles": list(user.roles),
        "password": user.password,
        "disabled": user.disabled,
        "tries": user.tries,
        "locked_until": user.locked_until,
        "made_at": user.made_at,
    }
    return bool(put(conn, users, [row], key=["id"], replacing=False, returning=["id"]))


def user(conn: Connection, user_id: str, *, locked: bool = False) -> User | None:
    """One person; with `locked` the row stays this transaction's to its end."""
    query = select(users).where(_u.id == user_id)
    row = conn.execute(query.with_for_update() if locked else query).one_or_none()
    return None if row is None else _user(row)


def vouched_for(conn: Connection, mark: str) -> User | None:
    """The person of this account at the provider. The account is this transaction's to its end, known or not: it never
    becomes two people."""
    if is_postgres(conn):  # SQLite lets one write at a time
        conn.execute(select(func.pg_advisory_xact_lock(_ACCOUNT_LOCK, func.hashtext(mark))))
    row = conn.execute(select(users).where(_u.password == mark)).one_or_none()
    return None if row is None else _user(row)


def everybody(conn: Connection) -> Sequence[User]:
    return [_user(row) for row in conn.execute(select(users).order_by(_u.id))]


def is_anybody(conn: Connection) -> bool:
    """Whether there is anyone who could sign in."""
    return conn.scalar(select(_u.id).where(_u.disabled.is_(False)).limit(1)) is not None


def change(conn: Connection, user_id: str, **values: Any) -> bool:  # noqa: ANN401 - columns
    """Set columns of a person's row; False where there is none."""
    return conn.execute(update(users).where(_u.id == user_id).values(**values)).rowcount == 1


def begin_session(conn: Connection, id_hash: str, user_id: str, at: datetime) -> None:
    row = {"id_hash": id_hash, "user_id": user_id, "begun_at": at, "seen_at": at}
    put(conn, sessions, [row], key=["id_hash"], replacing=True)


def spend(conn: Connection, word_hash: str, at: datetime) -> bool:
    """Note that a word which is good for once was used; False where it was used before. It is a session of nobody, and
    forgotten like one. Who notes the same one meanwhile waits until this transaction ends."""
    row = {"id_hash": word_hash, "user_id": "", "begun_at": at, "seen_at": at}
    return bool(put(conn, sessions, [row], key=["id_hash"], replacing=False, returning=["id_hash"]))


def session(conn: Connection, id_hash: str) -> tuple[User, datetime, datetime] | None:
    """Whose session this is, when it was begun and last seen; None where there is none, or its owner is disabled."""
    query = select(users, _s.begun_at, _s.seen_at).join(sessions, _s.user_id == _u.id)
    row = conn.execute(query.where(_s.id_hash == id_hash, _u.disabled.is_(False))).one_or_none()
    return None if row is None else (_user(row), row.begun_at, row.seen_at)


def seen(conn: Connection, id_hash: str, at: datetime) -> None:
    conn.execute(update(sessions).where(_s.id_hash == id_hash).values(seen_at=at))


def end_session(conn: Connection, id_hash: str) -> None:
    conn.execute(delete(sessions).where(_s.id_hash == id_hash))


def end_sessions(conn: Connection, user_id: str) -> None:
    """End everything that this person has open."""
    conn.execute(delete(sessions).where(_s.user_id == user_id))


def forget_sessions(conn: Connection, begun_before: datetime, seen_before: datetime) -> None:
    """Remove what has ended by itself."""
    conn.execute(delete(sessions).where(or_(_s.begun_at < begun_before, _s.seen_at < seen_before)))


def _user(row: Any) -> User:  # noqa: ANN401 - a row of `users`
    return User(
        row.id,
        row.name,
        tuple(row.roles),
        row.password,
        row.disabled,
        row.tries,
        row.locked_until,
        row.made_at,
    )
