"""Tokens: how a program says who it is. A token is `mkg_ID_SECRET`; the secret is 256 random bits, shown once, and only
its SHA-256 is kept: there is nothing to guess, so nothing slower is needed."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import timedelta
from hmac import compare_digest

from sqlalchemy import Connection

from worker.accounts.names import NAME_MAX, user_id
from worker.accounts.roles import Permission
from worker.audit import ACTOR, Entry, append_all
from worker.engine import reading
from worker.runtime import Runtime
from worker.store import accounts
from worker.store import tokens as store
from worker.store.sql import run
from worker.store.tokens import Token

_FORM = re.compile(r"mkg_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOBODYS = hashlib.sha256(secrets.token_bytes()).hexdigest()


class TokenError(ValueError):
    """One line for a person: why the token cannot be made, ended or used."""


def make(runtime: Runtime, name: str, scopes: Collection[Permission], days: int, by: str) -> str:
    """Make a token for `name` and give it, the only time that anybody sees it."""
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    now = runtime.clock()
    token = Token(
        token_id,
        _name("NAME", name),
        _digest(secret),
        frozenset(scopes),
        _name("--by", by),
        now,
        now + timedelta(days=days),
    )

    def work(conn: Connection) -> None:
        person = accounts.user(conn, user_id(token.name))
        other = store.spelt_otherwise(conn, token.name) or (person.name if person else token.name)
        if other != token.name:
            raise TokenError(f"NAME: there is {other} already: one spelling a name is expected")
        store.add(conn, token)
        detail = {"name": token.name, "scopes": sorted(token.scopes), "days": days}
        append_all(conn, [Entry(token.made_by, "token_made", f"token:{token_id}", detail)], now)

    run(runtime.engine, work)
    return f"mkg_{token_id}_{secret}"


def revoke(runtime: Runtime, which: str, by: str) -> list[str]:
    """End a token by its id, or all of a name; their ids. It holds from the next request on."""
    actor = _name("--by", by)

    def work(conn: Connection) -> list[str]:
        ended = store.revoke(conn, which, runtime.clock())
        if not ended:
            raise TokenError("NAME: the name or id of a token that is in force is expected (see makegood token list)")
        entries = [Entry(actor, "token_revoked", f"token:{token_id}", {"name": name}) for token_id, name in ended]
        append_all(conn, entries, runtime.clock())
        return [token_id for token_id, _ in ended]

    return run(runtime.engine, work)


def holder(runtime: Runtime, given: str) -> Token:
    """The token that was presented. Raises TokenError where it is none that is in force; only who has its secret
    learns why."""
    parts = _FORM.fullmatch(given)
    if parts is None:
        raise TokenError("this is no token of makegood")
    now = runtime.clock()
    with reading(runtime.engine).begin() as conn:
        token = store.load(conn, parts[1])
    # An unknown one costs the same time as one with a wrong secret.
    same = compare_digest(_digest(parts[2]), _NOBODYS if token is None else token.digest)
    if token is None or not same:
        raise TokenError("this token is not known")
    if token.revoked_at is not None:
        raise TokenError("this token was revoked")
    if token.expires_at <= now:
        raise TokenError(f"this token expired on {token.expires_at.date()}")
    if store.use_is_news(token, now):
        run(runtime.engine, lambda conn: store.used(conn, token, now))
    return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _name(option: str, text: str) -> str:
    name = " ".join(text.split())
    if not name or not text.isprintable() or len(name) > NAME_MAX or name.casefold() == ACTOR:
        raise TokenError(f"{option}: a name of 1 to {NAME_MAX} characters is expected, and not {ACTOR}")
    return name
