"""One figure of a benchmark beside its target: every benchmark gives them, `benchmarks.all` makes them one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """What was measured (None: it was not, and `why`). Reached is a target that the figure comes up to or, with
    `at_most`, stays below; without a target it is only told."""

    what: str
    measured: float | None
    target: float | None = None
    at_most: bool = False
    unit: str = " x"
    why: str = ""

    @property
    def reached(self) -> bool | None:
        if self.measured is None or self.target is None:
            return None
        return self.measured <= self.target if self.at_most else self.measured >= self.target


def over(
    what: str, part: float | None, whole: float | None, target: float | None = None, *, at_most: bool = False
) -> Ratio:
    """How many times `whole` goes into `part`; not measured where either was not."""
    if part is None or whole is None:
        return Ratio(what, None, target, at_most, why="one of the two was not measured")
    return Ratio(what, part / whole, target, at_most)


def table(parts: Iterable[tuple[str, Iterable[Ratio]]]) -> Iterator[str]:
    """All figures, by part: a table in Markdown."""
    yield "| part | what | target | measured | reached |"
    yield "|---|---|---:|---:|---|"
    for part, ratios in parts:
        for ratio in ratios:
            yield f"| {part} | {ratio.what} | {_target(ratio)} | {_measured(ratio)} | {_verdict(ratio)} |"


def _target(ratio: Ratio) -> str:
    if ratio.target is None:
        return ""
    return f"{'≤' if ratio.at_most else '≥'} {_number(ratio.target)}{ratio.unit}"


def _measured(ratio: Ratio) -> str:
    return "not run" if ratio.measured is None else f"{_number(ratio.measured)}{ratio.unit}"


def _verdict(ratio: Ratio) -> str:
    if ratio.reached is None:
        return ratio.why
    return "yes" if ratio.reached else "**no**"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
