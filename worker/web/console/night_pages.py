"""Nights: what each found, how complete its picture was, and its report."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import date, timedelta
from pathlib import Path

from starlette.responses import FileResponse, HTMLResponse, Response

from worker.alerts import words
from worker.completeness import Day, completeness
from worker.night import phases
from worker.night.picture import providers
from worker.store import nights
from worker.store.nights import Night
from worker.tables import XLSX
from worker.web.console import asking
from worker.web.console.desk import Desk, RefusedError, missing

SIZE = 60
DAYS = 14
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def show(desk: Desk) -> Response:
    """The nights, the latest first."""
    after = asking.cursor(desk.query)
    with desk.reading() as conn:
        rows = nights.listing(conn, SIZE + 1, None if after is None else asking.as_day(after[1]))
    shown, last = asking.first(rows, SIZE)
    return desk.page(
        "nights.html.jinja",
        rows=[(night, _title(night)) for night in shown],
        next=None if last is None else asking.place("", last.night.isoformat()),
        behind=after is not None,
    )


def one(desk: Desk) -> Response:
    """What a night told, and the days up to it provider by provider."""
    night = _night(desk)
    first = night.night - timedelta(days=DAYS - 1)
    askable = providers(desk.runtime.settings)
    with desk.reading() as conn:
        known = {
            provider: list(completeness(conn, provider, first, night.night, desk.runtime.rules.zone))
            for provider in askable
        }
    message = None
    if night.summary is not None:
        message = words.of_night(phases.summary(night), night.audit_head or "", None)
    days = [first + timedelta(days=n) for n in reversed(range(DAYS))]
    return desk.page(
        "night.html.jinja",
        night=night,
        message=message,
        providers=sorted(known),
        unasked=[provider for provider, can in askable.items() if not can],
        days=[(day, [(provider, _found(known[provider], day)) for provider in sorted(known)]) for day in days],
        forms=[form for form in ("html", "xlsx", "json") if _file(desk, night, form).is_file()],
    )


def report(desk: Desk) -> Response:
    """The night's report as it was written then."""
    night, form = _night(desk), desk.asked["form"]
    file = _file(desk, night, form)
    if form not in {"html", "xlsx", "json"} or not file.is_file():
        text = f"It is written to {desk.runtime.settings.report_dir} on the machine that runs the night."
        raise RefusedError(
            404, "The report is not here", f"{text} makegood report --date {night.night} writes it anew."
        )
    if form == "html":
        page = file.read_text(encoding="utf-8")
        return HTMLResponse(page, headers={"content-security-policy": report_policy(page)})
    kind = XLSX if form == "xlsx" else "application/json"
    return FileResponse(file, media_type=kind, filename=file.name)


def report_policy(page: str) -> str:
    """What a browser may do with a report: its one style, inside the page, is allowed, and nothing else at all."""
    found = _STYLE.search(page)
    digest = b64encode(hashlib.sha256((found[1] if found else "").encode()).digest()).decode()
    rest = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {rest}"


def _night(desk: Desk) -> Night:
    on = asking.day(desk.asked, "night")
    with desk.reading() as conn:
        found = None if on is None else nights.load(conn, on)
    if found is None:
        raise missing("night")
    return found


def _file(desk: Desk, night: Night, form: str) -> Path:
    return desk.runtime.settings.report_dir / f"report-{night.night}.{form}"


def _title(night: Night) -> str:
    """Its one line, without what the row says already."""
    if night.summary is None:
        return ""
    told = phases.summary(night)
    waiting = sum(tally.count for tally in told.held)
    return f"{waiting} for a person, {told.new.count} new, {told.new.count + told.persisting.count} open"


def _found(days: list[Day], on: date) -> Day | None:
    return next((day for day in days if day.day == on), None)
