"""The report as a workbook for finance: what it shows can be filtered, summed and held against other books."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from reconcile.summary import AGES, Amounts
from reconcile.totals import OWING
from worker.report import phrases, words
from worker.report.amounts import written
from worker.report.cells import Amount, Formula, Sheet
from worker.report.lines import RemedyLine
from worker.report.sums import Equation, Sums
from worker.report.view import Item, View

_FINDINGS = (
    *("finding", "kind", "membership", "charge", "renewal", "charged", "expected", "excess", "currency"),
    *("counted as overbilling", "settled", "on its way", "queued", "held", "failed", "waived", "given back by others"),
    *("status", "news", "confidence", "first seen", "days", "age", "evidence", "key"),
)
_REMEDIES = (
    *("membership", "charge", "finding", "remedy", "amount", "currency", "state", "waits because", "clause"),
    *("policy version", "arithmetic", "key"),
)
_AGING = (
    *("age in days", "days", "membership", "finding", "charge", "at stake", "currency", "still owed", "state"),
    *("first seen", "key"),
)


def write_workbook(shown: View, file: Path) -> None:
    """Write the seven sheets. The same books give the same bytes."""
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with file.open("wb") as opened, xlsxwriter.Workbook(opened, options) as book:
        written_at = datetime.combine(shown.night, time(), UTC).replace(tzinfo=None)
        book.set_properties({"title": f"Billing check {shown.night}", "author": "makegood", "created": written_at})
        _summary(book, shown)
        last = _findings(book, shown)
        _remedies(book, shown)
        _aging(book, shown)
        _controls(book, shown, last)
        _completeness(book, shown)
        _policy(book, shown)


def _summary(book: Any, shown: View) -> None:  # noqa: ANN401 - xlsxwriter has no types
    sheet = Sheet(book, "Summary", (46, 12, 18, 10, 60))
    summary, told = shown.summary, shown.told
    for gap in summary.gaps:
        sheet.title(f"INCOMPLETE: {gap.provider}: {gap.said}")
    sheet.title(f"Billing check, {words.day(shown.night)}")
    sheet.write(phrases.scope(shown))
    sheet.gap()
    sheet.heading(("not done", "count", "amount", "currency", "what to do"))
    for group in shown.held:
        title, ask = words.reason(group.name)
        _amounts(sheet, f"Held: {title}", len(group.items), group.amounts, ask)
    _amounts(sheet, "Refunds failed", summary.failed.count, summary.failed.amounts)
    _amounts(sheet, "Refunds overdue", summary.overdue.count, summary.overdue.amounts)
    for group in shown.follow_up:
        said = words.about(group.name)
        _amounts(sheet, f"To follow up: {words.kind(group.name)}", len(group.items), group.amounts, said)
    for group in shown.reported:
        _amounts(sheet, f"Only reported: {words.kind(group.name)}", len(group.items), (), words.about(group.name))
    for name, count in phrases.work(summary.work):
        sheet.write(name, count)
    sheet.gap()
    sheet.heading(("findings", "count", "amount", "currency"))
    for name, tally in (("New", summary.new), ("Still open", summary.persisting), ("No longer open", summary.closed)):
        _amounts(sheet, name, tally.count, tally.amounts)
    sheet.gap()
    sheet.heading(("by kind", "count", "taken wrongly", "currency", "last 30 days"))
    for line in shown.kinds:
        _amounts(sheet, words.kind(line.kind), line.count, line.excess, f"{line.recent}")
    sheet.gap()
    sheet.heading(("looked wrong, and is right", "count"))
    for note, count in told.look_alikes:
        sheet.write(words.look_alike(note), count)
    for provider, kind, count in summary.missed:
        sheet.write(f"Webhook missed: {provider} {kind}", count)


def _amounts(sheet: Sheet, name: str, count: int, amounts: Amounts, said: str = "") -> None:
    """A line a currency: sums of several are never added up."""
    (currency, minor), *rest = amounts or (("", 0),)
    sheet.write(name, count, Amount(minor, currency) if currency else None, currency or None, said or None)
    for other, more in rest:
        sheet.write(None, None, Amount(more, other), other)


def _findings(book: Any, shown: View) -> int:  # noqa: ANN401 - as above
    """Gives the sheet's last row: other sheets add up its columns."""
    widths = (7, 22, 14, 30, 11, 11, 11, 11, 9, 11, *[11] * 7, 10, 11, 10, 11, 7, 8, 80, 34)
    sheet = Sheet(book, "Findings", widths)
    sheet.heading(_FINDINGS, freeze=True)
    for item in shown.items:
        line, owes = item.line, item.owes
        counts = line.case.kind in OWING and line.status != "cleared"
        where = (owes.settled, owes.on_its_way, owes.queued, owes.held, owes.failed, owes.waived, owes.elsewhere)
        sheet.write(
            item.number,
            words.kind(line.kind),
            line.membership,
            line.charge or line.agreement,
            line.renewal,
            *(_amount(m, line.currency) for m in (line.charged_minor, line.expected_minor, line.excess_minor)),
            line.currency,
            "yes" if counts else "no",
            *(_amount(minor or None, line.currency) for minor in where),
            line.status,
            item.news,
            line.confidence,
            line.first_seen,
            item.days,
            item.bucket,
            "\n".join(written(text) for text in line.because),
            line.key,
        )
    sheet.filter(1, len(_FINDINGS))
    return sheet.row - 1


def _amount(minor: int | None, currency: str | None) -> Amount | None:
    return None if minor is None or currency is None else Amount(minor, currency)


