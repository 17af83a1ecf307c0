"""The night's report: a page that a finance person can read and print, a workbook, and JSON; all three of one view."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.runtime import Runtime


def write(runtime: Runtime, night: date, out: Path) -> Path:
    """Write `report-DATE.html`, `.xlsx` and `.json` into `out`, which is made where it is missing. Gives the page's
    path. The same books give the same bytes."""
    # The words are wanted by the alerts, too, which need neither templates nor tables.
    from worker.report.page import as_html
    from worker.report.plain import as_json
    from worker.report.reading import read
    from worker.report.view import view
    from worker.report.workbook import write_workbook

    out.mkdir(parents=True, exist_ok=True)
    shown = view(read(runtime, night))
    page = out / f"report-{night}.html"
    page.write_text(as_html(shown), encoding="utf-8")
    page.with_suffix(".json").write_text(as_json(shown), encoding="utf-8")
    write_workbook(shown, page.with_suffix(".xlsx"))
    return page
