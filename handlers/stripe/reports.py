"""Stripe's CSV reports: the itemized balance change from activity, the dashboard's balance history and its payments
export. Which one a file is, its headings tell."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.reports import BadReportError, Lines, Options, ReportRow, headings, plain, table
from handlers.stripe.reports_rows import ACTIVITY, PAYMENTS, Form


def read_report(lines: Lines, options: Options) -> Iterator[ReportRow]:  # noqa: ARG001 - Stripe writes one way only
    """The rows of any of the three. Raises BadReportError, and nothing else, for any text."""
    known = headings(lines)
    form = max((ACTIVITY, PAYMENTS), key=lambda form: len(form.needed.keys() & _named(form, known)))
    for name, heading in form.needed.items():
        if name not in _named(form, known):
            raise BadReportError(1, heading, "a column of this name is expected, and there is none")
    yield from (form.read(row) for row in table(lines, _names(form)))


def _names(form: Form) -> dict[str, str]:
    return {plain(heading): name for heading, name in form.headings.items()}


def _named(form: Form, known: list[str]) -> set[str]:
    names = _names(form)
    return {names[heading] for heading in known if heading in names}
