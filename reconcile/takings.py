"""Takings: a ledger's charges with all that bears on them put together: what they state to pay, what went back, which
agreement they came through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from reconcile.binding import Paid
from reconcile.facts import (
    Charge,
    ChargeState,
    DisputeState,
    Invoice,
    InvoiceLine,
    InvoiceReason,
    Ref,
)
from reconcile.ledger import BoundBy, BoundCharge, Ledger
from reconcile.membership import Agreed, Agreement, Membership
from reconcile.money import Money
from reconcile.returns import GivenBack, Returns, given_back, returns
from reconcile.stints import day_over, local_date

_SWITCH_DAYS = 7  # around a move from one agreement to another


@dataclass(slots=True)  # not frozen: that would double what making one costs
class Taking:
    """One charge that took money. `net` is what it took for dues: the amount less stated tax. `periods` are the
    billing periods it names; `unforeseen` a reason stated by the provider that no roster knows; `by_balance` what of
    its bills was paid by no charge: from the customer's balance, or outside the provider."""

    charge: Charge
    by: BoundBy
    day: date
    net: Money
    periods: tuple[tuple[date, date], ...]
    through: str | None
    superseded: bool
    switched: bool
    unforeseen: str | None
    given_back: GivenBack
    disputed: bool
    dispute_open: bool
    by_balance: int = 0

    @property
    def ref(self) -> Ref:
        return self.charge.ref

    @property
    def tax_minor(self) -> int:
        return self.charge.amount.minor - self.net.minor

    @property
    def spoiled(self) -> bool:
        """Given back in full, or disputed: of several charges this one is not the one that pays."""
        return self.disputed or self.given_back.total >= self.charge.amount.minor


_NOTHING_BACK = Returns()


def takings(ledger: Ledger, zone: str, as_of: date) -> tuple[Taking, ...]:
    """Every charge of the ledger that took money by the end of `as_of`, in order of time, then reference."""
    returned = returns(ledger)
    paid = Paid.by((*ledger.invoices, *ledger.invoice_payments))
    over = day_over(as_of, zone)
    taken = []
    for bound in ledger.charges:
        charge = bound.charge
        if charge.state is ChargeState.TAKEN and charge.amount.minor > 0 and charge.taken_at < over:
            back = returned.get(charge.ref, _NOTHING_BACK) if returned else _NOTHING_BACK
            taken.append(_taking(bound, ledger, paid.of(charge), back, zone, as_of))
    taken.sort(key=lambda t: (t.charge.taken_at, t.charge.ref))
    return tuple(taken)


def _taking(  # noqa: PLR0917 - all that bears on it
    bound: BoundCharge, ledger: Ledger, invoices: tuple[Invoice, ...], returned: Returns, zone: str, as_of: date
) -> Taking:
    charge = bound.charge
    day = local_date(charge.taken_at, zone)
    tax, through = charge.tax_minor, charge.subscription or None
    if tax is None:
        tax = sum(i.tax_minor or 0 for i in invoices) if invoices else 0
    if through is None and invoices:
        through = next((i.subscription for i in invoices if i.subscription), None)
    superseded, switched = _superseded(ledger.membership, charge, through, day)
    known = [d for d in returned.disputes if d.opened_at is None or local_date(d.opened_at, zone) <= as_of]
    stated = bool(charge.disputed)
    return Taking(
        charge,
        bound.by,
        day,
        charge.amount if tax == 0 else Money(max(charge.amount.minor - tax, 0), charge.amount.currency),
        _periods(charge, invoices, zone),
        through,
        superseded,
        switched,
        _unforeseen(charge, invoices, ledger.membership) if invoices else None,
        given_back(charge, replace(returned, disputes=tuple(known)) if returned.disputes else returned, zone, as_of),
        bool(known) or stated,
        any(d.state in (DisputeState.OPEN, DisputeState.INQUIRY) for d in known) if known else stated,
        sum(map(_by_no_charge, invoices)) if invoices else 0,
    )


def _by_no_charge(invoice: Invoice) -> int:
    if invoice.status != "paid" or invoice.total_minor is None or invoice.paid_minor is None:
        return 0
    return max(invoice.total_minor - invoice.paid_minor, 0)


def _periods(charge: Charge, invoices: tuple[Invoice, ...], zone: str) -> tuple[tuple[date, date], ...]:
    if not invoices and charge.period_start is None:
        return ()
    stated = [(charge.period_start, charge.period_end)]
    stated += [(li.period_start, li.period_end) for i in invoices for li in i.lines if not li.proration]
    days = {
        (local_date(start, zone), local_date(end, zone))
        for start, end in stated
        if start is not None and end is not None and start < end
    }
    return tuple(sorted(period for period in days if period[0] < period[1]))


def _unforeseen(charge: Charge, invoices: tuple[Invoice, ...], membership: Membership) -> str | None:
    billed = [invoice.total_minor for invoice in invoices]
    if charge.amount.minor > sum(total for total in billed if total is not None) and None not in billed:
        return "more than its bills come to: an older balance"
    for invoice in invoices:
        if any(line.proration for line in invoice.lines):
            return "proration"
        if invoice.reason is InvoiceReason.CHANGE:
            return "a change of the subscription"
        if invoice.reason in (InvoiceReason.MANUAL, InvoiceReason.OTHER):
            return "a manual invoice"
        if len(invoice.lines) - sum(_known_one_off(line, membership) for line in invoice.lines) > 1:
            return "several lines"
    return None


def _known_one_off(line: InvoiceLine, membership: Membership) -> bool:
    """A line for no period whose amount is the plan's set-up fee or an agreed charge: the roster knows of it."""
    agreed = {c.amount_minor for c in membership.changes if isinstance(c, Agreed)}
    return line.period_start is None and line.amount_minor in {membership.plan.setup_fee_minor, *agreed} - {0}


def _superseded(membership: Membership, charge: Charge, through: str | None, day: date) -> tuple[bool, bool]:
    """Whether the charge's agreement was no longer in force while another was, and whether it came in the days in
    which the membership moved from one agreement to another."""
    for agreement in membership.agreements:
        if agreement.until is not None:
            break
    else:
        return False, False
    own = [a for a in membership.agreements if _is_of(a, charge, through)]
    others = [a for a in membership.agreements if a not in own and a.in_force(day)]
    gone = bool(own) and not any(a.in_force(day) for a in own) and all(_over(a, day) for a in own)
    moves = [a.until for a in membership.agreements if a.until is not None] if len(membership.agreements) > 1 else []
    return gone and bool(others), any(abs((day - moved).days) <= _SWITCH_DAYS for moved in moves)


def _over(agreement: Agreement, day: date) -> bool:
    return agreement.until is not None and agreement.until <= day


def _is_of(agreement: Agreement, charge: Charge, through: str | None) -> bool:
    if agreement.provider != charge.ref.provider:
        return False
    if through is not None and agreement.subscription is not None:
        return agreement.subscription == through
    if charge.customer is not None and agreement.customer is not None:
        return agreement.customer == charge.customer
    return agreement.payer is None or charge.payer is None or agreement.payer == charge.payer
