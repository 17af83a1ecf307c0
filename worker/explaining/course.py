"""How a membership ran, what it owed and what came: the part of `explain` before any verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconcile.facts import Charge, ChargeState, Invoice
from reconcile.ledger import BoundBy, Ledger
from reconcile.membership import Membership
from reconcile.outcome import LookAlike, Outcome
from reconcile.scene import Scene
from reconcile.stints import Stint
from worker.codec import FactKey, key_of
from worker.schema import Row
from worker.store.histories import Known

Told = dict[FactKey, list[Row]]


def plan(member: Membership) -> Row:
    """What the member agreed to at the start."""
    return {
        "code": member.plan.code,
        "price": member.plan.price.minor,
        "currency": member.plan.price.currency,
        "every": member.plan.every.value,
        "count": member.plan.count,
        "setup_fee": member.plan.setup_fee_minor,
        "started_on": member.started_on,
    }


def stint(ran: Stint) -> Row:
    """One stretch of time in which the membership ran, and what ended it."""
    end = ran.end
    return {
        "from": ran.anchor,
        "until": end.on if end else ran.cut,
        "ended_by": end.cause.value if end else None,
        "known_on": end.known_on if end else None,
        "clause": end.clause if end else None,
    }


def expected(scene: Scene, about: Known) -> list[Row]:
    """The renewals; of one charge only those that it pays, or that are due around it."""
    paired = scene.paired
    shown = []
    for at, renewal in enumerate(paired.renewals):
        payers = paired.payers(at)
        row: Row = {
            "due": renewal.due,
            "kind": renewal.kind.value,
            "period_end": renewal.period_end,
            "amount": renewal.amount.minor,
            "currency": renewal.amount.currency,
            "what": renewal.what,
            "may_be_taken": [renewal.opens, renewal.closes],
            "paid_by": [str(paired.takings[i].ref) for i in payers],
        }
        near = about.charge is None or any(
            t.ref == about.charge and (i in payers or renewal.opens <= t.day <= renewal.closes)
            for i, t in enumerate(paired.takings)
        )
        if near:
            shown.append(row)
    return shown


def came(scene: Scene, outcome: Outcome, told: Told, about: Known) -> Iterator[Row]:
    """The charges that took money, each with what it pays and why it is fine."""
    explained = {one.charge: one for one in outcome.explained}
    for taking in scene.paired.takings:
        if about.charge not in (None, taking.ref):
            continue
        back = taking.given_back
        heard = told.get(key_of(taking.charge), [])
        fine = [note.value for note in explained[taking.ref].notes]
        yield {
            "charge": str(taking.ref),
            "taken_at": taking.charge.taken_at,
            "day": taking.day,
            "amount": taking.charge.amount.minor,
            "tax": taking.tax_minor,
            "currency": taking.charge.amount.currency,
            "state": taking.charge.state.value,
            "bound_by": taking.by.value,
            "names_periods": [list(period) for period in taking.periods],
            "pays": list(explained[taking.ref].pays),
            "fine_because": fine + ([LookAlike.RESENT_WEBHOOK.value] if _resent(heard) else []),
            "given_back": back.total,
            "given_back_by_makegood": back.ours,
            "disputed": taking.disputed,
            "told_by": heard,
        }


def attempts(ledger: Ledger, told: Told, about: Known) -> Iterator[Row]:
    """What looks like a charge on a statement and took no money."""
    for bound in ledger.charges:
        charge = bound.charge
        if charge.state is ChargeState.TAKEN or about.charge not in (None, charge.ref):
            continue
        yield no_money(charge, bound.by, told)


def no_money(charge: Charge, by: BoundBy | None, told: Told) -> Row:
    """A charge that pays nothing because it took nothing, or belongs to nobody."""
    only = charge.state is ChargeState.AUTHORISED
    return {
        "charge": str(charge.ref),
        "taken_at": charge.taken_at,
        "amount": charge.amount.minor,
        "currency": charge.amount.currency,
        "state": charge.state.value,
        "bound_by": by.value if by else None,
        "pays": [],
        "fine_because": [LookAlike.AUTHORISATION_ONLY.value] if only else [],
        "told_by": told.get(key_of(charge), []),
    }


def _resent(heard: Iterable[Row]) -> bool:
    return any(delivery["seen"] > 1 for delivery in heard)


def receipts(ledger: Ledger) -> list[Row]:
    """Bills that say paid and came with no charge: they cost the member nothing at the provider."""
    charges = {b.charge.ref.id for b in ledger.charges} | {b.charge.intent for b in ledger.charges if b.charge.intent}
    named = {b.charge.invoice for b in ledger.charges}
    linked = {p.invoice for p in ledger.invoice_payments if (p.charge or p.intent) in charges}

    def receipt(invoice: Invoice) -> bool:
        paid = invoice.ref.id in named | linked or invoice.charge in charges or invoice.intent in charges
        return invoice.status == "paid" and not paid

    return [
        {
            "invoice": str(invoice.ref),
            "total": invoice.total_minor,
            "currency": invoice.currency,
            "fine_because": [LookAlike.RECEIPT_ONLY.value],
        }
        for invoice in ledger.invoices
        if receipt(invoice)
    ]
