"""The nights and their reports."""

from __future__ import annotations

import json
import threading
from datetime import date
from pathlib import Path as File
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from worker import report
from worker.engine import reading
from worker.night import phases
from worker.store import nights
from worker.store.nights import Night
from worker.tables import XLSX, Row
from worker.web.api import problems, shapes
from worker.web.api.access import ReadsReports, Runs
from worker.web.api.paging import Day, Paged, by, page, shown

router = APIRouter(tags=["nights"])

TheNight = Annotated[Day, Path(description="Its date.", examples=["2026-03-20"])]
MEDIA_TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "xlsx": XLSX,
}
_BUSY_S = 10
_writing = threading.Lock()  # a report reads all the books: one at a time leaves the process to the webhooks


@router.get("/nights", response_model=shapes.Nights)
def list_nights(_who: ReadsReports, runtime: Runs, asked: Annotated[Paged, Query()]) -> Response:
    """The nights, the latest first."""
    after = asked.after("nights")
    try:
        before = None if after is None else date.fromisoformat(after[0])
    except ValueError:
        raise problems.bad_field("cursor", "the `next` of a page of nights is expected") from None
    with reading(runtime.engine).begin() as conn:
        rows = [_row(night) for night in nights.listing(conn, asked.limit + 1, before)]
    return page("nights", asked, by("night", rows))


@router.get("/nights/{night}", response_model=shapes.Night)
def get_night(_who: ReadsReports, runtime: Runs, night: TheNight) -> Response:
    """One night, with what it found as `makegood night --json` tells it."""
    with reading(runtime.engine).begin() as conn:
        found = _found(conn, night)
    summary = None if found.summary is None else json.loads(phases.as_json(found))
    return shown({**_row(found), "summary": summary})


@router.get(
    "/reports/{night}/{form}",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {kind: {} for kind in MEDIA_TYPES.values()}}},
)
def get_report(
    _who: ReadsReports, runtime: Runs, night: TheNight, form: Annotated[Literal["json", "html", "xlsx"], Path()]
) -> Response:
    """The night's report on the books as they are now, as `makegood report` writes it."""
    with reading(runtime.engine).begin() as conn:
        _found(conn, night)
    if not _writing.acquire(blocking=False):
        raise problems.busy("another report is being written", _BUSY_S)
    try:
        with TemporaryDirectory() as folder:
            body = report.write(runtime, night, File(folder)).with_suffix(f".{form}").read_bytes()
    finally:
        _writing.release()
    headers = {"content-disposition": f'attachment; filename="report-{night}.{form}"'}
    return Response(body, 200, headers, MEDIA_TYPES[form])


def _found(conn: Connection, night: date) -> Night:
    found = nights.load(conn, night)
    if found is None:
        raise problems.unknown("the date of a night that was begun")
    return found


def _row(night: Night) -> Row:
    return {
        "night": night.night,
        "state": night.state,
        "as_of": night.as_of,
        "since": night.since,
        "complete": night.complete,
        "done_at": night.done_at,
        "audit_head": night.audit_head,
    }
