"""JSON from outside, read strictly: what a lenient parser lets through (a second key of the same name, NaN, a lone
surrogate, 100,000 nested lists) is refused here, so that no line further in has to think of it.

Every failure is a MalformedDelivery whose text repeats nothing of the body.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import accumulate
from typing import TypeVar

import msgspec

from handlers.inbox import MalformedDelivery

JsonObject = dict[str, object]

DEPTH_MAX = 64
NUMBER_CHARACTERS_MAX = 40
INTEGER_CHARACTERS_MAX = 20
TEXT_CHARACTERS_MAX = 1024

T = TypeVar("T")

# An unclosed string is matched too, to the end: a pattern that gave up on it would start again at each later quote and
# take quadratic time.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_A_BRACKET = re.compile(r"[^\[\]{}]+")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(body: bytes) -> JsonObject:
    """The object that `body` holds; numbers with a point or an exponent are Decimals."""
    value = _plainly(body)
    return _closely(body) if value is None else value


def _plainly(body: bytes) -> JsonObject | None:
    """The object, where a quicker and lenient parser has lost nothing of it: written down again it is what came, but
    for the white space. With a name that stands twice it is not. With an escape or a fraction it is not either, which
    would be right; what may be too deep or too long is left to the closer look."""
    try:
        bare = msgspec.json.format(body, indent=-1)
        shape = bare.translate(_SHAPE)
        if shape.count(b"{") > DEPTH_MAX or _LONG_NUMBER in shape:
            return None
        value = _LENIENT.decode(body)
        same = _AGAIN.encode(value) == bare
    except (ValueError, RecursionError):
        return None
    return value if same and isinstance(value, dict) else None


def _closely(body: bytes) -> JsonObject:
    """The same for any body, with what is wrong in it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedDelivery("the body is not UTF-8") from None
    if _depth_may_exceed(text):
        raise MalformedDelivery(f"the body nests deeper than {DEPTH_MAX}")
    try:
        value: object = _DECODER.decode(text)
    except MalformedDelivery:
        raise
    except (ValueError, RecursionError):
        raise MalformedDelivery("the body is not JSON") from None
    if not isinstance(value, dict):
        raise MalformedDelivery("the body is no JSON object")
    if _SURROGATE_ESCAPE.search(text):
        _refuse_lone_surrogates(value)
    return value


def _depth_may_exceed(text: str) -> bool:
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return False
    brackets = _NOT_A_BRACKET.sub("", _STRING.sub("", text))
    return any(depth > DEPTH_MAX for depth in accumulate(map(_STEP.__getitem__, brackets)))


def _refuse_lone_surrogates(value: JsonObject) -> None:
    # A pair of escapes has become one character by now; a lone half cannot be written as UTF-8, and so not be stored.
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise MalformedDelivery("the body has half a surrogate pair") from None


def _object(pairs: list[tuple[str, object]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedDelivery("an object in the body has a key twice")
    return value


def _integer(text: str) -> int:
    if len(text) > INTEGER_CHARACTERS_MAX:
        raise MalformedDelivery("the body has a number that is too long")
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise MalformedDelivery("the body has a number that is too long")
    value = Decimal(text)
    # Arithmetic on 1E+99999 takes seconds.
    if abs(value.adjusted()) > NUMBER_CHARACTERS_MAX:
        raise MalformedDelivery("the body has a number out of bounds")
    return value


def _constant(_name: str) -> object:
    raise MalformedDelivery("the body has NaN or Infinity, which JSON has not")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)
_LENIENT = msgspec.json.Decoder(float_hook=Decimal)
_AGAIN = msgspec.json.Encoder()
# Every digit as 9, every opening bracket as {.
_SHAPE = bytes(57 if 48 <= c <= 57 else 123 if c == 91 else c for c in range(256))
_LONG_NUMBER = b"9" * INTEGER_CHARACTERS_MAX


# Reading a parsed object. `path` is the way down from `source`; a step that is missing or null gives None, a value of
# another type is a MalformedDelivery that names the path. Mostly it is one step, for which `_at` need not be called.


def text(source: JsonObject, *path: str) -> str | None:
    """The string at `path`. Strings that no database column takes (NUL) or needs (over 1024 characters) are refused."""
    value = source.get(path[0]) if len(path) == 1 else _at(source, path)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(path, "a string")
    if len(value) > TEXT_CHARACTERS_MAX or "\0" in value:
        raise _wrong(path, "a short plain string")
    return value


def integer(source: JsonObject, *path: str) -> int | None:
    """The whole number at `path`; true and false are none."""
    value = source.get(path[0]) if len(path) == 1 else _at(source, path)
    if value is None or type(value) is int:
        return value
    raise _wrong(path, "a whole number")


def flag(source: JsonObject, *path: str) -> bool | None:
    """The truth value at `path`."""
    value = source.get(path[0]) if len(path) == 1 else _at(source, path)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(path, "true or false")


def child(source: JsonObject, *path: str) -> JsonObject | None:
    """The object at `path`."""
    value = source.get(path[0]) if len(path) == 1 else _at(source, path)
    if value is None or isinstance(value, dict):
        return value
    raise _wrong(path, "an object")


def children(source: JsonObject, *path: str) -> list[JsonObject]:
    """The list of objects at `path`; empty where it is missing or null."""
    value = source.get(path[0]) if len(path) == 1 else _at(source, path)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _wrong(path, "a list of objects")
    return value


def needed(value: T | None, *path: str) -> T:
    """`value`, which must be there. `path` is what the refusal names."""
    if value is None:
        raise MalformedDelivery(f"{'.'.join(path)} is missing")
    return value


def _at(source: JsonObject, path: tuple[str, ...]) -> object:
    value: object = source
    for depth, step in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _wrong(path[:depth], "an object")
        value = value.get(step)
    return value


def _wrong(path: tuple[str, ...], expected: str) -> MalformedDelivery:
    return MalformedDelivery(f"{'.'.join(path)} is not {expected}")
