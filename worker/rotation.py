"""Master keys change: everything that rests under an older one is sealed again under the newest, until nothing is left
and the older can be thrown away.

What a master key seals are the members' own keys, the key of the e-mail index, and the stored bodies. Fields under a
member's key stay as they are: it is that key which is wrapped anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    and_,
    func,
    literal,
    literal_column,
    select,
    update,
)

from worker.audit import append
from worker.crypt import CannotOpenError, Keyring, key_place
from worker.engine import lift_limits, reading
from worker.runtime import Runtime
from worker.schema import Row, deliveries, members, wrapped_keys
from worker.store.members import key_place as member_place
from worker.store.recording import place as body_place
from worker.store.sql import run

PART = 200
# Where a ciphertext says which key it is under (`worker.crypt`): its second to ninth byte, counted from one.
_ID_AT: ColumnElement[int] = literal_column("2")
_ID_BYTES: ColumnElement[int] = literal_column("8")


@dataclass(frozen=True, slots=True)
class _Store:
    """One column that holds what a master key sealed, and how the cipher knows the place of a row's."""

    name: str
    table: Table
    column: str
    key: str
    place: Callable[[Row], str]

    @property
    def sealed(self) -> ColumnElement[Any]:
        return self.table.c[self.column]

    @property
    def key_id(self) -> ColumnElement[Any]:
        return func.substr(self.sealed, _ID_AT, _ID_BYTES, type_=LargeBinary)


STORES = (
    _Store("index key", wrapped_keys, "wrapped", "name", lambda row: key_place(row["name"])),
    _Store("member keys", members, "wrapped", "membership", lambda row: member_place(row["membership"])),
    _Store(
        "stored bodies",
        deliveries,
        "body",
        "id",
        lambda row: body_place(row["provider"], row["account"], row["event_id"]),
    ),
)


def status(runtime: Runtime) -> list[Row]:
    """One row a store and key: how many rest under it, and whether it is the `newest`, an `older` one, or `missing`
    from the settings, so that nothing opens them."""
    with reading(runtime.engine).begin() as conn:
        lift_limits(conn)
        return [row for store in STORES for row in _status(conn, runtime.keyring, store)]


def left(rows: list[Row]) -> int:
    """How many of them are not under the newest key."""
    return sum(int(row["rows"]) for row in rows if row["key_is"] != "newest")


def rotate(runtime: Runtime, by: str) -> list[Row]:
    """Seal everything that is under an older key again, a part at a time, each part a transaction of its own: stopped
    and begun again, it goes on where it was. What no key opens is left as it is. Returns the `status` after it."""
    for store in STORES:
        after = run(runtime.engine, partial(_part, keyring=runtime.keyring, store=store, after=None))
        while after is not None:
            after = run(runtime.engine, partial(_part, keyring=runtime.keyring, store=store, after=after))
    rows = status(runtime)
    detail = {"newest": runtime.keyring.newest, "left": left(rows)}
    run(runtime.engine, lambda conn: append(conn, by, "keys_rotated", "keys", detail, runtime.clock()))
    return rows


def _status(conn: Connection, keyring: Keyring, store: _Store) -> Iterator[Row]:
    query = select(store.key_id, func.count()).where(store.sealed.is_not(None)).group_by(store.key_id)
    for key_id, rows in sorted((bytes(key_id), rows) for key_id, rows in conn.execute(query)):
        yield {"store": store.name, "key": key_id.hex(), "key_is": keyring.standing(key_id), "rows": rows}


def _part(conn: Connection, keyring: Keyring, store: _Store, after: Any) -> Any:  # noqa: ANN401 - a key of any table
    """Seal some rows again; the key of the last one looked at, None once there are no more."""
    key = store.table.c[store.key]
    old = and_(store.sealed.is_not(None), store.key_id != literal(bytes.fromhex(keyring.newest), LargeBinary))
    query = select(store.table).where(old).order_by(key).limit(PART).with_for_update()
    rows = [dict(row) for row in conn.execute(query if after is None else query.where(key > after)).mappings()]
    for row in rows:
        place = store.place(row)
        try:
            plain = keyring.open(row[store.column], place)
        except CannotOpenError:
            continue  # its key is not here: `status` shows it as missing
        sealed = keyring.seal(plain, place)
        conn.execute(update(store.table).where(key == row[store.key]).values({store.column: sealed}))
    return rows[-1][store.key] if rows else None
