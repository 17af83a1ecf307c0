"""What is never kept, wherever it hides: card numbers, social security and employer numbers, bank accounts (PR-2)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from config.logging import luhn

REMOVED = "[removed]"

_BEFORE, _AFTER = r"(?<![\w.+])", r"(?![\w]|[.-]\d)"
# What stands before is looked at only once a first character fits: a pattern that begins with one is found several
# times as quickly, and every body that comes in is searched.
_CARD = re.compile(r"\d(?<![\w.+]\d)[ .\u00a0-]?(?:\d[ .\u00a0-]?){11,17}\d(?!\d)")
_SSN = re.compile(_BEFORE + r"(?!000|666|9\d\d)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}" + _AFTER)
_EIN = re.compile(_BEFORE + r"\d{2}-\d{7}" + _AFTER)
_ASCII_CARD = re.compile(_CARD.pattern, re.ASCII)
_IBAN = re.compile(r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z]\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])")
# Without hyphens nine digits are a date, an amount, an id: only a word beside them says that they are such a number.
_WORDS = (
    r"(?:ssn|social security(?: number)?|ein|tax id|itin|account(?: (?:no|number))?|acct|routing(?: number)?|aba|iban)"
)
_NAMED = re.compile(rf"(?i)(?<!\w){_WORDS}[\s:#.=-]{{0,4}}(?:is )?(?:no\.? )?(\d(?:[ -]?\d){{5,16}})(?!\d)")
_KEYS = re.compile(
    r"(?i)(?:^|_)(?:ssn|social_security(?:_number)?|ein|tax_id|itin|account_number|routing_number|iban|cvc|cvv)$"
)

# The same as it begins at one of the words, or the rest of a key with it whose value has a digit.
_NAMED_AT = re.compile(rf'{_NAMED.pattern}|(?:ssn|ein|tax_id|itin|\w*_number|iban|cvc|cvv)"\s*:\s*"[^"]*\d')
_LITERAL = re.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*)"(?P<colon>\s*:)?|(?<=[:\[,\s])(?P<number>\d{15,16})(?=[\s,}\]])', re.DOTALL
)
# Most bodies hold nothing of it, which a look at their shape tells quickly: every digit as 9, capitals as A.
_SHAPE = bytes(57 if chr(c).isdigit() else 65 if 65 <= c <= 90 else c for c in range(128)) + bytes(range(128, 256))
_CARD_DIGITS = b"9" * 13
_HINTS = (b"ssn", b"social", b"itin", b"account", b"acct", b"routing", b"iban", b"cvc", b"cvv", b"tax", b"ein", b"aba")


def scrubbed(text: str) -> str:
    """`text` without any such number."""
    text = _NAMED.sub(lambda found: found[0].replace(found[1], REMOVED), text)
    text = _EIN.sub(REMOVED, _SSN.sub(REMOVED, text))
    return _CARD.sub(_card, _IBAN.sub(_iban, text))


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
            return "null" if _is_card(found["number"]) else found[0]
        if found["colon"] is not None:
            key = found["text"]
            if scrubbed(key) == key:
                return found[0]
            names += 1  # two names of one object stay two
            return f'"{REMOVED} {names}"{found["colon"]}'
        return f'"{_valued(key, _plain_digits(found["text"]))}"'

    return _LITERAL.sub(clean, text).encode()


def _suspect(body: bytes, text: str) -> bool:
    """Whether a closer look is worth while. This is asked of every body that comes in."""
    shape = body.translate(_SHAPE)
    if b"999-99-9999" in shape or b"999 99 9999" in shape or b"99-9999999" in shape or b"\\u999" in shape:
        return True
    if not text.isascii():  # a byte is no character then, and a place in the one no place in the other
        return _holds_card(text) or any(map(_is_iban, _IBAN.finditer(text))) or _NAMED_AT.search(text) is not None
    digits = shape.translate(None, b" -.")
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


def _places(where: bytes, what: bytes) -> Iterator[int]:
    at = where.find(what)
    while at >= 0:
        yield at
        at = where.find(what, at + 1)


def _holds_card(text: str, first: int = 0, last: int = sys.maxsize) -> bool:
    pattern = _ASCII_CARD if text.isascii() else _CARD
    return any(_card(found) == REMOVED for found in pattern.finditer(text, first, last))


def _is_iban(found: re.Match[str]) -> bool:
    return _iban(found) == REMOVED


def _valued(key: str, text: str) -> str:
    if _KEYS.search(key):
        return REMOVED if any(char.isdigit() for char in text) else text
    return text if key == "id" or key.endswith("_id") else scrubbed(text)


def _plain_digits(text: str) -> str:
    return re.sub(r"\\u003([0-9])", r"\1", text)


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
    text = found[0].replace(" ", "")
    turned = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return REMOVED if int(turned) % 97 == 1 else found[0]
