"""`explain` for people: plain text, in the order in which one would ask."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from worker.report.amounts import written
from worker.schema import Row
from worker.tables import decimal, utc

WIDTH = 110
_FINE = {
    "late_payment": "a late payment of a period that was owed",
    "outstanding_balance": "it pays several periods that were outstanding",
    "first_charge_with_setup": "the first dues and the set-up fee in one charge",
    "agreed_charge": "a one-off charge that the member agreed to",
    "stated_tax": "the provider states tax in it; dues are compared without",
    "resent_webhook": "the provider told of it more than once: one charge all the same",
    "receipt_only": "a receipt: paid without a charge at the provider",
    "authorisation_only": "an authorisation: no money was taken",
    "overlap_on_switch": "the membership moved from one agreement to another",
    "customer_balance": "by its bill the rest came from the customer's balance, or outside the provider",
}


def page(told: Row) -> str:
    """The whole page."""
    return "\n".join(_lines(told))


def _lines(told: Row) -> Iterator[str]:
    yield f"{told['ref']} ({told['is']}), as of {told['as_of']}"
    if told["membership"] is None:
        fits = told.get("fits") or []
        yield f"No membership has this charge{': it fits ' + ', '.join(fits) if fits else ''}."
    else:
        yield from _member(told)
    yield from _section("What was expected", [_expected(row) for row in told["expected"]])
    yield from _section("What came", [line for row in told["came"] for line in _came(row)])
    yield from _section("Receipts", [_receipt(row) for row in told.get("receipts", [])], always=False)
    yield from _section("What is wrong", [line for row in told["findings"] for line in _finding(row)])
    claimed = [line for row in told.get("claims", []) for line in _claim(row)]
    yield from _section("What was claimed", claimed, always=False)
    yield from _section("Clauses", [line for row in told["clauses"] for line in _clause(row)], always=False)
    yield from _section("What happened since", [_happened(row) for row in told["since"]])


def _section(heading: str, lines: list[str], *, always: bool = True) -> Iterator[str]:
    if lines or always:
        yield ""
        yield heading
        yield from (f"  {line}" for line in lines or ["nothing"])


def _member(told: Row) -> Iterator[str]:
    plan = told["plan"]
    every = plan["every"] if plan["count"] == 1 else f"{plan['count']} {plan['every']}s"
    yield (
        f"Membership {told['membership']}, since {plan['started_on']}, {_money(plan['price'], plan['currency'])} every "
        f"{every}, under {', '.join(told['policy'])}"
    )
    if not told["judged"]:
        yield "Facts or roster changed since it was last judged: run `makegood reconcile`."
    for ran in told["ran"]:
        until = f"to {ran['until']}" if ran["until"] else "on"
        ended = f", ended by {ran['ended_by']} known on {ran['known_on']}" if ran["ended_by"] else ""
        clause = f" ({ran['clause']})" if ran["clause"] else ""
        yield f"It ran from {ran['from']} {until}{ended}{clause}"


def _expected(row: Row) -> str:
    what = {"dues": f"dues to {row['period_end']}", "setup": "set-up fee"}.get(row["kind"], row["what"] or "agreed")
    paid = f"paid by {', '.join(row['paid_by'])}" if row["paid_by"] else "not paid"
    return f"{row['due']}  {_money(row['amount'], row['currency']):>14}  {what}: {paid}"


def _came(row: Row) -> Iterator[str]:
    day = row.get("day") or utc(row["taken_at"])
    pays = f"pays {', '.join(str(due) for due in row['pays'])}" if row["pays"] else "pays nothing owed"
    if row["state"] != "taken":
        pays = f"is {row['state']}: no money was taken"
    bound = f", bound by {row['bound_by']}" if row["bound_by"] else ""
    yield f"{day}  {_money(row['amount'], row['currency']):>14}  {row['charge']} {pays}{bound}"
    if row.get("tax"):
        yield f"    {_money(row['tax'], row['currency'])} of it is stated tax"
    if row.get("given_back"):
        ours = row["given_back_by_makegood"]
        yield f"    {_money(row['given_back'], row['currency'])} went back, {_money(ours, row['currency'])} by makegood"
    if row.get("disputed"):
        yield "    it is or was disputed"
    for note in row["fine_because"]:
        yield f"    {note}: {_FINE.get(note, '')}"


def _receipt(row: Row) -> str:
    return f"{row['invoice']} {_money(row['total'], row['currency'])}: {_FINE['receipt_only']}"


def _finding(row: Row) -> Iterator[str]:
    excess = f", {_money(row['excess'], row['currency'])} too much" if row["excess"] else ""
    stored = "" if row["stored"] else " (not yet written down)"
    yield f"{row['finding']}{excess}, {row['confidence']}, {row['status']}{stored}   [{row['key']}]"
    for line in row["because"]:
        yield f"    - {line}"
    if row["arithmetic"]:
        yield f"    arithmetic: {row['arithmetic']}"
    if remedy := row["remedy"]:
        amount = f" {_money(remedy['amount'], row['currency'])}" if remedy["amount"] is not None else ""
        clause = f" under {remedy['clause']}, version {remedy['policy_version']}" if remedy["clause"] else ""
        held = f" ({row['held_because']})" if row["held_because"] else ""
        yield f"    remedy: {remedy['kind']}{amount}, {remedy['state']}{held}{clause}   [{remedy['key']}]"
    if row["cited"]:
        yield f"    cited: {', '.join(row['cited'])}"


def _claim(row: Row) -> Iterator[str]:
    held = f" ({row['held_because']})" if row["state"] == "held" and row["held_because"] else ""
    yield f"{row['claim']}, {row['kind']}, received {utc(row['received_at'])}: {row['state']}{held}"
    amount = f" {_money(row['amount'], row['currency'])}" if row["amount"] is not None else ""
    clause = f" under {row['clause']}, version {row['policy_version']}" if row["clause"] else ""
    stands = f"   [{row['remedy_key']} is {row['remedy_state']}]" if row["remedy_key"] else ""
    yield f"    remedy: {row['remedy']}{amount}{clause}{stands}"
    yield fill(written(row["reason"]), WIDTH, initial_indent="    ", subsequent_indent="      ")


def _clause(row: Row) -> Iterator[str]:
    yield f"{row['clause']} (version {row['version']}, {row['force']}): {row['heading']}"
    yield fill(row["says"], WIDTH, initial_indent="    ", subsequent_indent="      ")


def _happened(row: Row) -> str:
    about = f"   [{row['about']}]" if row["about"] else ""
    return f"{utc(row['at'])}  {row['what']}, by {row['by']}{about}"


def _money(minor: Any, currency: Any) -> str:  # noqa: ANN401 - either may be missing on a bill
    return "?" if minor is None or currency is None else f"{decimal(minor, currency)} {currency}"
