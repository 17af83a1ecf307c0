"""Money: whole minor units of one currency. Arithmetic never leaves the integers."""

from __future__ import annotations

from dataclasses import dataclass

from reconcile.currency import EXPONENTS


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were put together."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in whole minor units (ISO 4217 exponent) of one currency (upper-case ISO code)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money is counted in whole minor units, not {self.minor!r}")

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __str__(self) -> str:
        """As people write it: 99.00 USD, 1500 JPY."""
        decimals = EXPONENTS.get(self.currency, 2)
        whole, part = divmod(abs(self.minor), 10**decimals)
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{whole}{f'.{part:0{decimals}d}' if decimals else ''} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency} cannot be put together")
        return other

    def share(self, part: int, whole: int) -> Money:
        """`part/whole` of the amount, exact, rounded half-up to the minor unit once, at the end."""
        if whole <= 0:
            raise ValueError("a share needs a positive whole")
        return Money(half_up(self.minor * part, whole), self.currency)


def half_up(numerator: int, denominator: int) -> int:
    """`numerator/denominator` rounded to the nearest integer, halves away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))
