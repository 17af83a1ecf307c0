"""A case in a few sentences, for somebody who has never seen it: what happened, what is owed and by which clause, and
why it waits, or where the money is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from reconcile.outcome import FindingKind, owes_more
from worker.report import words
from worker.report.amounts import money as figures

Told = dict[str, Any]


def what_happened(finding: Told, came: list[Told], ran: list[Told]) -> str:
    """One sentence. `came` are the charges that `explain` tells of, `ran` the stretches of the membership."""
    who = finding["membership"] or "Somebody"
    charge = next((row for row in came if row["charge"] == finding["charge"]), None)
    told = _Told(finding, who, _day(charge), _end(ran, charge))
    write = _SAYS.get(FindingKind(finding["finding"]))
    return write(told) if write is not None else f"{words.kind(finding['finding'])}: {words.about(finding['finding'])}"


class _Told:
    def __init__(self, finding: Told, who: str, on: date | None, ended: date | None) -> None:
        self.finding = finding
        self.who = who
        self.when = f" on {words.day(on)}" if on else ""
        self.ended = f" on {words.day(ended)}" if ended else ""
        renewal = finding["renewal"]
        self.renewal = words.day(date.fromisoformat(renewal) if isinstance(renewal, str) else renewal)

    def amount(self, name: str) -> str:
        return amount(self.finding[name], self.finding["currency"])

    @property
    def of_renewal(self) -> str:
        return f"the renewal of {self.renewal}" if self.renewal else "a renewal"


def _short(told: _Told) -> int:
    return (told.finding["expected"] or 0) - (told.finding["charged"] or 0)


_SAYS = {
    FindingKind.DUPLICATE_CHARGE: lambda t: (
        f"{t.who} was charged twice: {t.amount('charged')} was taken{t.when}, although {t.of_renewal} had been paid."
    ),
    FindingKind.OVERCHARGE: lambda t: (
        f"{t.who} was charged too much: {t.amount('charged')} was taken{t.when}, and {t.amount('expected')} was due. "
        f"{t.amount('excess')} is too much."
    ),
    FindingKind.POST_CANCELLATION_CHARGE: lambda t: (
        f"{t.who} was charged after the end: {t.amount('charged')} was taken{t.when}, for time after the membership "
        f"had ended{t.ended}."
    ),
    FindingKind.UNSCHEDULED_CHARGE: lambda t: (
        f"{t.who} was charged without reason: {t.amount('charged')} was taken{t.when}, when nothing was due."
    ),
    FindingKind.WRONG_CURRENCY: lambda t: (
        f"{t.who} was charged {t.amount('charged')}{t.when}, which is not the currency of the plan."
    ),
    FindingKind.UNRECOGNISED_CHARGE: lambda t: (
        f"{t.amount('charged')} was taken{t.when}, and it is not known whose charge it is."
    ),
    FindingKind.UNDERCHARGE: lambda t: (
        f"{t.who} was charged too little: {t.amount('charged')} was taken{t.when}, and {t.amount('expected')} was due: "
        f"{amount(_short(t), t.finding['currency'])} less."
    ),
    FindingKind.MISSED_RENEWAL: lambda t: (
        f"{t.of_renewal[0].upper()}{t.of_renewal[1:]} of {t.who}, {t.amount('expected')}, was never taken."
    ),
    FindingKind.LIVE_AFTER_CANCELLATION: lambda t: (
        f"The membership of {t.who} has ended{t.ended}, but its agreement with the provider could still charge."
    ),
    FindingKind.UNWRITTEN_NOTICE: lambda t: (
        f"{t.who} gave notice by telephone, which does not end the membership: somebody should follow up."
    ),
    FindingKind.CORRECTED_ELSEWHERE: lambda t: (
        f"{t.who} was charged wrongly: {t.amount('excess')} of a charge{t.when}. The money went back by other hands."
    ),
    FindingKind.REFUND_OVERDUE: lambda t: f"A refund to {t.who} was sent and has not arrived in time.",
    FindingKind.REFUND_FAILED: lambda t: f"A refund to {t.who} was sent, and the provider could not pay it out.",
    FindingKind.OVER_REFUNDED: lambda t: f"More went back to {t.who} than was wrongly taken: {t.amount('excess')}.",
    FindingKind.INELIGIBLE_RESUBSCRIPTION: lambda t: (
        f"{t.who} subscribed again after a refund, which the policy does not allow."
    ),
}


def what_is_owed(finding: Told, remedy: Told | None, heading: str) -> str:
    """How much is owed and by which clause. `heading` is the clause's own."""
    if remedy is None:
        return "" if finding["status"] != "open" else "No money is owed by itself: somebody should look at it."
    if remedy["kind"] == "cancel_agreement":
        return _by("The agreement is to be ended", remedy, heading)
    if remedy["kind"] == "none":
        return "Nothing is left to pay."
    if remedy["amount"] is None:
        return "What is owed cannot be computed: a person names it."
    much = amount(remedy["amount"], finding["currency"])
    if remedy["clause"] is None:
        return f"{much} is recommended; no clause of the member's policies decides it."
    went = {"settled": "was owed back", "waived": "was owed back"}.get(remedy["state"], "is owed back")
    credit = ", as a credit" if remedy["kind"] == "credit" else ""
    return _by(f"{much} {went}{credit}", remedy, heading)


def _by(said: str, remedy: Told, heading: str) -> str:
    return f"{said}, by clause {remedy['clause']}{f' ({heading})' if heading else ''}."


def where_it_stands(
    remedy: Told | None, held_because: str | None, *, shadow: bool, stopped: bool, sent_from: str = ""
) -> str:
    """Why it waits, or where the money is. `sent_from` is when the cooling is over, where it is not yet."""
    if remedy is None:
        return ""
    state = remedy["state"]
    if state == "held" or owes_more(state, held_because):
        name, text = words.reason(held_because or "likely")
        return f"It waits for a person: {name[0].lower()}{name[1:]}. {text}"
    if state == "queued":
        if shadow:
            return "It is decided, and nothing is sent: makegood runs in shadow mode."
        if stopped:
            return "It is decided, and not sent: outgoing money is stopped."
        return f"It goes out by itself{f', not before {sent_from}' if sent_from else ''}."
    return {
        "submitted": "It was sent, and the provider has not confirmed it yet.",
        "settled": "The money is back.",
        "failed": "The provider refused it: send it again, or waive it.",
        "waived": "A person gave it up.",
    }[state]


def amount(minor: int | None, currency: str | None) -> str:
    """In words, always with the currency."""
    return "an unknown amount" if minor is None or currency is None else f"{figures(minor, currency)} {currency}"


def _day(charge: Told | None) -> date | None:
    if charge is None:
        return None
    day: date | None = charge.get("day") or (charge["taken_at"].date() if charge.get("taken_at") else None)
    return day


def _end(ran: list[Told], charge: Told | None) -> date | None:
    """The last end before the charge, or, of no charge, the last end."""
    on = _day(charge) or date.max - timedelta(days=1)
    ends = [stretch["until"] for stretch in ran if stretch["until"] is not None and stretch["ended_by"]]
    return max((end for end in ends if end <= on + timedelta(days=2)), default=ends[-1] if ends else None)
