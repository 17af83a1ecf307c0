"""How the providers write money, and how we count it: whole minor units by ISO 4217's exponent.

The providers' tables are their own: Stripe writes 5 ISK as 500 and 5 MGA as 5, PayPal wants forints without decimals.
Every conversion is exact or refused. What comes in and cannot be read is a MalformedDelivery (the delivery is set
aside); what cannot be sent is a ValueError.
"""

from __future__ import annotations

import re
from functools import lru_cache

from handlers.inbox import MalformedDelivery
from reconcile.currency import EXPONENTS
from reconcile.money import Money

AMOUNT_MAX = 10**12

# Stripe's own exponents where they are not 2. A currency that has not two decimals and is not named here is not
# Stripe's, and nobody knows how it would write it.
_STRIPE_ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_STRIPE_THREE = "BHD JOD KWD OMR TND"
_STRIPE: dict[str, int] = dict.fromkeys(_STRIPE_ZERO.split(), 0) | dict.fromkeys(_STRIPE_THREE.split(), 3)
_STRIPE_WHOLE = frozenset({"ISK", "UGX"})  # two decimals, which must be 00

_PAYPAL_WHOLE = frozenset({"HUF", "JPY", "TWD"})  # no decimals on the way out

_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,4}))?", re.ASCII)
_CODE = re.compile(r"[A-Za-z]{3}", re.ASCII)


@lru_cache(1000)
def currency_code(text: str) -> str:
    """The upper-case ISO 4217 code. An unknown one is a MalformedDelivery that names it."""
    if _CODE.fullmatch(text) is None:
        raise MalformedDelivery("a currency is no code of three letters")
    code = text.upper()
    if code not in EXPONENTS:
        raise MalformedDelivery(f"the currency {code} is not known")
    return code


def exponent(code: str) -> int:
    """ISO 4217's number of decimals."""
    return EXPONENTS[currency_code(code)]


def stripe_money(amount: int, currency: str) -> Money:
    """The money that Stripe writes as `amount` of `currency` (either case)."""
    code = currency_code(currency)
    if abs(amount) > AMOUNT_MAX:
        raise MalformedDelivery("an amount is out of bounds")
    minor = _shift(amount, EXPONENTS[code] - _stripe_exponent(code))
    if minor is None:
        raise MalformedDelivery(f"an amount of {code} is not in whole minor units")
    return Money(minor, code)


def stripe_amount(money: Money) -> int:
    """`money` as Stripe takes it. Raises ValueError where Stripe cannot take it exactly."""
    amount = _shift(money.minor, _stripe_exponent(money.currency) - exponent(money.currency))
    # Card networks know two decimals of the three.
    if amount is None or (_STRIPE.get(money.currency) == 3 and amount % 10):
        raise ValueError(f"Stripe cannot take {money.minor} minor units of {money.currency} exactly")
    return amount


def _stripe_exponent(code: str) -> int:
    if code in _STRIPE:
        return _STRIPE[code]
    if code in _STRIPE_WHOLE or EXPONENTS.get(code) == 2:
        return 2
    raise MalformedDelivery(f"how Stripe writes the currency {code} is not known")


def paypal_money(value: str, currency: str) -> Money:
    """The money that PayPal writes as the decimal string `value` ("10", "10.0", "10.00", "-0.01")."""
    code = currency_code(currency)
    found = _DECIMAL.fullmatch(value)
    if found is None:
        raise MalformedDelivery("an amount is no plain decimal number")
    sign, whole, fraction = found[1], found[2], found[3] or ""
    minor = _shift(int(whole + fraction), EXPONENTS[code] - len(fraction))
    if minor is None:
        raise MalformedDelivery(f"an amount of {code} is not in whole minor units")
    return Money(-minor if sign else minor, code)


def paypal_value(money: Money) -> str:
    """`money` as PayPal takes it. Raises ValueError where PayPal cannot take it exactly."""
    iso = exponent(money.currency)
    decimals = 0 if money.currency in _PAYPAL_WHOLE else iso
    units = _shift(money.minor, decimals - iso)
    if units is None:
        raise ValueError(f"PayPal takes no decimals of {money.currency}: {money.minor} minor units cannot be sent")
    if decimals == 0:
        return str(units)
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def _shift(amount: int, places: int) -> int | None:
    """`amount` with its decimal point moved; None where digits would be lost."""
    if places >= 0:
        return int(amount * 10**places)
    whole, lost = divmod(amount, 10**-places)
    return None if lost else whole