def _remedies(book: Any, shown: View) -> None:  # noqa: ANN401 - as above
    sheet = Sheet(book, "Remedies", (14, 30, 22, 20, 12, 9, 20, 26, 26, 14, 60, 34))
    sheet.heading(_REMEDIES, freeze=True)
    for item in shown.items:
        for remedy in item.line.remedies:
            line = item.line
            owner = line.membership, line.charge or line.agreement, words.kind(line.kind)
            _remedy(sheet, remedy, owner, remedy.currency or line.currency)
    for remedy in shown.told.on_claims:
        _remedy(sheet, remedy, (remedy.membership, remedy.charge, "A member's claim"), remedy.currency)
    sheet.filter(1, len(_REMEDIES))


def _remedy(sheet: Sheet, remedy: RemedyLine, owner: tuple[str | None, str | None, str], currency: str | None) -> None:
    held = words.reason(remedy.held_because)[0] if remedy.waits else None
    sheet.write(
        *owner,
        words.remedy(remedy.kind),
        _amount(remedy.amount_minor, currency),
        currency if remedy.amount_minor is not None else None,
        words.state(remedy.state),
        held,
        ", ".join(remedy.cited) or remedy.clause,
        remedy.policy_version,
        written(remedy.arithmetic),
        remedy.key,
    )


def _aging(book: Any, shown: View) -> None:  # noqa: ANN401 - as above
    sheet = Sheet(book, "Open items aging", (14, 8, 16, 24, 32, 13, 9, 13, 24, 12, 34))
    sheet.heading(("age in days", "open", "at stake", "currency"))
    for tally in shown.summary.ages:
        _amounts(sheet, tally.name, tally.count, tally.amounts)
    sheet.gap()
    heading = sheet.row
    sheet.heading(_AGING)
    order = [name for name, _ in AGES]
    still = [item for item in shown.items if item.line.is_open]
    for item in sorted(still, key=lambda item: (-order.index(item.bucket), -item.days, item.number)):
        line = item.line
        owed = item.still_owed or None
        sheet.write(item.bucket, item.days, line.membership, words.kind(line.kind), line.charge or line.agreement,
                    _amount(item.at_stake, line.currency), line.currency, _amount(owed, line.currency),
                    phrases.states(item), line.first_seen, line.key)  # fmt: skip
    sheet.filter(heading, len(_AGING))


def _controls(book: Any, shown: View, last: int) -> None:  # noqa: ANN401 - as above
    sheet = Sheet(book, "Control totals", (34, 18, 10, 16, 46))
    sheet.title("Control totals, tied to the cent" if shown.ties else "Control totals: THEY DO NOT TIE")
    sheet.write(f"Everything up to the end of {shown.night} in {shown.told.zone}. Each charge is counted once.")
    for one in shown.sums:
        sheet.gap()
        sheet.heading((f"{one.currency}: {one.total.charges:,} charges", "amount", "currency", "ties", "how"))
        for equation in one.equations:
            _equation(sheet, equation, one.currency)
        _against_findings(sheet, one, last)


def _equation(sheet: Sheet, equation: Equation, currency: str) -> None:
    whole = sheet.row
    sheet.write(equation.name, Amount(equation.whole, currency), currency, strong=True)
    for n, part in enumerate(equation.parts):
        sheet.write(f"{'of it' if n == 0 else 'and'} {part.name}", Amount(part.minor, currency), currency)
    end = sheet.row - 1
    off = Formula(f"=ROUND(B{whole}-SUM(B{whole + 1}:B{end}),4)", Amount(equation.off, currency))
    sheet.write("difference", off, currency, "yes" if equation.ties else "NO", "the whole less its parts")


def _against_findings(sheet: Sheet, one: Sums, last: int) -> None:
    """The same sum once more, from the single lines of the sheet Findings."""
    total = one.total
    excess, currency, counted = (f"Findings!${column}$2:${column}${max(last, 2)}" for column in "HIJ")
    text = f'=SUMIFS({excess},{currency},"{one.currency}",{counted},"yes")'
    formula = Formula(text, Amount(total.found, one.currency))
    ties = "yes" if total.found == total.excess else "NO"
    sheet.write("taken wrongly, by the sheet Findings", formula, one.currency, ties, "to be the same as Taken wrongly")


def _completeness(book: Any, shown: View) -> None:  # noqa: ANN401 - as above
    sheet = Sheet(book, "Completeness", (12, 12, 12, 14, 12, 18, 12, 70))
    names = ("provider", "day", "by webhook", "by its lists", "by report", "by no webhook", "complete", "missing")
    sheet.heading(names, freeze=True)
    for day in shown.summary.days:
        counts = (day.webhook, day.listed, day.report, day.no_webhook)
        sheet.write(day.provider, day.day, *counts, "NO" if day.missing else "yes", day.missing or None)
    sheet.filter(1, len(names))


def _policy(book: Any, shown: View) -> None:  # noqa: ANN401 - as above
    sheet = Sheet(book, "Policy", (26, 14, 34, 34, 10, 100, 10))
    sheet.heading(("clause", "version", "document", "heading", "force", "in its own words", "cited"), freeze=True)
    cited = _cited(shown.items)
    for clause in shown.told.clauses:
        times = cited.get(clause.cite, 0)
        sheet.write(clause.cite, clause.version, clause.title, clause.heading, clause.force, clause.says, times)


def _cited(items: Iterable[Item]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for item in items:
        for cite in {cite for remedy in item.line.remedies for cite in remedy.cited}:
            counted[cite] = counted.get(cite, 0) + 1
    return counted
