"""Columns of values as Postgres takes them most quickly: one parameter each, an array in the binary format. A twentieth
of what a parameter a value costs, and a third of a JSON text that the server has to take apart."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
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

_HEAD = struct.Struct("!iiIii").pack  # dimensions, whether there are nulls, the elements' type, how many, the first's n
_NO_ELEMENTS = struct.Struct("!iiI").pack
_LENGTH, _LONG = struct.Struct("!i").pack, struct.Struct("!q").pack
_NULL = _LENGTH(-1)
_FIRST_DAY, _FIRST_MOMENT = date(2000, 1, 1), datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Encode = Callable[[Any], bytes]


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


def array(element: int, encode: Encode, values: Sequence[Any]) -> bytes:
    """Values as an array of elements of this type, by Postgres' number, each None or in its own binary format."""
    if not values:
        return _NO_ELEMENTS(0, 0, element)
    one = values[0]
    # As in half of the columns. Of documents equal is not the same: 1 is True in them.
    if not isinstance(one, dict | list) and values.count(one) == len(values):
        items = _item(encode, one) * len(values)
    else:
        items = b"".join([_item(encode, value) for value in values])
    return _HEAD(1, None in values, element, len(values), 1) + items


def _item(encode: Encode, value: Any) -> bytes:  # noqa: ANN401 - of the column
    if value is None:
        return _NULL
    told = encode(value)
    return _LENGTH(len(told)) + told


class Way(NamedTuple):
    """How the values of a column are sent: as an array of what, in which way, and what its elements become."""

    array: str
    element: int
    encode: Encode
    then: str = ""

    def bytes_of(self, values: Sequence[Any]) -> bytes:
        return array(self.element, self.encode, values)

    def pack(self, values: Sequence[Any]) -> Packed:
        return Packed(self.bytes_of(values))


_TEXTS = Way("text", 25, str.encode)
_NUMBERS = Way("bigint", 20, _LONG)
_BYTES = Way("bytea", 17, bytes)
_FLAGS = Way("boolean", 16, lambda value: b"\x01" if value else b"\x00")
_MOMENTS = Way("timestamptz", 1184, lambda value: _LONG((value - _FIRST_MOMENT) // _MICROSECOND))
_WAYS: Sequence[tuple[type[TypeEngine[Any]], Way]] = (
    (Text, _TEXTS),
    (BigInteger, _NUMBERS),
    (Integer, _NUMBERS._replace(then="::integer")),
    (JSON, Way("text", 25, msgspec.json.encode, "::jsonb")),
    (LargeBinary, _BYTES),
    (Boolean, _FLAGS),
    (Date, Way("date", 1082, lambda value: _LENGTH((value - _FIRST_DAY).days))),
    (UtcDateTime, _MOMENTS),
)
# By the name of an element's type, for a statement that is written by hand.
BY_NAME: Mapping[str, Way] = {way.array: way for way in (_TEXTS, _BYTES, _FLAGS, _MOMENTS, Way("integer", 23, _LENGTH))}
texts, numbers = _TEXTS.pack, _NUMBERS.pack


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
