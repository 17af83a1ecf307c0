"""Today: what waits, where the money is, what the last thirty days brought, and whether the picture is complete."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row
from starlette.responses import Response

from reconcile.outcome import WAITING, HeldBecause, owes_more
from reconcile.summary import PICTURE_DAYS, Amounts
from worker.report.amounts import by_currency
from worker.report.page import bars
from worker.store import nights, standing
from worker.store.standing import Heap
from worker.web.console.desk import Desk

# The states of a remedy as finance speaks of its money.
_MONEY = (
    ("waits", ("held", "failed")),
    ("ready", ("queued",)),
    ("sent", ("submitted",)),
    ("back", ("settled",)),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for people for the same reason."""

    state: str
    reason: str
    count: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class KindLine:
    """One kind in the last thirty days; `days` one count a day, the oldest first."""

    kind: str
    count: int
    amounts: Amounts
    picture: object


def show(desk: Desk) -> Response:
    """The first page."""
    if not desk.may("read:cases"):
        return desk.go("/console/rights")
    begin = desk.today - timedelta(days=PICTURE_DAYS - 1)
    with desk.reading() as conn:
        heaps = standing.heaps(conn)
        undone = standing.undone(conn)
        to_cancel = standing.to_cancel(conn)
        recent = standing.by_day(conn, begin)
        gaps = nights.open_gaps(conn)
        last = nights.latest(conn, desk.today)
    return desk.page(
        "today.html.jinja",
        waiting=_waiting(heaps),
        money=_money(heaps),
        undone=undone,
        to_cancel=to_cancel,
        kinds=_kinds(recent, begin),
        begin=begin,
        gaps=sorted(gaps.items()),
        last=last,
        late=last is not None and (desk.today - last.night).days > 1,
    )


def _waiting(heaps: Iterable[Heap]) -> list[Waiting]:
    """What people decide, the most money first within what is most often the reason."""
    found: dict[tuple[str, str], list[Heap]] = defaultdict(list)
    for heap in heaps:
        if owes_more(heap.state, heap.reason):
            # What is owed beyond it stands with each case.
            found["held", HeldBecause.CHANGED.value].append(replace(heap, minor=0))
        elif heap.state in WAITING:
            reason = (heap.reason or "likely") if heap.state == "held" else "failed"
            found[heap.state, reason].append(heap)
    lines = [
        Waiting(state, reason, sum(h.count for h in many), by_currency((h.currency, h.minor) for h in many))
        for (state, reason), many in found.items()
    ]
    return sorted(lines, key=lambda line: (line.state != "failed", -line.count, line.reason))


def _money(heaps: Sequence[Heap]) -> list[tuple[str, dict[str, tuple[int, int]]]]:
    """A currency, and in it how much is where: (count, minor)."""
    currencies = sorted({heap.currency for heap in heaps if heap.currency and heap.minor})
    return [(currency, {name: _in(heaps, currency, states) for name, states in _MONEY}) for currency in currencies]


def _in(heaps: Iterable[Heap], currency: str, states: Sequence[str]) -> tuple[int, int]:
    mine = [heap for heap in heaps if heap.currency == currency and heap.state in states]
    return sum(heap.count for heap in mine), sum(heap.minor for heap in mine)


def _kinds(recent: Sequence[Row[Any]], begin: date) -> list[KindLine]:
    by_kind: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in recent:
        by_kind[row.kind].append(row)
    lines = []
    for kind, rows in by_kind.items():
        by_day: Counter[date] = Counter()
        for row in rows:
            by_day[row.first_seen] += row.many
        days = [by_day[begin + timedelta(days=n)] for n in range(PICTURE_DAYS)]
        amounts = by_currency((row.currency, int(row.minor or 0)) for row in rows)
        lines.append(KindLine(kind, sum(days), amounts, bars(days)))
    return sorted(lines, key=lambda line: (-line.count, line.kind))
