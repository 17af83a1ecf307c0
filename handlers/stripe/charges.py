"""Charges, payment intents, refunds and disputes, as facts."""

from __future__ import annotations

from datetime import datetime

from handlers.strict_json import JsonObject, child, children, flag, integer, needed, text
from handlers.stripe.reading import PROVIDER, minor, moment, money, ref, reference
from reconcile.facts import (
    Charge,
    ChargeState,
    Credit,
    Dispute,
    DisputeState,
    Fact,
    FailedPayment,
    Ref,
    Refund,
    RefundState,
)
from reconcile.money import Money
from reconcile.remedies import charge_of_remedy

REMEDY = "makegood_remedy"  # the metadata key under which makegood's own refunds and credits carry their remedy
API = "charge"

_REFUND_STATES = {
    "succeeded": RefundState.SETTLED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
}
_DISPUTE_STATES = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def charge_facts(charge: JsonObject, told_at: datetime) -> tuple[Fact, ...]:
    """The charge; the refunds that older API versions list inside it; and for a failed one, the failed payment."""
    fact = _charge(charge, told_at)
    refunds = [refund_fact(refund, told_at) for refund in children(charge, "refunds", "data")]
    if fact.state is not ChargeState.FAILED:
        return (fact, *refunds)
    failed = FailedPayment(
        ref=fact.ref,
        told_at=told_at,
        failed_at=fact.taken_at,
        amount=fact.amount,
        customer=fact.customer,
        invoice=fact.invoice,
    )
    return (fact, failed, *refunds)


def _charge(charge: JsonObject, told_at: datetime) -> Charge:
    state = _charge_state(charge)
    taken = state is ChargeState.TAKEN and integer(charge, "amount_captured") is not None
    amount = money(charge, "amount_captured" if taken else "amount")
    return Charge(
        ref=ref(charge),
        told_at=told_at,
        state=state,
        amount=amount,
        taken_at=needed(moment(charge, "created"), "created"),
        customer=reference(charge, "customer"),
        named=named(charge),
        email=text(charge, "billing_details", "email") or text(charge, "receipt_email") or None,
        invoice=reference(charge, "invoice"),
        intent=reference(charge, "payment_intent"),
        # After a partial capture this may count what was let go as well: it then errs towards paying back too little.
        refunded_minor=minor(charge, amount.currency, "amount_refunded"),
        disputed=flag(charge, "disputed"),
        live=flag(charge, "livemode"),
        kind=API,
        fee_minor=_fee_minor(charge, amount.currency),
        detail=2,
    )


def _fee_minor(charge: JsonObject, currency: str) -> int | None:
    """What Stripe kept, where the balance transaction is told whole and is in the charge's own currency."""
    if not isinstance(charge.get("balance_transaction"), dict):
        return None
    booked = needed(child(charge, "balance_transaction"), "balance_transaction")
    if (text(booked, "currency") or "").upper() != currency:
        return None
    return minor(booked, currency, "fee")


def _charge_state(charge: JsonObject) -> ChargeState:
    status = needed(text(charge, "status"), "status")
    if status == "succeeded":
        return ChargeState.AUTHORISED if flag(charge, "captured") is False else ChargeState.TAKEN
    # A word that we do not know says nothing of money that came: it waits as pending.
    return ChargeState.FAILED if status == "failed" else ChargeState.PENDING


def payment_intent_facts(intent: JsonObject, told_at: datetime) -> tuple[Fact, ...]:
    """The charges inside an intent of an older API version; else, once it has succeeded, a mention of its charge,
    dated by the telling: an intent does not say when its charge was made."""
    listed = children(intent, "charges", "data")
    if listed:
        return tuple(fact for charge in listed for fact in charge_facts(charge, told_at))
    latest = reference(intent, "latest_charge")
    if latest is None or text(intent, "status") != "succeeded":
        return ()
    return (
        Charge(
            ref=Ref(PROVIDER, latest),
            told_at=told_at,
            state=ChargeState.TAKEN,
            amount=money(intent, "amount_received"),
            taken_at=told_at,
            customer=reference(intent, "customer"),
            named=named(intent),
            email=text(intent, "receipt_email") or None,
            invoice=reference(intent, "invoice"),
            intent=ref(intent).id,
            live=flag(intent, "livemode"),
            kind=API,
            detail=1,
        ),
    )


def refund_fact(refund: JsonObject, told_at: datetime) -> Refund:
    """The refund. One in a state that we do not know counts as on its way."""
    return Refund(
        ref=ref(refund),
        told_at=told_at,
        state=_REFUND_STATES.get(text(refund, "status") or "", RefundState.PENDING),
        amount=money(refund, "amount"),
        made_at=needed(moment(refund, "created"), "created"),
        charge=reference(refund, "charge"),
        intent=reference(refund, "payment_intent"),
        remedy=text(refund, "metadata", REMEDY) or None,
        reason=text(refund, "failure_reason") or None,
    )


def dispute_fact(dispute: JsonObject, told_at: datetime) -> Dispute:
    """The dispute. One in a state that we do not know is open, and so holds every remedy."""
    return Dispute(
        ref=ref(dispute),
        told_at=told_at,
        state=_DISPUTE_STATES.get(text(dispute, "status") or "", DisputeState.OPEN),
        amount=money(dispute, "amount"),
        opened_at=moment(dispute, "created"),
        charge=reference(dispute, "charge"),
        intent=reference(dispute, "payment_intent"),
    )


def credit_fact(transaction: JsonObject, told_at: datetime) -> Credit:
    """A transaction on a customer's balance as the credit it is; what the customer was debited is a negative one."""
    balance_change = money(transaction, "amount")
    return Credit(
        ref=ref(transaction),
        told_at=told_at,
        amount=Money(-balance_change.minor, balance_change.currency),
        made_at=needed(moment(transaction, "created"), "created"),
        customer=reference(transaction, "customer"),
        remedy=text(transaction, "metadata", REMEDY) or None,
    )


def note_credits(note: JsonObject, told_at: datetime) -> tuple[Credit, ...]:
    """What a credit note put on its customer's balance. makegood's own says which charge it makes good, that of others
    which invoice. Known by the balance's transaction, so that both tell of one and the same credit."""
    remedy, transaction = text(note, "metadata", REMEDY) or None, reference(note, "customer_balance_transaction")
    if transaction is None or text(note, "status") == "void":
        return ()
    whole, made_good = money(note, "amount"), charge_of_remedy(remedy or "")
    otherwise = [minor(one, whole.currency, "amount_refunded") for one in children(note, "refunds")]
    otherwise += [minor(note, whole.currency, name) for name in ("out_of_band_amount", "pre_payment_amount")]
    return (
        Credit(
            ref=Ref(PROVIDER, transaction),
            told_at=told_at,
            amount=Money(whole.minor - sum(part or 0 for part in otherwise), whole.currency),
            made_at=needed(moment(note, "created"), "created"),
            charge=made_good.id if made_good is not None else None,
            customer=reference(note, "customer"),
            invoice=reference(note, "invoice"),
            remedy=remedy,
        ),
    )


def named(source: JsonObject, *path: str) -> str | None:
    """The membership that the merchant put into the metadata at `path`."""
    return text(source, *path, "metadata", "membership") or None
