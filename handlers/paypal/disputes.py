"""Disputes: a case is one dispute for each transaction that it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers.paypal.instants import epoch_instant
from handlers.paypal.reading import PROVIDER, identity, moment, money, told, words
from handlers.strict_json import JsonObject, children, integer, needed
from reconcile.facts import Dispute, DisputeState, Ref
from reconcile.money import Money

_LOST = frozenset({"RESOLVED_BUYER_FAVOUR", "RESOLVED_WITH_PAYOUT", "ACCEPTED"})
_WON = frozenset({"RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED"})


def dispute(resource: JsonObject, told_at: datetime, _happened_at: datetime | None) -> tuple[Dispute, ...]:
    """A case of today's disputes API."""
    case = needed(identity(resource, "dispute_id"), "dispute_id")
    transactions = children(resource, "disputed_transactions")
    state = _state(resource)
    if len(transactions) <= 1:
        only = identity(transactions[0], "seller_transaction_id") if transactions else None
        whole = _one(resource, told_at, case, state)
        return (replace(whole, charge=only, amount=_amount(resource, state)),)
    # The case's amount is that of all its transactions together: of one it says nothing.
    charges = [needed(identity(each, "seller_transaction_id"), "seller_transaction_id") for each in transactions]
    return tuple(
        replace(_one(resource, told_at, f"{case}/{charge}", state), charge=charge) for charge in dict.fromkeys(charges)
    )


def risk_dispute(resource: JsonObject, told_at: datetime, _happened_at: datetime | None) -> tuple[Dispute, ...]:
    """A case as PayPal's oldest events tell of it, all numbers; it has just been opened."""
    case = needed(identity(resource, "dispute_id"), "dispute_id")
    return (
        Dispute(
            ref=Ref(PROVIDER, case),
            told_at=told_at,
            state=DisputeState.OPEN,
            amount=money(resource, "dispute_amount"),
            opened_at=epoch_instant(integer(resource, "dispute_creation_date")),
            charge=identity(resource, "seller_payment_id"),
        ),
    )


def _one(resource: JsonObject, told_at: datetime, ref_id: str, state: DisputeState) -> Dispute:
    opened_at = moment(resource, "create_time")
    return Dispute(ref=Ref(PROVIDER, ref_id), told_at=told(resource, told_at), state=state, opened_at=opened_at)


def _state(resource: JsonObject) -> DisputeState:
    if words(resource, "status") == "RESOLVED":
        outcome = words(resource, "dispute_outcome", "outcome_code")
        if outcome in _LOST:
            return DisputeState.LOST
        if outcome in _WON:
            return DisputeState.WON
        # Resolved, but nobody says for whom: it goes on holding what a person must look at.
        return DisputeState.OPEN
    inquiry = words(resource, "dispute_life_cycle_stage") == "INQUIRY"
    return DisputeState.INQUIRY if inquiry else DisputeState.OPEN


def _amount(resource: JsonObject, state: DisputeState) -> Money | None:
    refunded = money(resource, "dispute_outcome", "amount_refunded") if state is DisputeState.LOST else None
    return refunded or money(resource, "dispute_amount")
