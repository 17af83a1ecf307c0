"""Signing in with an account of the company's OpenID provider: whose it is here, under which name, in which roles.

A person is the provider's own key for the account (issuer and `sub`), which never changes hands. The name that the
account has when it first comes is the name here for good, because four-eyes goes by names: who is renamed at the
provider does not become a second person. A name that a local user, a token or another account has is nobody else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from importlib import util

from sqlalchemy import Connection

from config.settings import Settings, SettingsError
from worker.accounts.names import user_id
from worker.accounts.roles import Role
from worker.accounts.signing_in import begin_session, new_session_id
from worker.accounts.users import UserError, proper_name
from worker.audit import ACTOR, Entry, append_all
from worker.runtime import Runtime
from worker.store import accounts as store
from worker.store import tokens
from worker.store.accounts import User
from worker.store.sql import run


class Refusal(Enum):
    """Why somebody whom the provider knows does not come in, as the audit log says it."""

    USED = "the sign-in was used before"
    NO_ROLE = "no group of the account has a role"
    DISABLED = "the person is disabled"
    NAME = "the name is no name of a person"
    TAKEN = "the name is that of a local user, a token or another account"


class TurnedAway(Exception):
    """The provider knows the person, and makegood does not let them in."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Account:
    """What the provider vouches for: its key for the person, how they are called, and the roles of their groups."""

    issuer: str
    subject: str
    name: str
    roles: Collection[Role]

    @property
    def mark(self) -> str:
        return f"{store.VOUCHED}{self.issuer} {self.subject}"


def needs_of_sign_in(settings: Settings) -> bool:
    """Whether people come in through the provider. Raises SettingsError where something is missing for it."""
    on = settings.require_oidc()
    if on and util.find_spec("authlib") is None:
        raise SettingsError("MAKEGOOD_OIDC_ISSUER: sign-in through a provider needs `pip install makegood[oidc]`")
    return on


def sign_in(runtime: Runtime, account: Account, once: str) -> str:
    """The id of a new session. Raises TurnedAway; `once` lets somebody in one time, and no second."""
    session_id, now = new_session_id(), runtime.clock()

    def work(conn: Connection) -> Refusal | None:
        found = store.vouched_for(conn, account.mark)
        why, name = _why_not(conn, account, found)
        # Last, so that only who would come in leaves a row.
        if why is None and not store.spend(conn, hashlib.sha256(once.encode()).hexdigest(), now):
            why = Refusal.USED
        if why is not None:
            if found is not None and why is Refusal.NO_ROLE:
                store.end_sessions(conn, found.id)
            append_all(conn, [Entry(ACTOR, "sign_in_refused", f"user:{name}", {"by": "oidc", "why": why.value})], now)
            return why
        roles = tuple(role.value for role in Role if role in account.roles)
        entries = [Entry(name, "signed_in_by_oidc", f"user:{name}", {"roles": list(roles)})]
        if found is None:
            found = User(
                user_id(name), name, roles, account.mark, disabled=False, tries=0, locked_until=None, made_at=now
            )
            if not store.add(conn, found):
                return Refusal.TAKEN  # by somebody who came in this moment
            entries.insert(0, Entry(ACTOR, "user_added", f"user:{name}", {"roles": list(roles), "by": "oidc"}))
        else:
            store.change(conn, found.id, roles=list(roles))
        begin_session(conn, found, session_id, now)
        append_all(conn, entries, now)
        return None

    if (refused := run(runtime.engine, work)) is not None:
        raise TurnedAway(refused)
    return session_id


def _why_not(conn: Connection, account: Account, found: User | None) -> tuple[Refusal | None, str]:
    """What keeps the person out, and the name that they have here."""
    if found is None:
        try:
            name = proper_name(account.name)
        except UserError:
            return Refusal.NAME, "?"
        other = store.user(conn, user_id(name))
        if other is not None:
            return Refusal.DISABLED if other.disabled else Refusal.TAKEN, name
        if user_id(name) in {user_id(each) for each in tokens.names(conn)}:
            return Refusal.TAKEN, name
    elif found.disabled:
        return Refusal.DISABLED, found.name
    else:
        name = found.name
    return (None if account.roles else Refusal.NO_ROLE), name
