"""PayPal's activity download: columns as the merchant chose them, in the account's language and way of writing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handlers.paypal.reports_codes import STATES, Entry, facts_of_entry, tells, transaction_id
from handlers.paypal.reports_locale import Written, amount, learn, moment
from handlers.paypal.reports_words import HEADINGS, IMPACTS, KINDS
from handlers.paypal.reports_words import STATES as STATE_WORDS
from handlers.reports import DETAIL, BadReportError, Lines, Options, ReportRow, Row, headings, plain, shown, table

_NEEDED = {
    "date": "Date",
    "zone": "TimeZone",
    "type": "Type",
    "currency": "Currency",
    "gross": "Gross",
    "id": "Transaction ID",
}
_CODE = re.compile(r"T[0-9]{4}", re.ASCII)


def read(lines: Lines, options: Options) -> Iterator[ReportRow]:
    """The rows. The file is read twice: how it writes dates and numbers may show on its last line only."""
    known = {HEADINGS.get(heading) for heading in headings(lines)}
    for name, heading in _NEEDED.items():
        if name not in known and not (name == "type" and "code" in known):
            raise BadReportError(1, heading, "a column of this name is expected, and there is none")
    written = learn(table(lines, HEADINGS), options)
    for row in table(lines, HEADINGS):
        yield _read(row, written)


def _read(row: Row, written: Written) -> ReportRow:
    impact = row.text("impact")
    if impact and (meaning := IMPACTS.get(plain(impact))) != "balance":
        if meaning == "memo":
            return ReportRow(row.line, passed_over="Memo: the balance did not change")
        raise row.bad("impact", f"Credit, Debit or Memo is expected, not {shown(impact)}")
    code = _code(row)
    if code is None or not tells(code):
        return ReportRow(row.line, passed_over=f"{code or _kind(row)}: no charge or refund")
    facts = facts_of_entry(_entry(row, code, written))
    return ReportRow(row.line, facts, None if facts else f"{_kind(row)}: money the other way")


def _code(row: Row) -> str | None:
    """The code that the file has, else the one that its word for the kind stands for."""
    told = row.text("code").upper()
    if not told:
        return KINDS.get(plain(row.text("type")))
    if _CODE.fullmatch(told) is None:
        raise row.bad("code", f"a code such as T0002 is expected, not {shown(told)}")
    return told


def _kind(row: Row) -> str:
    return row.text("type")[:60] or row.text("code")


def _entry(row: Row, code: str, written: Written) -> Entry:
    at = moment(row, written)
    tax = abs(amount(row, "tax", written).minor) if row.text("tax") else 0
    return Entry(
        id=transaction_id(row, "id") or row.needed("id", "a transaction id"),
        code=code,
        at=at,
        told_at=at,
        amount=amount(row, "gross", written),
        state=_state(row),
        detail=DETAIL,
        reference=transaction_id(row, "reference"),
        email=row.maybe("email"),
        custom=row.maybe("custom"),
        invoice=row.maybe("invoice"),
        tax_minor=tax or None,
        fee_minor=abs(amount(row, "fee", written).minor) if row.text("fee") else None,
    )


def _state(row: Row) -> str:
    # The monthly statement has no such column: what is on it happened.
    if "status" not in row.cells:
        return "S"
    word = row.needed("status", "a status such as Completed")
    state = STATE_WORDS.get(plain(word), word if word in STATES else None)
    if state is None:
        raise row.bad("status", f"a status such as Completed, Pending or Denied is expected, not {shown(word)}")
    return state
