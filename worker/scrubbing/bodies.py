"""A webhook's body without what is never kept, wherever it hides: in texts, numbers, names, escapes, pieces (PR-2)."""

from __future__ import annotations

import json
import re

from config.logging import luhn
from worker.scrubbing.guard import KEY_WORDS, may_hold
from worker.scrubbing.texts import REMOVED, scrubbed

_KEYS = re.compile(rf"(?i)(?:^|[_ -]){KEY_WORDS}$")
_LITERAL = re.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*)"(?P<colon>\s*:)?|(?<=[:\[,\s])(?P<number>\d+)(?=[\s,}\]])|[{}]', re.DOTALL
)
# A card number in pieces: texts of digits that follow one another, with or without names of their own.
_NEXT = r'"\s*,\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*)?"'
_PIECES = re.compile(
    rf'"([3-6]\d{{3}}){_NEXT}(\d{{4}}){_NEXT}(\d{{4}}){_NEXT}(\d{{4}})"'
    rf'|"(3[47]\d\d){_NEXT}(\d{{6}}){_NEXT}(\d{{5}})"|"([3-6]\d{{7}}){_NEXT}(\d{{8}})"'
)


def scrubbed_body(body: bytes) -> bytes:
    """A JSON body without any such number, otherwise byte for byte as it came. Names of objects (`id`, `…_id`) are left
    alone: they are what facts are told apart by, and providers make no such numbers of them."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body  # no JSON: it is refused when it is read
    return cleaned(text).encode() if may_hold(body, text) else body


def cleaned(text: str) -> str:
    """What `scrubbed_body` makes of a body that may hold such a number. Of any other it makes the same."""
    key, names = "", 0
    around: list[str] = []  # the names under which the open objects are

    def clean(found: re.Match[str]) -> str:
        nonlocal key, names
        if found[0] == "{":
            around.append("" if _names_an_object(key) else key)
        elif found[0] == "}":
            key = around.pop() if around else ""
        elif found["number"] is not None:
            return "null" if _is_card(found["number"]) or _KEYS.search(key) else found[0]
        elif found["colon"] is None:
            return _rewritten(key, found["text"])
        else:
            key = _plain(found["text"])
            if scrubbed(key) != key:
                names += 1  # two names of one object stay two
                return f'"{REMOVED} {names}"{found["colon"]}'
        return found[0]

    return _PIECES.sub(_pieces, _LITERAL.sub(clean, text))


def _rewritten(key: str, literal: str) -> str:
    """A text of JSON without what is never kept, as it was written where nothing of it was there."""
    plain = _plain(literal)
    kept = _valued(key, plain)
    return f'"{literal}"' if kept == plain else json.dumps(kept)


def _plain(literal: str) -> str:
    """What a text of JSON says."""
    try:
        return str(json.loads(f'"{literal}"', strict=False)) if "\\" in literal else literal
    except ValueError:
        return literal  # no JSON: it is refused when it is read


def _pieces(found: re.Match[str]) -> str:
    pieces = [n for n in range(1, found.re.groups + 1) if found[n] is not None]
    if not luhn("".join(found[n] for n in pieces)):
        return found[0]
    told, at = "", found.start()
    for n in pieces:
        told += f"{found.string[at : found.start(n)]}{REMOVED}"
        at = found.end(n)
    return told + found.string[at : found.end()]


def _valued(key: str, text: str) -> str:
    if _KEYS.search(key):
        return REMOVED if any(char.isdigit() for char in text) else text
    return text if _names_an_object(key) else scrubbed(text)


def _names_an_object(key: str) -> bool:
    return key == "id" or key.endswith("_id")


def _is_card(number: str) -> bool:
    return len(number) in (15, 16) and number[0] in "3456" and luhn(number)
