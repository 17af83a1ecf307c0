"""A night's summary and an alarm in words: what is not done first. References and sums only, nothing of a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from urllib.parse import quote

from reconcile.summary import Summary, Tally
from reconcile.totals import Total
from worker.alerts.message import Link, Message, message
from worker.report.amounts import money, sums
from worker.report.words import kind, reason

_ALARMS = {
    "breaker": "The breaker is open: nothing is refunded until somebody has looked",
    "refund_failed": "A refund failed",
    "credential": "A provider refuses our credentials",
    "mismatch": "What a provider says of a refund is not what was sent",
    "doubled": "Two refunds carry one key: outgoing money is stopped",
}


def of_night(told: Summary, audit_head: str, report: str | None, console: str | None = None) -> Message:
    """The one short summary of a night; with the address of a `console`, links to where one decides."""
    sections = [
        ("Incomplete", _gaps(told)),
        ("Not done", _undone(told)),
        ("Totals", [line for total in told.totals for line in _total(total)]),
        ("Findings", _news(told)),
        ("Largest amounts that wait", _largest(told)),
        ("Last 30 days", [_counted(kind(tally.name), tally) for tally in told.kinds]),
        ("Webhooks that never came", [f"{provider}: {count} {event}" for provider, event, count in told.missed]),
        ("What was told, and how", list(_days_told(told))),
        ("Good to know", _notes(told, audit_head)),
    ]
    shown = [(name, lines) for name, lines in sections if lines]
    links = [] if console is None else _links(told, console)
    return message(f"night:{told.night}", title(told), shown, report=report, links=links)


def _links(told: Summary, console: str) -> list[Link]:
    """To the largest amount that waits, to all that does, and to the night itself."""
    found = [
        Link(
            f"Decide the largest, {case.membership or case.charge}: {money(case.minor, case.currency)} {case.currency}",
            to,
        )
        for case in told.largest[:1]
        if case.charge is not None
        for to in [f"{console}/console/cases/{quote(f'remedy:{case.charge}', safe='')}"]
    ]
    if told.held:
        found.append(Link("All that waits for a person", f"{console}/console/approvals"))
    return [*found, Link("This night in the console", f"{console}/console/nights/{told.night}")]


def of_alarm(key: str, kind_of: str, subject: str, text: str) -> Message:
    """Something that cannot wait for the morning."""
    heading = _ALARMS.get(kind_of, kind_of.replace("_", " ").capitalize())
    lines = [text, f"Concerns: {subject}"]
    return message(f"alarm:{key}", f"URGENT: makegood: {heading}", [("What happened", lines)], urgent=True)


def title(told: Summary) -> str:
    """The line that is read if nothing else is."""
    first = "" if told.complete else f"INCOMPLETE ({', '.join(gap.provider for gap in told.gaps)}): "
    return (
        f"{first}makegood, night of {told.night}: {told.waiting} for a person, {told.new.count} new, {_open(told)} open"
    )


def _open(told: Summary) -> int:
    return told.new.count + told.persisting.count


def _gaps(told: Summary) -> list[str]:
    return [f"{gap.provider}: {gap.said}. What it could contradict is held, not corrected." for gap in told.gaps]


def _undone(told: Summary) -> list[str]:
    work = told.work
    lines = [_counted(f"Held: {reason(tally.name)[0]}", tally) for tally in told.held]
    lines += [_counted("Refunds failed", told.failed)] if told.failed.count else []
    lines += [_counted("Refunds overdue", told.overdue)] if told.overdue.count else []
    lines += [_counted(f"To follow up: {kind(tally.name)}", tally) for tally in told.follow_up]
    lines += [f"Webhooks that could not be read: {work.failed_deliveries}"] if work.failed_deliveries else []
    lines += [f"Memberships and charges not judged: {work.unjudged}"] if work.unjudged else []
    lines += ["Outgoing money is stopped by hand"] if work.stopped else []
    lines += [f"The totals of {total.currency} do not tie" for total in told.totals if not total.ties]
    return lines or ["Nothing waits for a person."]


def _total(total: Total) -> Iterator[str]:
    charged = [
        ("as expected", total.as_expected),
        ("found wrong", total.excess),
        ("in another currency", total.wrong_currency),
        ("of unknown payers", total.unrecognised),
        ("too little", total.short),
    ]
    owed = [
        ("settled", total.settled),
        ("on its way", total.on_its_way),
        ("queued", total.queued),
        ("held", total.held),
        ("failed", total.failed),
    ]
    at = total.currency
    yield f"{at} charged {money(total.charged, at)} in {total.charges} charges = {_parts(charged, at)}"
    if total.excess:
        rest = [("given back by other hands", total.elsewhere), ("waived", total.waived)]
        less = "".join(f", {money(minor, at)} {name}" for name, minor in rest if minor)
        yield f"{at} owed {money(total.owed, at)} = {_parts(owed, at)}{less}"


def _parts(parts: Sequence[tuple[str, int]], currency: str) -> str:
    return " + ".join(f"{money(minor, currency)} {name}" for name, minor in parts if minor) or money(0, currency)


def _news(told: Summary) -> list[str]:
    lines = [
        _counted("New", told.new),
        _counted("Still open", told.persisting),
        _counted("No longer open", told.closed),
    ]
    aged = ", ".join(f"{tally.count} of {tally.name} days" for tally in told.ages if tally.count)
    return [*lines, *([f"Open by age: {aged}"] if aged else [])]


def _largest(told: Summary) -> list[str]:
    return [
        f"{case.membership or case.charge}: {money(case.minor, case.currency)} {case.currency}, "
        f"{kind(case.kind)} ({reason(case.reason)[0]})"
        for case in told.largest
    ]


def _days_told(told: Summary) -> Iterator[str]:
    """A line a provider; the report has one a day."""
    for provider in sorted({day.provider for day in told.days}):
        days = [day for day in told.days if day.provider == provider]
        counts = {
            "by webhook": sum(day.webhook for day in days),
            "by its lists": sum(day.listed for day in days),
            "by report": sum(day.report for day in days),
        }
        complete = sum(not day.missing for day in days)
        yield (
            f"{provider}, {_days(days[0].day, days[-1].day)}: "
            + ", ".join(f"{count} {name}" for name, count in counts.items())
            + f"; {complete} of {len(days)} days complete"
        )


def _notes(told: Summary, audit_head: str) -> list[str]:
    lines = ["Shadow mode: remedies are decided, nothing is sent."] if told.mode == "shadow" else []
    if told.since < told.night:
        lines.append(f"It covers {_days(told.since, told.night)}: no night was run in between.")
    lines += [f"{provider} could not be asked what is missing: no credentials" for provider in told.unchecked]
    return [*lines, f"Audit head: {audit_head}"] if audit_head else lines


def _days(since: date, night: date) -> str:
    return f"{since} to {night}"


def _counted(name: str, tally: Tally) -> str:
    amounts = sums(tally.amounts)
    return f"{name}: {tally.count}" + (f", {amounts}" if amounts else "")


def plain(told: Message) -> str:
    """The whole as text."""
    return "\n".join(_plain(told)) + "\n"


def _plain(told: Message) -> Iterable[str]:
    yield told.title
    yield from (f"{link.text}: {link.address}" for link in told.links)
    for section in told.sections:
        yield ""
        yield section.heading
        yield from (f"- {line}" for line in section.lines)
    yield ""
    yield told.reference
