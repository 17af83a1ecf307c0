"""The control totals as sums that anybody can add up: a whole, its parts, and whether they tie to the cent."""

from __future__ import annotations

from dataclasses import dataclass

from reconcile.totals import Total


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    minor: int
    always: bool = False  # shown where it is nothing, too


@dataclass(frozen=True, slots=True)
class Equation:
    """`whole` is the sum of its parts, but for what is `off`."""

    name: str
    whole: int
    parts: tuple[Part, ...]

    @property
    def off(self) -> int:
        return self.whole - sum(part.minor for part in self.parts)

    @property
    def ties(self) -> bool:
        return self.off == 0

    @property
    def shown(self) -> tuple[Part, ...]:
        """The parts worth a place on the page: what is nothing adds nothing."""
        return tuple(part for part in self.parts if part.minor or part.always)


@dataclass(frozen=True, slots=True)
class Sums:
    """One currency: charged, what of it was wrong, and where what is owed is."""

    total: Total
    charged: Equation
    findings: Equation
    wrong: Equation
    owed: Equation

    @property
    def currency(self) -> str:
        return self.total.currency

    @property
    def equations(self) -> tuple[Equation, ...]:
        return self.charged, self.findings, self.wrong, self.owed

    @property
    def ties(self) -> bool:
        """As the core says: stricter than the equations alone, each of which says where it is off."""
        return self.total.ties and all(equation.ties for equation in self.equations)


def sums_of(total: Total) -> Sums:
    found = total.excess + total.wrong_currency + total.unrecognised + total.short
    return Sums(
        total,
        Equation(
            "Charged",
            total.charged,
            (Part("as expected", total.as_expected, always=True), Part("findings", found, always=True)),
        ),
        Equation(
            "Findings",
            found,
            (
                Part("taken wrongly", total.excess, always=True),
                Part("in another currency", total.wrong_currency),
                Part("of payers we do not know", total.unrecognised),
                Part("charges of too little", total.short),
            ),
        ),
        Equation(
            "Taken wrongly",
            total.excess,
            (
                Part("owed", total.owed, always=True),
                Part("given back by other hands", total.elsewhere),
                Part("waived", total.waived),
            ),
        ),
        Equation(
            "Owed",
            total.owed,
            (
                Part("settled", total.settled, always=True),
                Part("on its way", total.on_its_way, always=True),
                Part("queued", total.queued, always=True),
                Part("held", total.held, always=True),
                Part("failed", total.failed),
            ),
        ),
    )
