"""What is never kept, in a text: card numbers, social security and employer numbers, bank accounts (PR-2)."""

from __future__ import annotations

import re

from config.logging import luhn

REMOVED = "[removed]"

_BEFORE, _AFTER = r"(?<![\w.+])", r"(?![\w]|[.-]\d)"
# What stands before is looked at only once a first character fits: a pattern that begins with one is found several
# times as quickly.
_CARD = re.compile(r"\d(?<![\w.+]\d)[ .\u00a0-]?(?:\d[ .\u00a0-]?){11,17}\d(?!\d)")
# In its own groups a card number is known by whatever stands between them.
DASHES = r"\u00ad\u2010-\u2015\u2212\-"
INVISIBLE = r"\u200b-\u200f\u2060\ufeff"
_BETWEEN = rf"[\s{DASHES}{INVISIBLE}./,|_]{{1,4}}"
_GROUPS = re.compile(
    rf"[3-6]\d{{3}}(?<![\w.+]\d{{4}})(?:(?P<four>{_BETWEEN})\d{{4}}(?P=four)\d{{4}}(?P=four)\d{{4}}"
    rf"|(?P<six>{_BETWEEN})\d{{6}}(?P=six)\d{{5}})(?!\d)"
)
_SSN = re.compile(rf"{_BEFORE}(?!000|666|9\d\d)\d{{3}}([ .\u00a0{DASHES}])(?!00)\d{{2}}\1(?!0000)\d{{4}}{_AFTER}")
_EIN = re.compile(rf"{_BEFORE}\d{{2}}[{DASHES}]\d{{7}}{_AFTER}")
_DIGITS = re.compile(r"\d+")
_IBAN = re.compile(
    r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z]\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"
)
# Without hyphens nine digits are a date, an amount, an id: only a word beside them says that they are such a number.
WORDS = (
    r"(?:ssn|social security(?: number)?|ein|tax id|itin|account(?: (?:no|number))?|acct|routing(?: number)?|aba|iban)"
)
_NAMED = re.compile(rf"(?i)(?<!\w){WORDS}[\s:#.=\"'\\-]{{0,6}}(?:is )?(?:no\.? )?(\d(?:[ -]?\d){{5,16}})(?!\d)")


def scrubbed(text: str) -> str:
    """`text` without any such number."""
    text = _NAMED.sub(lambda found: found[0].replace(found[1], REMOVED), text)
    text = _EIN.sub(REMOVED, _SSN.sub(REMOVED, text))
    return _GROUPS.sub(_card, _CARD.sub(_card, _IBAN.sub(_iban, text)))


def without(text: str, *personal: str | None) -> str:
    """`text` without these words of a member's own, whatever their case; short ones would hit by chance."""
    for word in personal:
        if word is not None and len(word.strip()) >= 4:
            text = re.sub(rf"(?i){re.escape(word.strip())}", REMOVED, text)
    return text


def holds_card(text: str, first: int, last: int) -> bool:
    """Whether a card number stands between these places, where neither cuts through digits."""
    return any(_card(found) != found[0] for card in (_CARD, _GROUPS) for found in card.finditer(text, first, last))


def iban_at(text: str, at: int) -> bool:
    """Whether an IBAN begins at this place."""
    found = _IBAN.match(text, at)
    return found is not None and _iban(found) == REMOVED


def _card(found: re.Match[str]) -> str:
    if _is_card(found[0]):
        return REMOVED
    # Another number stands beside it: `5 4242…`.
    return _DIGITS.sub(lambda alone: REMOVED if _is_card(alone[0]) else alone[0], found[0])


def _is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 13 <= len(digits) <= 19 and luhn(digits) and len(set(digits)) > 1


def _iban(found: re.Match[str]) -> str:
    text = found[0].replace(" ", "").replace("-", "")
    turned = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return REMOVED if int(turned) % 97 == 1 else found[0]
