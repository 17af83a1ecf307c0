"""From a Stripe event, or a bare API object, to facts. What an object tells depends on the object and the time of the
telling alone, so that a webhook, a back-fill and a look before a refund tell the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from handlers.inbox import Translation
from handlers.strict_json import JsonObject, child, children, flag, needed, text
from handlers.stripe.charges import charge_facts, dispute_fact, note_credits, payment_intent_facts, refund_fact
from handlers.stripe.envelope import THIN_EVENT, read_envelope
from handlers.stripe.invoices import failed_payment, invoice_facts, invoice_payment_fact
from handlers.stripe.subscriptions import subscription_fact
from reconcile.facts import Fact

_FAMILIES = (
    "charge.",
    "credit_note.",
    "customer.subscription.",
    "invoice.",
    "invoice_payment.",
    "payment_intent.",
    "refund.",
)
_TELLS_NOTHING = {
    "invoice.upcoming": "a preview: this invoice does not exist yet",
    "invoice.deleted": "a draft was deleted: it never billed anything",
}


def translate_event(event: JsonObject) -> Translation:
    """The facts of one event, dated by the event; what tells nothing of money or agreements is passed over."""
    envelope = read_envelope(event)
    if text(event, "object") == THIN_EVENT:
        return Translation(passed_over="a thin event: it names an object and tells nothing of it")
    reason = _TELLS_NOTHING.get(envelope.event_type)
    if reason is None and not envelope.event_type.startswith(_FAMILIES):
        reason = "tells nothing of money or agreements"
    if reason is not None:
        return Translation(passed_over=reason)
    told = needed(child(event, "data", "object"), "data", "object")
    facts = facts_of(told, envelope.occurred_at)
    if envelope.event_type == "invoice.payment_failed":
        facts = (*facts, failed_payment(told, envelope.occurred_at))
    return Translation(facts) if facts else Translation(passed_over="tells of no money that moved")


def facts_of(told: JsonObject, told_at: datetime) -> tuple[Fact, ...]:
    """The facts of one API object of any version; none for a kind that we do not keep. Raises MalformedDelivery."""
    tell = _TELLERS.get(text(told, "object") or "")
    # Of a deleted object (only drafts can be) nothing is left but its id.
    return () if tell is None or flag(told, "deleted") else tell(told, told_at)


def _credit_note_facts(credit_note: JsonObject, told_at: datetime) -> tuple[Fact, ...]:
    # Refunds named by id come as their own events, with their state; only expanded ones can be told from here.
    expanded = (refund for entry in children(credit_note, "refunds") if (refund := _expanded(entry)))
    return (*(refund_fact(refund, told_at) for refund in expanded), *note_credits(credit_note, told_at))


def _expanded(entry: JsonObject) -> JsonObject | None:
    return child(entry, "refund") if isinstance(entry.get("refund"), dict) else None


_TELLERS: dict[str, Callable[[JsonObject, datetime], tuple[Fact, ...]]] = {
    "charge": charge_facts,
    "credit_note": _credit_note_facts,
    "dispute": lambda told, at: (dispute_fact(told, at),),
    "invoice": invoice_facts,
    "invoice_payment": lambda told, at: (invoice_payment_fact(told, at),),
    "payment_intent": payment_intent_facts,
    "refund": lambda told, at: (refund_fact(told, at),),
    "subscription": lambda told, at: (subscription_fact(told, at),),
}
