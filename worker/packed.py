"""Columns of values as Postgres takes them most quickly: one parameter each, an array in the binary format. A twentieth
of what a parameter a value costs, and a third of a JSON text that the server has to take apart."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import JSON, BigInteger, Boolean, Date, Integer, LargeBinary, Table, Text
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeEngine

from worker.schema import Row, UtcDateTime

_HEAD = struct.Struct(
    "!iiIii"
)  # dimensions, whether there are nulls, type of the elements, how many, the first's number
_NONE = struct.Struct("!iiI")
_NULL = b"\xff\xff\xff\xff"
_BIGINT, _DATE = struct.Struct("!iq").pack, struct.Struct("!ii").pack
_TRUE, _FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"
_FIRST_DAY, _FIRST_MOMENT = date(2000, 1, 1), datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Packed:
    """An array in the binary format, for a parameter that the statement casts to its type."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class _AsItIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> Buffer:
        return obj.data


psycopg.adapters.register_dumper(Packed, _AsItIs)


def texts(values: Iterable[str | None]) -> Packed:
    """A `text[]`."""
    return _framed(25, [None if value is None else value.encode() for value in values])


def numbers(values: Iterable[int | None]) -> Packed:
    """A `bigint[]`."""
    return _array(20, [_NULL if value is None else _BIGINT(8, value) for value in values])


def _documents(values: Iterable[Any]) -> Packed:
    return _framed(25, [None if value is None else msgspec.json.encode(value) for value in values])


def _blobs(values: Iterable[bytes | None]) -> Packed:
    return _framed(17, list(values))


def _flags(values: Iterable[bool | None]) -> Packed:
    return _array(16, [_NULL if value is None else _TRUE if value else _FALSE for value in values])


def _days(values: Iterable[date | None]) -> Packed:
    return _array(1082, [_NULL if value is None else _DATE(4, (value - _FIRST_DAY).days) for value in values])


def _moments(values: Iterable[datetime | None]) -> Packed:
    return _array(1184, [_NULL if v is None else _BIGINT(8, (v - _FIRST_MOMENT) // _MICROSECOND) for v in values])


def _framed(element: int, values: Sequence[bytes | None]) -> Packed:
    parts = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts += len(value).to_bytes(4), value
    return _array(element, parts, len(values))


def _array(element: int, parts: Sequence[bytes], count: int | None = None) -> Packed:
    count = len(parts) if count is None else count
    head = _HEAD.pack(1, 1, element, count, 1) if count else _NONE.pack(0, 0, element)
    return Packed(b"".join((head, *parts)))


class Way(NamedTuple):
    """How the values of a column are sent: packed as an array of what, whose elements are cast once more."""

    pack: Callable[[Iterable[Any]], Packed]
    array: str
    then: str = ""


_WAYS: Sequence[tuple[type[TypeEngine[Any]], Way]] = (
    (Text, Way(texts, "text")),
    (BigInteger, Way(numbers, "bigint")),
    (Integer, Way(numbers, "bigint", "::integer")),
    (JSON, Way(_documents, "text", "::jsonb")),
    (LargeBinary, Way(_blobs, "bytea")),
    (Boolean, Way(_flags, "boolean")),
    (Date, Way(_days, "date")),
    (UtcDateTime, Way(_moments, "timestamptz")),
)


def way_of(kind: TypeEngine[Any]) -> Way:
    """How the values of a column of this type are sent."""
    return next(way for cls, way in _WAYS if isinstance(kind, cls))


@cache
def insert(
    table: Table,
    names: tuple[str, ...],
    key: tuple[str, ...] = (),
    returning: tuple[str, ...] = (),
    *,
    replacing: bool = False,
) -> str:
    """The statement that inserts rows of these columns; with a `key`, over what is there under it or not at all."""
    into = (*names, *_defaults(table, names))
    told = ", ".join(f"{_name(name)} = excluded.{_name(name)}" for name in names if name not in key)
    known = f" ON CONFLICT ({_listed(key)}) DO {f'UPDATE SET {told}' if replacing else 'NOTHING'}" if key else ""
    return (
        f"INSERT INTO {_name(table.name)} ({_listed(into)}) SELECT {_elements(table, into)}"  # noqa: S608 - names of the schema
        f" FROM {_unnested(table, into)}{known}"
        f"{f' RETURNING {_listed(returning)}' if returning else ''}"
    )


@cache
def change(table: Table, names: tuple[str, ...], key: tuple[str, ...]) -> str:
    """The statement that sets, in the row of each one's key, the other columns."""
    told = ", ".join(f"{_name(name)} = {_element(table, name)}" for name in names if name not in key)
    same = " AND ".join(f"{_name(table.name)}.{_name(name)} = {_element(table, name)}" for name in key)
    return f"UPDATE {_name(table.name)} SET {told} FROM {_unnested(table, names)} WHERE {same}"  # noqa: S608 - as above


def whole(table: Table, names: Sequence[str], rows: Sequence[Row]) -> tuple[Packed, ...]:
    """These columns of new rows, and those that a new row has anyway, as `insert` takes them."""
    rest = _defaults(table, names).items()
    return columns(table, names, rows) + tuple(way_of(table.c[name].type).pack([v] * len(rows)) for name, v in rest)


def columns(table: Table, names: Sequence[str], rows: Sequence[Row]) -> tuple[Packed, ...]:
    """These columns of the rows, as `change` takes them."""
    return tuple(way_of(table.c[name].type).pack([row[name] for row in rows]) for name in names)


def _defaults(table: Table, names: Collection[str]) -> dict[str, Any]:
    """What a new row has in the columns that are not named, where that is not null."""
    unnamed = (one for one in table.columns if one.name not in names)
    return {one.name: one.default.arg for one in unnamed if isinstance(one.default, ScalarElementColumnDefault)}


def _unnested(table: Table, names: Sequence[str]) -> str:
    arrays = ", ".join(f"%b::{way_of(table.c[name].type).array}[]" for name in names)
    return f"unnest({arrays}) AS new({_listed(names)})"


def _elements(table: Table, names: Sequence[str]) -> str:
    return ", ".join(_element(table, name) for name in names)


def _element(table: Table, name: str) -> str:
    return f"new.{_name(name)}{way_of(table.c[name].type).then}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_name, names))


def _name(name: str) -> str:
    return f'"{name}"'
