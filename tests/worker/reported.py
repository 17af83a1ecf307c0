"""A night's books made by hand for the report's tests, and a reader for the workbook that it writes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from reconcile.outcome import FindingKind, FindingStatus, RemedyKind, RemedyState
from reconcile.summary import Books, Gap
from reconcile.totals import Case, ChargeSum, Given
from worker.report.lines import Cited, FindingLine, RemedyLine, Told

NIGHT = date(2026, 6, 30)
EARLIER = date(2026, 5, 2)
CLAUSE = Cited("voip-fulfillment/FP-2", "1", "VoIP", "Billing errors", "It is put right.", "shall")


def remedy(minor: int | None, state: str = "queued", **more: Any) -> RemedyLine:  # noqa: ANN401 - fields of any type
    line = RemedyLine(
        "", "", None, None, "refund", minor, "USD", state, None, CLAUSE.cite, "1", (CLAUSE.cite,), "excess 99.00 USD"
    )
    return replace(line, **more)


def finding(kind: str, charge: str | None, excess: int | None, *own: RemedyLine, **more: Any) -> FindingLine:  # noqa: ANN401
    """A finding of M-1, first seen tonight. `elsewhere`, `shown_on` and `over_on` go into its case."""
    about = {name: more.pop(name) for name in ("elsewhere_minor", "shown_on", "over_on") if name in more}
    key = f"finding:{charge}" if charge else f"{kind}:{more.get('membership', 'M-1')}"
    case = Case(key, FindingKind(kind), FindingStatus.OPEN, NIGHT)
    fields: dict[str, Any] = {
        "membership": "M-1",
        "agreement": None,
        "renewal": None,
        "charged_minor": 9900,
        "expected_minor": 0,
        "currency": "USD",
        "confidence": "certain",
        "status": "open",
        "because": ("why",),
        "first_seen": NIGHT,
        **more,
    }
    remedies = tuple(replace(one, key=f"remedy:{key}:{n}", finding=key) for n, one in enumerate(own))
    case = replace(
        case,
        status=FindingStatus(fields["status"]),
        first_seen=fields["first_seen"],
        membership=fields["membership"],
        charge=charge,
        currency=fields["currency"],
        excess_minor=excess,
        remedies=tuple(
            Given(RemedyKind(r.kind), RemedyState(r.state), r.amount_minor, r.held_because) for r in remedies
        ),
        **about,
    )
    return FindingLine(key=key, kind=kind, charge=charge, excess_minor=excess, case=case, remedies=remedies, **fields)


FINDINGS = (
    finding("duplicate_charge", "stripe:ch_2", 9900, remedy(9900)),
    finding(
        "duplicate_charge",
        "stripe:ch_3",
        9900,
        remedy(4950, "held", held_because="likely"),
        elsewhere_minor=4950,
        first_seen=EARLIER,
        shown_on=EARLIER,
    ),
    finding("overcharge", "stripe:ch_4", 1000, remedy(1000, "settled"), status="settled", shown_on=EARLIER),
    finding("corrected_elsewhere", "stripe:ch_5", 9900, status="settled", elsewhere_minor=9900),
    finding("wrong_currency", "stripe:ch_6", None, remedy(None, "held", kind="review"), currency="CAD"),
    finding("unrecognised_charge", "paypal:7", None, remedy(None, "held", kind="review"), membership=None),
    finding("missed_renewal", None, None, renewal=EARLIER, membership="M-2"),
)
CHARGES = (
    ChargeSum("USD", None, 1, 9900),
    ChargeSum("USD", FindingKind.DUPLICATE_CHARGE, 2, 19800, 19800),
    ChargeSum("USD", FindingKind.OVERCHARGE, 1, 10900, 1000),
    ChargeSum("USD", FindingKind.CORRECTED_ELSEWHERE, 1, 9900, 9900),
    ChargeSum("USD", FindingKind.UNRECOGNISED_CHARGE, 1, 3300),
    ChargeSum("CAD", FindingKind.WRONG_CURRENCY, 1, 9900),
)


def told(
    findings: Sequence[FindingLine] = FINDINGS,
    charges: Sequence[ChargeSum] = CHARGES,
    gaps: Sequence[Gap] = (),
    **more: Any,  # noqa: ANN401 - fields of any type
) -> Told:
    cases = tuple(line.case for line in findings)
    books = Books(NIGHT, NIGHT, "shadow", cases, tuple(charges), tuple(gaps))
    made = Told(books, "America/Chicago", NIGHT, 5, tuple(findings), clauses=(CLAUSE,))
    return replace(made, **more)


_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def sheets(file: Path) -> dict[str, list[dict[str, str | float]]]:
    """Every sheet's rows, each cell under its column's letters; formulas under `formula:B7` in the row besides."""
    with zipfile.ZipFile(file) as opened:
        assert opened.testzip() is None
        book = ET.fromstring(opened.read("xl/workbook.xml"))  # noqa: S314 - our own file
        names = [sheet.attrib["name"] for sheet in book.iter(f"{_MAIN}sheet")]
        return {
            name: _rows(ET.fromstring(opened.read(f"xl/worksheets/sheet{n}.xml")))  # noqa: S314 - our own file
            for n, name in enumerate(names, start=1)
        }


def _rows(sheet: ET.Element) -> list[dict[str, str | float]]:
    rows = []
    for row in sheet.iter(f"{_MAIN}row"):
        cells: dict[str, str | float] = {}
        for cell in row.iter(f"{_MAIN}c"):
            at = cell.attrib["r"]
            column = re.sub(r"\d", "", at)
            if (formula := cell.find(f"{_MAIN}f")) is not None:
                cells[f"formula:{at}"] = formula.text or ""
            value = cell.find(f"{_MAIN}v")
            if cell.attrib.get("t") == "inlineStr":
                cells[column] = "".join(part.text or "" for part in cell.iter(f"{_MAIN}t"))
            elif value is not None:
                cells[column] = float(value.text or 0)
        rows.append(cells)
    return rows
