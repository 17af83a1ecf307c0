"""A timeline as lines under each other, the newest first: what the picture shows, where there is no room for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from worker.report import words
from worker.report.amounts import money
from worker.report.timeline import Due, Taken, Timeline


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, or several alike that followed each other."""

    first: date
    last: date
    says: str
    wrong: bool = False
    alike: bool = False  # with others of the same words it becomes one line
    times: int = 1

    @property
    def when(self) -> str:
        """A date, or the first and the last."""
        until = words.day(self.last)
        return until if self.first == self.last else f"{words.day(self.first)} to {until}"


def lines(told: Timeline) -> list[Line]:
    """All that happened in the time of the picture."""
    found: list[Line] = []
    plain = _plain(told)
    said = {one.ref for one in plain.values()}
    takings = (_taking(one) for one in told.taken if one.ref not in said)
    for line in sorted([*_dues(told, plain), *takings, *_ends(told)], key=lambda one: one.first):
        before = found[-1] if found else None
        if before is not None and before.alike and line.alike and before.says == line.says:
            found[-1] = replace(before, last=line.last, times=before.times + 1)
        else:
            found.append(line)
    return found[::-1]


def _plain(told: Timeline) -> dict[int, Taken]:
    """By the place of a due: the one charge that paid it and nothing else, right and to the cent, and still here."""
    payers: dict[int, list[Taken]] = {}
    for one in told.taken:
        for at in one.pays:
            payers.setdefault(at, []).append(one)
    return {at: ones[0] for at, ones in payers.items() if len(ones) == 1 and _right(ones[0], told.dues[at], told)}


def _right(one: Taken, due: Due, told: Timeline) -> bool:
    same = (one.minor, one.currency) == (due.minor, told.currency)
    return same and one.wrong is None and len(one.pays) == 1 and not one.back_minor


def _dues(told: Timeline, plain: Mapping[int, Taken]) -> Iterator[Line]:
    for at, due in enumerate(told.dues):
        what = f"{_amount(due.minor, told.currency)} due"
        if due.what != "renewal":
            what += f" ({due.what})"
        if due.missed:
            yield Line(due.day, due.day, f"{what}, never taken", wrong=True)
        elif not due.paid:
            yield Line(due.day, due.day, f"{what}, not taken yet", alike=True)
        elif at in plain:
            yield Line(due.day, due.day, f"{what} and taken by {_name(plain[at])}", alike=True)
        else:
            yield Line(due.day, due.day, f"{what}, and paid")


def _taking(one: Taken) -> Line:
    says = f"{_name(one)} took {_amount(one.minor, one.currency)}"
    if one.wrong is not None:
        says += f": {words.kind(one.wrong)}"
    if one.back_minor:
        says += f"; {_amount(one.back_minor, one.currency)} went back"
    return Line(one.day, one.day, says, wrong=one.wrong is not None)


def _ends(told: Timeline) -> Iterator[Line]:
    for stretch in told.ran:
        if stretch.ended:
            yield Line(stretch.until, stretch.until, stretch.ended)
    for since, until in told.pauses:
        yield Line(since, until, "paused")


def _name(one: Taken) -> str:
    return words.provider(one.provider)


def _amount(minor: int, currency: str) -> str:
    return f"{money(minor, currency)} {currency}"
