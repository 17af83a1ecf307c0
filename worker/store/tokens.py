"""The tokens of the API: who holds them, what they allow, and until when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from worker.schema import tokens

USED_TO_THE = timedelta(hours=1)

_c = tokens.c


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret, of which `digest` is the SHA-256. `name` is who acts with it."""

    id: str
    name: str
    digest: str
    scopes: frozenset[str]
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None


def add(conn: Connection, token: Token) -> None:
    conn.execute(
        insert(tokens).values(
            id=token.id,
            name=token.name,
            digest=token.digest,
            scopes=sorted(token.scopes),
            made_by=token.made_by,
            made_at=token.made_at,
            expires_at=token.expires_at,
        )
    )


def load(conn: Connection, token_id: str) -> Token | None:
    row = conn.execute(select(tokens).where(_c.id == token_id)).mappings().one_or_none()
    return None if row is None else _token(dict(row))


def listing(conn: Connection) -> list[Token]:
    """Every token that was ever made, by name, the oldest first."""
    return [_token(dict(row)) for row in conn.execute(select(tokens).order_by(_c.name, _c.made_at, _c.id)).mappings()]


def spelt_otherwise(conn: Connection, name: str) -> str | None:
    """A name that is in use already and is read like this one, but for its capitals."""
    found: str | None = conn.scalar(select(_c.name).where(func.lower(_c.name) == name.lower(), _c.name != name))
    return found


def names(conn: Connection) -> Collection[str]:
    """Every name that a token was ever made for."""
    return set(conn.scalars(select(_c.name).distinct()))


def revoke(conn: Connection, which: str, at: datetime) -> Sequence[tuple[str, str]]:
    """End the token of this id, or all of this name; the id and name of each that was ended."""
    wanted = or_(_c.id == which, _c.name == which)
    ended = update(tokens).where(wanted, _c.revoked_at.is_(None)).values(revoked_at=at).returning(_c.id, _c.name)
    return sorted((row.id, row.name) for row in conn.execute(ended))


def used(conn: Connection, token: Token, at: datetime) -> None:
    """Note that it was used."""
    conn.execute(update(tokens).where(_c.id == token.id).values(used_at=at))


def use_is_news(token: Token, at: datetime) -> bool:
    """Whether its last use is noted as so long ago that it is worth a write."""
    return token.used_at is None or at - token.used_at >= USED_TO_THE


def _token(row: dict[str, Any]) -> Token:
    return Token(**{**row, "scopes": frozenset(row["scopes"])})
