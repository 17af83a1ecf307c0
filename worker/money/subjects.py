"""What an executor has to know of a remedy before it sends it: the remedy, its charge, and what the core wants now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from reconcile.binding import Paid
from reconcile.facts import Charge, Ref
from reconcile.judgement import reconcile, survey
from reconcile.ledger import Ledger
from reconcile.outcome import BILLING_ERRORS, Finding, FindingKind, HeldBecause, Remedy
from reconcile.returns import Returns, given_back, returns
from worker.judging import today
from worker.money import guards
from worker.money.steps import Step, Way
from worker.runtime import Runtime
from worker.schema import remedies
from worker.store import rows, sends
from worker.store.due import lock_memberships
from worker.store.ledgers import load_ledgers
from worker.store.roster_age import with_age
from worker.store.sends import Send

CANCELS = "cancel_agreement"
NO_NOTE = "no_note"  # the note of a credit whose credit note was refused: it goes onto the balance as it is
TOO_OLD = "too_old"  # the note of a send that became a credit because the provider refunds no longer
_APIS = {"stripe": "charge", "paypal": "sale"}  # where a report told of a charge and not how it is refunded


@dataclass(frozen=True, slots=True)
class Judged:
    """What the core says of the remedy's membership now, and of the remedy itself."""

    ledger: Ledger
    wanted: Remedy | None
    finding: Finding | None
    alive: bool  # renewals are still to come that a credit could lower


def new_send(conn: Connection, runtime: Runtime, remedy: Row[Any]) -> Send:
    """How a remedy begins its way out."""
    if remedy.kind == CANCELS:
        agreement = Ref.parse(remedy.key.partition(":")[2])
        return Send(remedy.key, Way.CANCEL.value, agreement.provider, agreement.id, Step.READY.value)
    ref = Ref.parse(remedy.charge)
    way = way_of(runtime, remedy, charge_of(conn, ref))
    return Send(remedy.key, way.value, ref.provider, ref.id, Step.READY.value)


def way_of(runtime: Runtime, remedy: Row[Any], charge: Charge | None) -> Way:
    """A remedy without a clause that a person approved goes the way that the setting says."""
    as_credit = remedy.kind == "credit" or (remedy.kind == "review" and runtime.settings.refund_or_credit == "credit")
    return credit_way(charge) if as_credit else Way.REFUND


def credit_way(charge: Charge | None) -> Way:
    """Stripe keeps a balance for a customer; every other credit stands on our own books."""
    on_balance = charge is not None and charge.ref.provider == "stripe" and charge.customer is not None
    return Way.CREDIT if on_balance else Way.BOOK


def charge_of(conn: Connection, ref: Ref) -> Charge | None:
    key = (ref.provider, "charge", ref.id)
    kept = rows.by_key(conn, [key]).get(key)
    return kept.fact if kept is not None and isinstance(kept.fact, Charge) else None


def api_of(charge: Charge) -> str:
    return charge.kind or _APIS[charge.ref.provider]


def locked(conn: Connection, key: str) -> Row[Any] | None:
    """The remedy, its membership's row and its own locked in the order in which the judge locks them."""
    membership = conn.scalar(select(remedies.c.membership).where(remedies.c.key == key))
    if membership is not None:
        lock_memberships(conn, [membership])
    return sends.remedy_row(conn, key)


def judged_now(conn: Connection, runtime: Runtime, remedy: Row[Any]) -> Judged | None:
    """Judge the membership of a remedy that is `locked` on the stored facts. None for a charge that belongs to none."""
    if remedy.membership is None:
        return None
    loaded = load_ledgers(conn, [remedy.membership])
    ledgers = with_age(conn, loaded, runtime.settings.roster_max_age_days, runtime.clock())
    if not ledgers:
        return None
    as_of = today(runtime)
    outcome = reconcile(ledgers[0], runtime.rules, as_of)
    wanted = next((one for one in outcome.remedies if one.key == remedy.key), None)
    finding = next((one for one in outcome.findings if one.key == remedy.finding), None)
    ran = survey(ledgers[0], runtime.rules, as_of).course
    return Judged(ledgers[0], wanted, finding, ran.ended(as_of) is None)


def objection(conn: Connection, remedy: Row[Any], judged: Judged | None, charge: Charge | None) -> HeldBecause | None:
    """Why what was decided may not be sent as it stands. Says nothing of guards, which only put off."""
    if judged is None or judged.wanted is None:
        return HeldBecause.CHANGED
    wanted = judged.wanted
    if wanted.held_because is HeldBecause.DISPUTED:
        return HeldBecause.DISPUTED
    money = (wanted.amount.minor, wanted.amount.currency) if wanted.amount else (None, None)
    same = (wanted.kind.value, *money) == (remedy.kind, remedy.amount_minor, remedy.currency)
    given = guards.approval(conn, remedy.key)
    void = guards.approval_void(conn, remedy) or (given is not None and given.clause != wanted.clause)
    if not same or void:
        return HeldBecause.CHANGED
    if remedy.kind == CANCELS:
        return None
    if charge is None or remedy.amount_minor is None or remedy.amount_minor <= 0:
        return HeldBecause.CHANGED
    enough = left(judged.ledger, charge) >= remedy.amount_minor and charge.amount.currency == remedy.currency
    return None if enough else HeldBecause.CHANGED


def left(ledger: Ledger, charge: Charge) -> int:
    """What the charge still holds after everything that went back, or is on its way back."""
    back = given_back(charge, returns(ledger).get(charge.ref, Returns()), "UTC", charge.taken_at.date().max)
    return charge.amount.minor - back.total


def gone_whole(charge: Charge) -> bool:
    """Whether the provider states that nothing of the charge is left."""
    return charge.refunded_minor is not None and charge.refunded_minor >= charge.amount.minor


def wrong_invoice(judged: Judged | None, charge: Charge | None) -> str | None:
    """The one invoice that billed what was not owed, and that this charge has paid by itself: a credit for it is made
    by a credit note on it."""
    if judged is None or charge is None or judged.finding is None or judged.finding.kind not in BILLING_ERRORS:
        return None
    ledger = judged.ledger
    invoices = Paid.by((*ledger.invoices, *ledger.invoice_payments)).of(charge)
    if charge.ref.provider != "stripe" or len(invoices) != 1:
        return None
    bill = invoices[0]
    paid = bill.status == "paid" and bill.currency == charge.amount.currency
    return bill.ref.id if paid and bill.total_minor == charge.amount.minor else None


def is_duplicate(judged: Judged | None) -> bool:
    return judged is not None and judged.finding is not None and judged.finding.kind is FindingKind.DUPLICATE_CHARGE
