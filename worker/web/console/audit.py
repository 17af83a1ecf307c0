"""The audit log: who did what to what; and whether the chain still holds."""

from __future__ import annotations

from starlette.responses import Response

from worker import audit
from worker.engine import lift_limits
from worker.store import console
from worker.store.console import AuditAsked
from worker.web.console import asking
from worker.web.console.desk import Desk

SIZE = 100


def show(desk: Desk) -> Response:
    """The entries, the last first."""
    return _page(desk, None)


def verify(desk: Desk) -> Response:
    """Read the whole chain. It takes a while where it is long."""
    # A summary gives the head behind the number of its entry.
    expect = asking.text(desk.form, "expect").rpartition(":")[2].strip() or None
    with desk.reading() as conn:
        lift_limits(conn)
        entries, head = audit.head(conn)
        broken = audit.verify(conn, expect)
    return _page(desk, {"entries": entries, "head": head, "broken": broken, "expect": expect})


def _page(desk: Desk, verified: dict[str, object] | None) -> Response:
    asked = AuditAsked(*(asking.text(desk.query, name) or None for name in ("actor", "action", "subject")))
    after = asking.cursor(desk.query)
    before = int(after[1]) if after is not None and after[1].isdecimal() else None
    with desk.reading() as conn:
        rows = console.audit_page(conn, asked, before, SIZE + 1)
        _, head = audit.head(conn)
    shown, last = asking.first(rows, SIZE)
    return desk.page(
        "audit.html.jinja",
        rows=shown,
        asked=asked,
        head=head,
        verified=verified,
        next=None if last is None else asking.place("", str(last.n)),
        behind=before is not None,
        kept=asking.kept(desk.query),
    )
