"""The audit log: its entries, and `makegood audit verify`."""

from __future__ import annotations

import re
import threading
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from worker import audit
from worker.engine import lift_limits, reading
from worker.store import console
from worker.web.api import problems, shapes
from worker.web.api.access import ReadsAudit, Runs
from worker.web.api.filters import OfAudit
from worker.web.api.paging import by, page, shown

router = APIRouter(tags=["audit"])

Expect = Annotated[
    str | None, Query(pattern="^[0-9a-f]{64}$", description="A head noted earlier, which the chain must contain.")
]
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_BUSY_S = 10
_verifying = threading.Lock()  # reads the whole log: one at a time leaves the process to the webhooks


@router.get("/audit", response_model=shapes.AuditEntries)
def list_audit(_who: ReadsAudit, runtime: Runs, asked: Annotated[OfAudit, Query()]) -> Response:
    """Who did what to what, the last first. Entries hold references, never anything personal."""
    after = asked.after("audit")
    if after is not None and _NUMBER.fullmatch(after[0]) is None:
        raise problems.bad_field("cursor", "the `next` of a page of audit is expected")
    with reading(runtime.engine).begin() as conn:
        rows = console.audit_page(conn, asked.asked(), None if after is None else int(after[0]), asked.limit + 1)
        return page("audit", asked, by("n", (row._asdict() for row in rows)))


@router.get("/audit/verify", response_model=shapes.Verified)
def verify_audit(_who: ReadsAudit, runtime: Runs, expect: Expect = None) -> Response:
    """Check the chain from its first entry to its last, and name the first that does not fit. Where `first_broken` is
    the one after the last, the chain does not contain `expect`: its end was cut off."""
    if not _verifying.acquire(blocking=False):
        raise problems.busy("the chain is being checked for somebody else", _BUSY_S)
    try:
        with reading(runtime.engine).begin() as conn:
            lift_limits(conn)
            entries, head = audit.head(conn)
            broken = audit.verify(conn, expect)
    finally:
        _verifying.release()
    return shown({"entries": entries, "head": head, "first_broken": broken})
