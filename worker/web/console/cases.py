"""Cases: what is wrong, searched, filtered and sorted. The address holds all of it, so that it can be kept and sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row
from starlette.responses import Response

from reconcile.outcome import FindingKind, HeldBecause
from worker import tables
from worker.report import words
from worker.store import cases
from worker.store.cases import BY_DAY, Cursor, Order, Wanted, Where
from worker.store.ranks import Rank
from worker.tables import XLSX, money, plain
from worker.web.console import asking
from worker.web.console.desk import Desk
from worker.web.console.rendering import age

SIZE = 50
AGES = {"7": (0, 7), "30": (8, 30), "60": (31, 60), "old": (61, None)}
_WHERE = {
    Where.OPEN: "Open",
    Where.WAITING: "Waits for a person",
    Where.GOING: "Ready to go out",
    Where.SENT: "On its way",
    Where.BACK: "Settled",
    Where.FOLLOW_UP: "To follow up",
    Where.WAIVED: "Waived",
    Where.EXPLAINED: "Explained since",
    Where.ALL: "All",
}
_ORDER = {
    Order.NEWEST: "Newest first",
    Order.OLDEST: "Oldest first",
    Order.LARGEST: "By currency, largest first",
    Order.SMALLEST: "By currency, smallest first",
}
_AGES = {"7": "0 to 7 days", "30": "8 to 30 days", "60": "31 to 60 days", "old": "More than 60 days"}
_FURTHER = ("reason", "clause", "age", "since", "until", "provider", "currency", "least", "most")

COLUMNS = (
    plain("finding"),
    plain("membership"),
    plain("charge"),
    plain("renewal"),
    money("charged"),
    money("expected"),
    money("excess"),
    money("amount"),
    plain("currency"),
    plain("confidence"),
    plain("status"),
    plain("remedy"),
    plain("state"),
    plain("held_because"),
    plain("clause"),
    plain("first_seen"),
    plain("because"),
    plain("key"),
)


def show(desk: Desk) -> Response:
    """The list."""
    wanted = asked(desk)
    after = asking.cursor(desk.query)
    with desk.reading() as conn:
        rows = cases.page(conn, wanted, None if after is None else _cursor(after, wanted), SIZE + 1)
        sums = cases.sums(conn, wanted)
    shown, last = asking.first(rows, SIZE)
    place = None if last is None else cases.behind(last, wanted.order)
    kept = asking.kept(desk.query)
    return desk.page(
        "cases.html.jinja",
        rows=[(row, age(row.first_seen, desk.today)) for row in shown],
        sums=[one for one in sums if one.currency is not None],
        count=sum(one.count for one in sums),
        wanted=wanted,
        query=desk.query,
        kept=kept,
        next=None if place is None else asking.place(str(place.value), place.key),
        behind=after is not None,
        choices=_choices(),
        further=any(kept.get(name) for name in _FURTHER),
        narrowed=any(value for name, value in kept.items() if name not in {"where", "order"}),
    )


def _choices() -> dict[str, list[tuple[str, str]]]:
    return {
        "where": [(word.value, text) for word, text in _WHERE.items()],
        "order": [(word.value, text) for word, text in _ORDER.items()],
        "kind": [(kind.value, words.kind(kind)) for kind in FindingKind],
        "reason": [(reason.value, words.reason(reason)[0]) for reason in HeldBecause],
        "age": list(_AGES.items()),
        "provider": list(words.PROVIDERS.items()),
    }


def as_csv(desk: Desk) -> Response:
    """All that the list shows, as a file for a spreadsheet."""
    return _file(desk, "csv", "text/csv; charset=utf-8")


def as_xlsx(desk: Desk) -> Response:
    """The same as a workbook."""
    return _file(desk, "xlsx", XLSX)


def asked(desk: Desk) -> Wanted:
    """What the address asks for."""
    query, since, until = desk.query, asking.day(desk.query, "since"), asking.day(desk.query, "until")
    if (bucket := AGES.get(query.get("age", ""))) is not None:
        until = desk.today - timedelta(days=bucket[0])
        since = None if bucket[1] is None else desk.today - timedelta(days=bucket[1])
    kind = asking.word(query, "kind", FindingKind)
    return Wanted(
        text=asking.text(query, "q"),
        kind=None if kind is None else kind.value,
        where=asking.word(query, "where", Where) or (Where.ALL if asking.text(query, "q") else Where.OPEN),
        reason=asking.text(query, "reason") or None,
        clause=asking.text(query, "clause") or None,
        provider=query.get("provider") if query.get("provider") in words.PROVIDERS else None,
        currency=asking.text(query, "currency")[:3].upper() or None,
        since=since,
        until=until,
        least=asking.whole(query, "least"),
        most=asking.whole(query, "most"),
        order=asking.word(query, "order", Order) or Order.NEWEST,
    )


def _cursor(after: tuple[str, str], wanted: Wanted) -> Cursor | None:
    """None for one that was made up: the list then begins at its beginning."""
    value, key = after
    try:
        at = date.fromisoformat(value) if wanted.order in BY_DAY else Rank.read(value)
    except ValueError:
        return None
    return None if at is None else Cursor(at, key)


def _file(desk: Desk, ending: str, kind: str) -> Response:
    wanted = asked(desk)
    with tempfile.TemporaryDirectory(prefix="makegood-export-") as folder:
        file = Path(folder) / f"cases.{ending}"
        with desk.reading() as conn:
            rows = _rows(cases.every(conn, wanted))
            if ending == "csv":
                tables.write_csv(rows, COLUMNS, file)
            else:
                tables.write_xlsx(rows, COLUMNS, file, "cases")
        body = file.read_bytes()
    named = f'attachment; filename="makegood-cases-{desk.today}.{ending}"'
    return Response(body, media_type=kind, headers={"content-disposition": named})


def _rows(found: Iterator[Row[Any]]) -> Iterator[tables.Row]:
    for row in found:
        yield {
            "finding": row.kind,
            "membership": row.membership,
            "charge": row.charge,
            "renewal": row.renewal,
            "charged": row.charged_minor,
            "expected": row.expected_minor,
            "excess": row.excess_minor,
            "amount": row.amount_minor,
            "currency": row.amount_currency,
            "confidence": row.confidence,
            "status": row.status,
            "remedy": row.remedy_kind,
            "state": row.state,
            "held_because": row.held_because,
            "clause": row.clause,
            "first_seen": row.first_seen,
            "because": list(row.because),
            "key": row.key,
        }
