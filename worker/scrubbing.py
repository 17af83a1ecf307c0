"""What is never kept, wherever it hides: card numbers, social security and employer numbers, bank accounts (PR-2)."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

from config.logging import luhn

REMOVED = "[removed]"

_BEFORE, _AFTER = r"(?<![\w.+])", r"(?![\w]|[.-]\d)"
# What stands before is looked at only once a first character fits: a pattern that begins with one is found several
# times as quickly, and every body that comes in is searched.
_CARD = re.compile(r"\d(?<![\w.+]\d)[ .\u00a0-]?(?:\d[ .\u00a0-]?){11,17}\d(?!\d)")
# In its own groups a card number is known by whatever stands between them.
_DASHES = r"\u00ad\u2010-\u2015\u2212\-"
_BETWEEN = rf"[\s{_DASHES}\u200b-\u200f\u2060\ufeff./,|_]{{1,4}}"
_GROUPS = re.compile(
    rf"[3-6]\d{{3}}(?<![\w.+]\d{{4}})(?:(?P<four>{_BETWEEN})\d{{4}}(?P=four)\d{{4}}(?P=four)\d{{4}}"
    rf"|(?P<six>{_BETWEEN})\d{{6}}(?P=six)\d{{5}})(?!\d)"
)
_SSN = re.compile(rf"{_BEFORE}(?!000|666|9\d\d)\d{{3}}([ .\u00a0{_DASHES}])(?!00)\d{{2}}\1(?!0000)\d{{4}}{_AFTER}")
_EIN = re.compile(rf"{_BEFORE}\d{{2}}[{_DASHES}]\d{{7}}{_AFTER}")
_ASCII_CARDS = tuple(re.compile(card.pattern, re.ASCII) for card in (_CARD, _GROUPS))
_IBAN = re.compile(
    r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z]\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"
)
# Without hyphens nine digits are a date, an amount, an id: only a word beside them says that they are such a number.
_WORDS = (
    r"(?:ssn|social security(?: number)?|ein|tax id|itin|account(?: (?:no|number))?|acct|routing(?: number)?|aba|iban)"
)
_NAMED = re.compile(rf"(?i)(?<!\w){_WORDS}[\s:#.=\"'\\-]{{0,6}}(?:is )?(?:no\.? )?(\d(?:[ -]?\d){{5,16}})(?!\d)")
_KEYS = re.compile(
    r"(?i)(?:^|[_ -])(?:(?:ssn|social[_ -]security|ein|tax[_ -]id|itin|iban)(?:[_ -](?:number|no))?"
    r"|(?:account|routing)[_ -]number|cvc|cvv)$"
)

# The same as it begins at one of the words, or the rest of a key with it whose value has a digit.
_NAMED_AT = re.compile(
    rf"{_NAMED.pattern}|(?:(?:ssn|ein|tax[_ -]id|itin|iban)(?:[_ -](?:number|no))?|\w*[_ -]number|cvc|cvv)"
    r'"\s*:\s*(?:"[^"]*\d|\d)'
)
_LITERAL = re.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*)"(?P<colon>\s*:)?|(?<=[:\[,\s])(?P<number>\d+)(?=[\s,}\]])', re.DOTALL
)
# A card number in pieces: texts of digits that follow one another, with or without names of their own.
_NEXT = r'"\s*,\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*)?"'
_PIECES = re.compile(
    rf'"([3-6]\d{{3}}){_NEXT}(\d{{4}}){_NEXT}(\d{{4}}){_NEXT}(\d{{4}})"'
    rf'|"(3[47]\d\d){_NEXT}(\d{{6}}){_NEXT}(\d{{5}})"|"([3-6]\d{{7}}){_NEXT}(\d{{8}})"'
)
# Most bodies hold nothing of it, which a look at their shape tells quickly: every digit as 9, capitals as A.
_SHAPE = bytes(57 if chr(c).isdigit() else 65 if 65 <= c <= 90 else c for c in range(128)) + bytes(range(128, 256))
_CARD_DIGITS = b"9" * 13
# What may stand between the groups of an SSN or EIN is a hyphen in it.
_DASHED = _SHAPE.replace(b" ", b"-").replace(b".", b"-")
_HINTS = (b"ssn", b"social", b"itin", b"account", b"acct", b"routing", b"iban", b"cvc", b"cvv", b"tax", b"ein", b"aba")


def scrubbed(text: str) -> str:
    """`text` without any such number."""
    text = _NAMED.sub(lambda found: found[0].replace(found[1], REMOVED), text)
    text = _EIN.sub(REMOVED, _SSN.sub(REMOVED, text))
    return _GROUPS.sub(_card, _CARD.sub(_card, _IBAN.sub(_iban, text)))


def scrubbed_body(body: bytes) -> bytes:
    """A JSON body without any such number, otherwise byte for byte as it came. Names of objects (`id`, `…_id`) are left
    alone: they are what facts are told apart by, and providers make no such numbers of them."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body  # no JSON: it is refused when it is read
    if not _suspect(body, text):
        return body
    key, names = "", 0

    def clean(found: re.Match[str]) -> str:
        nonlocal key, names
        if found["number"] is not None:
            return "null" if _is_card(found["number"]) or _KEYS.search(key) else found[0]
        if found["colon"] is not None:
            key = found["text"]
            if scrubbed(key) == key:
                return found[0]
            names += 1  # two names of one object stay two
            return f'"{REMOVED} {names}"{found["colon"]}'
        return _rewritten(key, found["text"])

    return _PIECES.sub(_pieces, _LITERAL.sub(clean, text)).encode()


