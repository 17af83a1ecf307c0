"""Approvals: what waits for somebody to let it go, one by one or as a batch that is reviewed with its total first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import Row
from starlette.responses import Response

from reconcile.outcome import HeldBecause
from worker.accounts.names import user_id
from worker.audit import ACTOR
from worker.money import decisions
from worker.money.decisions import DecisionError
from worker.store import standing
from worker.store.ranks import Rank
from worker.store.sends import EXECUTABLE
from worker.store.standing import Asked, Heap
from worker.web.console import asking
from worker.web.console.decisions import plainly, read_seen, seen_of
from worker.web.console.desk import Desk, RefusedError
from worker.web.console.rendering import age, link

SIZE = 50
BATCH_MAX = 200
ALL = "all"


@dataclass(frozen=True, slots=True)
class Line:
    """A remedy as the list shows it. `blocked` says why it cannot be approved from here."""

    row: Row[Any]
    age: str
    seen: str
    blocked: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one of a batch."""

    key: str
    said: str


def show(desk: Desk) -> Response:
    """What waits, by currency and the largest amount first."""
    asked = _asked(desk)
    with desk.reading() as conn:
        rows = standing.remedy_page(conn, asked, _behind(desk), SIZE + 1)
        sums = standing.remedy_sums(conn, asked)
        heaps = standing.heaps(conn, ("held",))
        cancels = standing.to_cancel(conn)
    shown, last = asking.first(rows, SIZE)
    return desk.page(
        "approvals.html.jinja",
        lines=[_line(desk, row) for row in shown],
        sums=sums,
        count=sum(heap.count for heap in sums),
        asked=asked,
        reasons=_reasons(heaps),
        cancels=cancels,
        next=None if last is None else asking.place(str(Rank.of(last.currency, last.amount_minor)), last.key),
        kept=asking.kept(desk.query),
    )


def following(desk: Desk) -> Response:
    """On to the next that waits, behind the one that was looked at."""
    going = asking.text(desk.query, "go")
    asked = Asked(states=("held",), reason=None if going == ALL else going)
    with desk.reading() as conn:
        rows = standing.remedy_page(conn, asked, _behind(desk), 1)
    done = desk.query.get("done", "")
    if not rows:
        return desk.go(link("/console/approvals", done=done or "last"))
    return desk.go(link(f"/console/cases/{quote(rows[0].key, safe='')}", go=going, done=done))


def _behind(desk: Desk) -> tuple[Rank, str] | None:
    after = asking.cursor(desk.query)
    rank = None if after is None else Rank.read(after[0])
    return None if after is None or rank is None else (rank, after[1])


def review(desk: Desk) -> Response:
    """The batch as it would be approved, with its total in each currency."""
    lines = [_line(desk, row) for row in _chosen(desk)]
    return desk.page(
        "review.html.jinja",
        lines=[line for line in lines if not line.blocked],
        blocked=[line for line in lines if line.blocked],
        sums=_sums(line.row for line in lines if not line.blocked),
    )


def approve(desk: Desk) -> Response:
    """Approve each of a reviewed batch as it was shown. What has changed since is left, and said."""
    done, failed = [], []
    for key, told in zip(desk.many.get("key", []), desk.many.get("seen", []), strict=False):
        try:
            decisions.approve(desk.runtime, key, desk.name, read_seen(told))
        except DecisionError as error:
            failed.append(Outcome(key, plainly(str(error))))
        else:
            done.append(key)
    with desk.reading() as conn:
        rows = standing.remedies_of(conn, done)
    return desk.page("approved.html.jinja", rows=rows, sums=_sums(rows), failed=failed)


def _asked(desk: Desk) -> Asked:
    reason = asking.text(desk.query, "reason") or None
    failed = desk.query.get("state") == "failed"
    return Asked(
        states=("failed",) if failed else ("held",),
        reason=None if failed else reason,
        currency=asking.text(desk.query, "currency")[:3].upper() or None,
        cancels=desk.query.get("what") == "agreements",
    )


def _chosen(desk: Desk) -> Sequence[Row[Any]]:
    keys = desk.many.get("key", [])
    if not keys:
        raise RefusedError(400, "Nothing was chosen", "Tick what you want to approve, then review it.")
    if len(keys) > BATCH_MAX:
        raise RefusedError(400, f"More than {BATCH_MAX} at once", "Nobody reviews that many. Take fewer.")
    with desk.reading() as conn:
        return standing.remedies_of(conn, keys)


def _line(desk: Desk, row: Row[Any]) -> Line:
    since = row.first_seen or row.decided_at.date()
    return Line(row, age(since, desk.today), seen_of(row), blocked(desk, row))


def blocked(desk: Desk, row: Row[Any]) -> str:
    """Why this person cannot approve it here; empty where nothing is in the way. The decision itself looks again."""
    if row.state != "held":
        return "it is not held any more"
    if row.kind not in EXECUTABLE:
        return "people carry it out"
    if row.amount_minor is None and row.kind != "cancel_agreement":
        return "it has no amount"
    if row.held_because == HeldBecause.DISPUTED:
        return "the charge is disputed"
    if row.approved_by == ACTOR and user_id(row.prepared_by or "") == user_id(desk.name):
        return "you prepared it: somebody else approves"
    return ""


def _reasons(heaps: Iterable[Heap]) -> list[tuple[str, int]]:
    found: Counter[str] = Counter()
    for heap in heaps:
        found[heap.reason or HeldBecause.LIKELY.value] += heap.count
    return found.most_common()


def _sums(rows: Iterable[Row[Any]]) -> list[tuple[str, int, int]]:
    """Currency, count, minor units."""
    counts: Counter[str] = Counter()
    minor: Counter[str] = Counter()
    for row in rows:
        if row.currency is not None:
            counts[row.currency] += 1
            minor[row.currency] += row.amount_minor or 0
    return [(currency, counts[currency], minor[currency]) for currency in sorted(counts)]
