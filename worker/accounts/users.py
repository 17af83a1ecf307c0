"""People who may sign in to the console: made, listed and shut out at the command line, each act an audit entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from worker.accounts import passwords
from worker.accounts.names import NAME_MAX, user_id
from worker.accounts.roles import Role
from worker.audit import ACTOR, Entry, append_all
from worker.runtime import Runtime
from worker.store import accounts as store
from worker.store import tokens
from worker.store.accounts import User
from worker.store.sql import run


class UserError(ValueError):
    """One line for a person: why it cannot be done."""


def proper_name(name: str) -> str:
    """The name as it will stand in the audit log. Raises UserError where it cannot."""
    shown = " ".join(name.split())
    if not shown or not shown.isprintable() or len(shown) > NAME_MAX or ":" in shown:
        raise UserError(f"NAME: one line of at most {NAME_MAX} characters without a colon is expected")
    if user_id(shown) == ACTOR:
        raise UserError(f"NAME: the name of a person is expected, and {shown} is none")
    return shown


def add(runtime: Runtime, name: str, roles: Collection[Role], password: str, by: str) -> User:
    """Make a person. Raises UserError and BadPasswordError."""
    shown = proper_name(name)
    if not roles:
        raise UserError(f"--role: at least one of {', '.join(Role)} is expected")
    _other_than_name(password, shown)
    in_order = tuple(role.value for role in Role if role in roles)
    hashed, at = passwords.kept(password), runtime.clock()
    made = User(user_id(shown), shown, in_order, hashed, disabled=False, tries=0, locked_until=None, made_at=at)

    def work(conn: Connection) -> User:
        if (other := tokens.spelt_otherwise(conn, made.name)) is not None:
            raise UserError(f"NAME: there is a token of {other}: one spelling a name is expected")
        if not store.add(conn, made):
            raise UserError(f"NAME: another name is expected, {shown} is there already")
        _audit(conn, runtime, Entry(by, "user_added", f"user:{made.name}", {"roles": list(in_order)}))
        return made

    return run(runtime.engine, work)


def everybody(runtime: Runtime) -> Sequence[User]:
    """All people, by name."""
    return run(runtime.engine, store.everybody)


def set_password(runtime: Runtime, name: str, password: str, by: str) -> None:
    """Give a person another password; whoever is signed in by the old one is signed out."""
    found = _known(runtime, name)
    if found.by_provider:
        raise UserError(f"NAME: {found.name} signs in through the OpenID provider and has no password here")
    _other_than_name(password, found.name)
    hashed = passwords.kept(password)

    def work(conn: Connection) -> None:
        store.change(conn, found.id, password=hashed, tries=0, locked_until=None)
        store.end_sessions(conn, found.id)
        _audit(conn, runtime, Entry(by, "user_password_set", f"user:{found.name}", {}))

    run(runtime.engine, work)


def disable(runtime: Runtime, name: str, by: str, *, lift: bool = False) -> None:
    """Shut a person out, from the next click on; `lift` lets them in again."""
    found = _known(runtime, name)

    def work(conn: Connection) -> None:
        store.change(conn, found.id, disabled=not lift, tries=0, locked_until=None)
        store.end_sessions(conn, found.id)
        _audit(conn, runtime, Entry(by, "user_enabled" if lift else "user_disabled", f"user:{found.name}", {}))

    run(runtime.engine, work)


def _known(runtime: Runtime, name: str) -> User:
    found = run(runtime.engine, lambda conn: store.user(conn, user_id(name)))
    if found is None:
        raise UserError(f"NAME: somebody of `makegood user list` is expected, and {name} is nobody")
    return found


def _other_than_name(password: str, name: str) -> None:
    if user_id(name) in user_id(password):
        raise passwords.BadPasswordError("password: one without the name in it is expected")


def _audit(conn: Connection, runtime: Runtime, entry: Entry) -> None:
    append_all(conn, [entry], runtime.clock())
