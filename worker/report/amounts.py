"""Money as people write it, in figures and within the sentences of the core."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from reconcile.currency import EXPONENTS
from reconcile.summary import Amounts

# `9900 USD` and `99.00 USD`; a number that is part of a name, a date or a fraction is none of these.
_AMOUNT = re.compile(r"(?<![\w.,:/-])(-?)(\d+)(?:\.(\d+))? ([A-Z]{3})\b")
_MINOR_UNITS = re.compile(r" \(([A-Z]{3}), minor units\)")
_WHOLE_NUMBER = re.compile(r"(?<![\w.,:/-])\d+(?![\w.,:/-])(?! days?\b)(?! times\b)")
_CLAIM = re.compile(r"claim [^:]*: ")


def money(minor: int, currency: str) -> str:
    """9900 of USD as 99.00, 150000 of JPY as 150,000."""
    places = EXPONENTS.get(currency, 2)
    sign, digits = ("-" if minor < 0 else ""), abs(minor)
    whole, rest = divmod(digits, 10**places)
    return f"{sign}{whole:,}" + (f".{rest:0{places}}" if places else "")


def sums(amounts: Amounts) -> str:
    """Money of several currencies, never added up."""
    return " and ".join(f"{money(minor, currency)} {currency}" for currency, minor in amounts)


def by_currency(amounts: Iterable[tuple[str | None, int]]) -> Amounts:
    """What amounts come to in each currency; what is no money, or nothing, is left out."""
    totals: Counter[str] = Counter()
    for currency, minor in amounts:
        if currency and minor:
            totals[currency] += minor
    return tuple(sorted(totals.items()))


def written(text: str) -> str:
    """A sentence of the core with its amounts as people write them. One that has them so already stays as it is, but
    for the thousands: older books hold sentences in minor units."""
    if (marked := _MINOR_UNITS.search(text)) is not None:
        text = _in_minor_units(text, marked[1])
    return _AMOUNT.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    sign, whole, places, currency = found.groups()
    if currency not in EXPONENTS:
        return found[0]
    # An amount of a currency that has decimals, without any, is in minor units.
    minor = int(whole) if places is None else int(whole + places)
    if places is not None and len(places) != EXPONENTS[currency]:
        return found[0]
    return f"{sign}{money(minor, currency)} {currency}"


def _in_minor_units(text: str, currency: str) -> str:
    claim = _CLAIM.match(text)
    head = claim[0] if claim else ""
    rest = _MINOR_UNITS.sub("", text[len(head) :])
    return head + _WHOLE_NUMBER.sub(lambda number: f"{number[0]} {currency}", rest)
