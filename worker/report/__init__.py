"""The night's report: one page that a finance person can read, and the same as JSON."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from worker.report.figures import figures
from worker.report.page import as_html, as_json
from worker.report.reading import read
from worker.runtime import Runtime


def write(runtime: Runtime, night: date, out: Path) -> Path:
    """Write `report-DATE.html` and `report-DATE.json` into `out`, which is made where it is missing. Gives the page's
    path. The same books give the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    told = figures(read(runtime, night))
    page = out / f"report-{night}.html"
    page.write_text(as_html(told), encoding="utf-8")
    page.with_suffix(".json").write_text(as_json(told), encoding="utf-8")
    return page