def _rewritten(key: str, literal: str) -> str:
    """A text of JSON without what is never kept, as it was written where nothing of it was there."""
    try:
        plain = json.loads(f'"{literal}"', strict=False) if "\\" in literal else literal
    except ValueError:
        plain = literal  # no JSON: it is refused when it is read
    kept = _valued(key, plain)
    return f'"{literal}"' if kept == plain else json.dumps(kept)


def _pieces(found: re.Match[str]) -> str:
    pieces = [n for n in range(1, found.re.groups + 1) if found[n] is not None]
    if not luhn("".join(found[n] for n in pieces)):
        return found[0]
    told, at = "", found.start()
    for n in pieces:
        told += f"{found.string[at : found.start(n)]}{REMOVED}"
        at = found.end(n)
    return told + found.string[at : found.end()]


def _suspect(body: bytes, text: str) -> bool:
    """Whether a closer look is worth while. This is asked of every body that comes in."""
    shape = body.translate(_SHAPE)
    dashed = body.translate(_DASHED)
    if b"999-99-9999" in dashed or b"99-9999999" in dashed or _escaped(shape) or _in_pieces(shape):
        return True
    if not text.isascii():  # a byte is no character then, and a place in the one no place in the other
        numbered = _SSN.search(text) or _EIN.search(text) or _NAMED_AT.search(text)
        return numbered is not None or _holds_card(text) or any(map(_is_iban, _IBAN.finditer(text)))
    digits = shape.translate(None, b" -./,|_")
    first = digits.find(_CARD_DIGITS)
    if first >= 0:
        # A digit stands at least as far on in the body as it does without what may stand between, and no further on
        # than by as much as that.
        last = digits.rfind(_CARD_DIGITS) + len(_CARD_DIGITS) + len(body) - len(digits)
        if _holds_card(text, first, last + 1):
            return True
    if any((found := _IBAN.match(text, at)) and _is_iban(found) for at in _places(shape, b"AA99")):
        return True
    lower = body.lower()
    return any(_NAMED_AT.match(text, at) for hint in _HINTS for at in _places(lower, hint))


def _escaped(shape: bytes) -> bool:
    """Whether a digit, or what stands between digits, is written as an escape."""
    if b"\\u" in shape and (b"\\u999" in shape or b"\\uff99" in shape):
        return True
    return b"9\\" in shape and (b"9999\\n9999\\n" in shape or b"9999\\t9999\\t" in shape)


def _in_pieces(shape: bytes) -> bool:
    """Whether there are as many texts of digits as the pieces of a card number."""
    if b'"9999' not in shape:
        return False
    return shape.count(b'"9999"') > 3 or shape.count(b'"99999999"') > 1 or b'"999999"' in shape


def _places(where: bytes, what: bytes) -> Iterator[int]:
    at = where.find(what)
    while at >= 0:
        yield at
        at = where.find(what, at + 1)


def _holds_card(text: str, first: int = 0, last: int = sys.maxsize) -> bool:
    cards = _ASCII_CARDS if text.isascii() else (_CARD, _GROUPS)
    return any(_card(found) == REMOVED for card in cards for found in card.finditer(text, first, last))


def _is_iban(found: re.Match[str]) -> bool:
    return _iban(found) == REMOVED


def _valued(key: str, text: str) -> str:
    if _KEYS.search(key):
        return REMOVED if any(char.isdigit() for char in text) else text
    return text if key == "id" or key.endswith("_id") else scrubbed(text)


def _is_card(number: str) -> bool:
    return len(number) in (15, 16) and number[0] in "3456" and luhn(number)


def without(text: str, *personal: str | None) -> str:
    """`text` without these words of a member's own, whatever their case; short ones would hit by chance."""
    for word in personal:
        if word is not None and len(word.strip()) >= 4:
            text = re.sub(rf"(?i){re.escape(word.strip())}", REMOVED, text)
    return text


def _card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    return REMOVED if 13 <= len(digits) <= 19 and luhn(digits) and len(set(digits)) > 1 else found[0]


def _iban(found: re.Match[str]) -> str:
    text = found[0].replace(" ", "").replace("-", "")
    turned = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return REMOVED if int(turned) % 97 == 1 else found[0]
