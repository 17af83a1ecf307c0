"""What is never kept, wherever it hides: card numbers, social security and employer numbers, bank accounts (PR-2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from config.logging import luhn

REMOVED = "[removed]"

_BEFORE, _AFTER = r"(?<![\w.+])", r"(?![\w]|[.-]\d)"
_CARD = re.compile(_BEFORE + r"(?:\d[ .\u00a0-]?){12,18}\d" + r"(?!\d)")
_SSN = re.compile(_BEFORE + r"(?!000|666|9\d\d)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}" + _AFTER)
_EIN = re.compile(_BEFORE + r"\d{2}-\d{7}" + _AFTER)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])")
# Without hyphens nine digits are a date, an amount, an id: only a word beside them says that they are such a number.
_WORDS = (
    r"(?:ssn|social security(?: number)?|ein|tax id|itin|account(?: (?:no|number))?|acct|routing(?: number)?|aba|iban)"
)
_NAMED = re.compile(rf"(?i)(?<!\w){_WORDS}[\s:#.=-]{{0,4}}(?:is )?(?:no\.? )?(\d(?:[ -]?\d){{5,16}})(?!\d)")
_KEYS = re.compile(
    r"(?i)(?:^|_)(?:ssn|social_security(?:_number)?|ein|tax_id|itin|account_number|routing_number|iban|cvc|cvv)$"
)


def scrubbed(text: str) -> str:
    """`text` without any such number."""
    text = _NAMED.sub(lambda found: found[0].replace(found[1], REMOVED), text)
    text = _EIN.sub(REMOVED, _SSN.sub(REMOVED, text))
    return _CARD.sub(_card, _IBAN.sub(_iban, text))


def scrubbed_json(value: Any, key: str = "") -> Any:  # noqa: ANN401 - JSON
    """The same of every text in a JSON value. Names of objects (`id`, `…_id`) are left alone: they are what facts are
    told apart by, and providers make no such numbers of them."""
    if isinstance(value, Mapping):
        return {name: scrubbed_json(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [scrubbed_json(item, key) for item in value]
    if isinstance(value, str):
        if _KEYS.search(key) and any(char.isdigit() for char in value):
            return REMOVED
        return value if key == "id" or (key.endswith("_id") and not _KEYS.search(key)) else scrubbed(value)
    if type(value) is int and value >= 10**14 and luhn(str(value)):
        return REMOVED
    return value


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
