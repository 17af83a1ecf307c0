"""PayPal's settlement (STL) and transaction detail (TRR) reports: CSV whose first cell says what a line is. Amounts are
whole hundredths in every currency, also in those without decimals; DR and CR say which way the money went."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from handlers.paypal.reports_codes import STATES, Entry, facts_of_entry, tells, transaction_id
from handlers.reports import DETAIL, BadReportError, Lines, ReportRow, Row, plain, shown
from reconcile.money import Money

# RH FH SH open report, file and section, and the F, C pairs close and count them.
_FRAME = frozenset({"RH", "FH", "SH", "SF", "SC", "RF", "RC", "FF", "FC"})
_HEADINGS, _BODY = "CH", "SB"
_COLUMNS = {
    plain(heading): name
    for name, heading in {
        "id": "Transaction ID",
        "invoice": "Invoice ID",
        "reference": "PayPal Reference ID",
        "code": "Transaction Event Code",
        "at": "Transaction Initiation Date",
        "completed_at": "Transaction Completion Date",
        "side": "Transaction Debit or Credit",
        "gross": "Gross Transaction Amount",
        "currency": "Gross Transaction Currency",
        "custom": "Custom Field",
        "payer": "Consumer ID",
        "status": "Transactional Status",
        "tax": "Sales Tax Amount",
        "email": "Payer's Account ID",
        "fee": "Fee Amount",
        "fee_currency": "Fee Currency",
    }.items()
}
_NEEDED = ("id", "code", "at", "side", "gross", "currency")
_TIME = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [-+][0-9]{4}", re.ASCII)
_HUNDREDTHS = re.compile(r"[0-9]{1,14}", re.ASCII)


def read(lines: Lines) -> Iterator[ReportRow]:
    """The body rows of all sections, each by the column names that stand above it."""
    columns: list[str] | None = None
    as_written: dict[str, str] = {}
    reader = csv.reader((line.removeprefix("\ufeff") for line in lines()), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            kind, *cells = next(reader, None) or [""]
        except csv.Error:
            raise BadReportError(line, None, "cells between quotes that are closed are expected") from None
        if kind == _HEADINGS:
            columns = [_COLUMNS.get(plain(cell), plain(cell)) for cell in cells]
            as_written = dict(zip(columns, (" ".join(cell.split()) for cell in cells), strict=True))
            _complete(columns, line)
        elif kind == _BODY:
            if columns is None or len(cells) > len(columns):
                raise BadReportError(line, None, "a CH line that names every cell is expected above")
            yield _read(Row(line, dict(zip(columns, cells, strict=False)), as_written))
        elif kind not in _FRAME and kind:
            raise BadReportError(line, None, f"a line of kind SB is expected, not {shown(kind)}")
        elif not kind and reader.line_num < line:
            return


def _complete(columns: list[str], line: int) -> None:
    wanted = {name: heading for heading, name in _COLUMNS.items()}
    for name in _NEEDED:
        if name not in columns:
            raise BadReportError(line, wanted[name], "a column of this name is expected, and there is none")


def _read(row: Row) -> ReportRow:
    code = row.needed("code", "a code such as T0002").upper()
    if not tells(code):
        return ReportRow(row.line, passed_over=f"{code}: no charge or refund")
    facts = facts_of_entry(_entry(row, code))
    return ReportRow(row.line, facts, None if facts else f"{code}: money the other way")


def _entry(row: Row, code: str) -> Entry:
    at = _moment(row, "at")
    tax = _money(row, "tax").minor if row.text("tax") else 0
    return Entry(
        id=transaction_id(row, "id") or row.needed("id", "a transaction id"),
        code=code,
        at=at,
        told_at=_moment(row, "completed_at") if row.text("completed_at") else at,
        amount=_signed(row),
        state=_state(row),
        detail=DETAIL,
        reference=transaction_id(row, "reference"),
        payer=row.maybe("payer"),
        email=row.maybe("email"),
        custom=row.maybe("custom"),
        invoice=row.maybe("invoice"),
        tax_minor=tax or None,
        fee_minor=_fee(row),
    )


def _fee(row: Row) -> int | None:
    """What PayPal kept, where it is in the currency of the payment."""
    if not row.text("fee") or row.text("fee_currency").upper() not in {"", row.text("currency").upper()}:
        return None
    return _money(row, "fee").minor


def _signed(row: Row) -> Money:
    side = row.needed("side", "CR or DR").upper()
    if side not in {"CR", "DR"}:
        raise row.bad("side", f"CR or DR is expected, not {shown(side)}")
    taken = _money(row, "gross")
    return taken if side == "CR" else Money(-taken.minor, taken.currency)


def _money(row: Row, name: str) -> Money:
    value = row.needed(name, "an amount")
    if _HUNDREDTHS.fullmatch(value) is None:
        raise row.bad(name, f"whole hundredths such as 9900 are expected, not {shown(value)}")
    return row.money(name, "currency", f"{int(value) // 100}.{int(value) % 100:02}", " in hundredths")


def _state(row: Row) -> str:
    # A settlement report lists what has been settled, and has no such column.
    state = row.text("status").upper() or "S"
    if state not in STATES:
        raise row.bad("status", f"S, P, V or D is expected, not {shown(state)}")
    return state


def _moment(row: Row, name: str) -> datetime:
    value = row.needed(name, "a time such as 2024/08/20 00:01:17 -0700")
    if _TIME.fullmatch(value):
        try:
            return datetime.strptime(value, "%Y/%m/%d %H:%M:%S %z").astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise row.bad(name, f"a time such as 2024/08/20 00:01:17 -0700 is expected, not {shown(value)}")
