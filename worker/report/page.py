"""The report as a page that stands alone: no script, nothing from the network, readable in print and in the dark."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from worker.report import phrases, words
from worker.report.amounts import money, sums, written
from worker.report.drawing import drawn
from worker.report.shapes import shape
from worker.report.view import View

HERE = Path(__file__).parent
BAR_HEIGHT = 26
AGE_BAR = 320


def as_html(shown: View) -> str:
    """One file. Whatever a provider or a member wrote is escaped."""
    style = Markup((HERE / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file, no one else's text
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            shown=shown,
            told=shown.told,
            summary=shown.summary,
            style=style,
            scope=phrases.scope(shown),
            notes=list(phrases.notes(shown)),
            work=list(phrases.work(shown.summary.work)),
            drawn=drawn,
            age_widths=_widths([tally.count for tally in shown.summary.ages]),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        **words.FILTERS,
        "money": money,
        "written": written,
        "states": phrases.all_states,
        "sums": sums,
        "bars": bars,
    }
    return environment


def bars(days: Sequence[int]) -> Markup:
    """The last 30 days, one bar each, drawn to the row's own largest day."""
    largest = max(days, default=0) or 1
    parts = []
    for n, count in enumerate(days):
        height = round(max(count / largest * BAR_HEIGHT, 3), 1) if count else 1
        style = "day" if count else "day none"
        bar = '<rect class="{}" x="{}" y="{}" width="5" height="{}"/>'
        parts.append(shape(bar, style, n * 7, round(BAR_HEIGHT - height, 1), height))
    busiest = "" if not sum(days) else f", {max(days)} on the busiest day"
    said = f"{sum(days)} in the last {len(days)} days{busiest}"
    head = '<svg class="days" viewBox="0 0 {} {}" role="img" aria-label="{}">'
    return shape(head, len(days) * 7, BAR_HEIGHT, said) + Markup().join(parts) + Markup("</svg>")


def _widths(counts: Sequence[int]) -> list[int]:
    largest = max(counts, default=0) or 1
    return [round(AGE_BAR * count / largest) for count in counts]
