"""The report as a page that stands alone, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from worker.report import words
from worker.report.figures import Figures, owed_of, waits

HERE = Path(__file__).parent
BAR_MAX = 420  # the longest bar, in the chart's own units


def as_html(told: Figures) -> str:
    """One file: no script, nothing from the network. Whatever a provider or member wrote is escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "money": words.money,
        "day": words.day,
        "kind": words.kind,
        "about": words.about,
        "reason": words.reason,
        "state": words.state,
        "look_alike": words.look_alike,
    }
    style = Markup((HERE / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file, no one else's text
    numbers = {finding.key: number for number, finding in enumerate(told.books.findings, start=1)}
    clauses = {clause.cite: clause for clause in told.books.clauses}
    longest = max((line.count for line in told.kinds), default=1)
    return environment.get_template("report.html.jinja").render(
        told=told,
        books=told.books,
        style=style,
        numbers=numbers,
        clauses=clauses,
        owed_of=owed_of,
        waits=waits,
        bars=[(line.kind, line.count, round(BAR_MAX * line.count / longest)) for line in told.kinds],
    )


def as_json(told: Figures) -> str:
    """The same figures for programs: money as whole minor units, dates ISO."""
    books = told.books
    shown: dict[str, Any] = {
        "night": books.night,
        "time_zone": books.zone,
        "mode": books.mode,
        "memberships": books.memberships,
        "charges": len(books.charges),
        "ties": told.ties,
        "owed": [asdict(owed) for owed in told.owed],
        "waiting": [{"reason": w.reason, "count": len(w.findings), "amounts": dict(w.amounts)} for w in told.waiting],
        "kinds": [
            {"finding": k.kind, "count": k.count, "excess": dict(k.excess), "owed": dict(k.owed)} for k in told.kinds
        ],
        "controls": [asdict(control) for control in told.controls],
        "look_alikes": dict(told.look_alikes),
        "findings": [asdict(finding) for finding in books.findings],
    }
    return json.dumps(shown, indent=1, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the report")
