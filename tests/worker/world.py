"""A small world for the store's tests: memberships and the facts of their charges, without provider words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from reconcile.facts import (
    Charge,
    ChargeState,
    Dispute,
    DisputeState,
    Fact,
    Invoice,
    InvoicePayment,
    Ref,
    Refund,
    RefundState,
    Subscription,
    SubscriptionState,
)
from reconcile.membership import Agreement, Membership, Plan
from reconcile.money import Money
from worker.store.roster import RosterRow
from worker.store.tellings import Told

PRICE = Money(9900, "USD")
START = date(2026, 1, 8)


def at(day: date, hour: int = 18) -> datetime:
    """A moment of a day that is the same day in Chicago."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def month(n: int) -> date:
    """The n-th renewal of a membership that started on START."""
    return date(2026, 1 + n, 8)


def row(ref: str = "M-1", *agreements: Agreement, email: str | None = None) -> RosterRow:
    """A membership of 99.00 USD a month since START."""
    membership = Membership(ref, START, Plan(PRICE), ("smartcalls", "voip-fulfillment"), agreements=agreements)
    return RosterRow(membership, {"email": email} if email else None)


def stripe(n: int = 1, **names: str | None) -> Agreement:
    return replace(Agreement("stripe", f"sub_{n}", f"cus_{n}"), **names)  # type: ignore[arg-type] # names of texts


def charge(name: str, day: date, amount: Money = PRICE, provider: str = "stripe", **names: str | None) -> Charge:
    """Money taken on a day. `names` are how it may find its membership."""
    made = Charge(Ref(provider, name), at(day), ChargeState.TAKEN, amount, at(day), detail=2)
    return replace(made, **names)  # type: ignore[arg-type] # names of texts


def refund(name: str, day: date, of: Charge, minor: int, state: RefundState = RefundState.SETTLED) -> Refund:
    return Refund(Ref(of.ref.provider, name), at(day), state, Money(minor, of.amount.currency), at(day), of.ref.id)


def dispute(name: str, day: date, of: Charge, state: DisputeState = DisputeState.OPEN) -> Dispute:
    return Dispute(Ref(of.ref.provider, name), at(day), state, of.amount, at(day), of.ref.id)


def subscription(name: str, day: date = START, **names: str | None) -> Subscription:
    made = Subscription(Ref("stripe", name), at(day), SubscriptionState.LIVE, started_at=at(day))
    return replace(made, **names)  # type: ignore[arg-type] # names of texts


def invoice(name: str, day: date, **names: str | None) -> Invoice:
    made = Invoice(Ref("stripe", name), at(day), "paid", "USD", PRICE.minor, PRICE.minor)
    return replace(made, **names)  # type: ignore[arg-type] # names of texts


def payment(name: str, day: date, of: str, intent: str) -> InvoicePayment:
    return InvoicePayment(Ref("stripe", name), at(day), of, intent=intent, amount_minor=PRICE.minor, status="paid")


def told(*facts: Fact, source: str = "webhook") -> list[Told]:
    return [Told(fact, source) for fact in facts]


def later(day: date, days: int) -> date:
    return day + timedelta(days)
