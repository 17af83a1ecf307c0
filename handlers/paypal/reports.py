"""PayPal's reports: the activity download, and the settlement and transaction detail reports of the SFTP server."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.paypal import reports_activity, reports_settlement
from handlers.reports import Lines, Options, ReportRow, headings


def read_report(lines: Lines, options: Options) -> Iterator[ReportRow]:
    """The rows of any of them; which one a file is, its first line tells. Raises BadReportError, and nothing else, for
    any text."""
    first = headings(lines)
    if first[:1] == ["rh"]:
        yield from reports_settlement.read(lines)
    else:
        yield from reports_activity.read(lines, options)
