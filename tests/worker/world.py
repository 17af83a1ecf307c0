"""A small world for the store's tests: memberships and the facts of their charges, without provider words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
from sqlalchemy import select

from handlers.inbox import Envelope, MalformedDelivery, Translation
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
from worker import codec
from worker.judging import reconcile_all
from worker.runtime import Runtime
from worker.schema import deliveries as table
from worker.schema import metadata, wrapped_keys
from worker.store import deliveries, listings
from worker.store.roster import RosterRow, import_memberships
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


def charge(name: str, day: date, amount: Money = PRICE, provider: str = "stripe", **names: str) -> Charge:
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


class _Plain(msgspec.Struct):
    kind: str
    fact: msgspec.Raw


class PlainInbox:
    """A provider whose events are facts in plain JSON, so that a test says what it means."""

    def __init__(self, name: str) -> None:
        self.name = name

    def authenticate(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Envelope:
        raise NotImplementedError

    def envelope(self, body: bytes) -> Envelope:
        return Envelope(f"evt_{codec.digest(body.decode())[:16]}", "facts", at(START))

    def translate(self, body: bytes) -> Translation:
        if body == b"malformed":
            raise MalformedDelivery("data.object is missing")
        if body == b"bug":
            raise KeyError("secret@example.com")
        told = msgspec.json.decode(body, type=list[_Plain])
        facts = tuple(codec.fact_from_text(one.kind, bytes(one.fact).decode()) for one in told)
        return Translation(facts, None if facts else "nothing that concerns us")


def plain_inboxes(runtime: Runtime) -> Runtime:
    """The same product with providers that speak plain facts."""
    return replace(runtime, inboxes={name: PlainInbox(name) for name in ("stripe", "paypal")})


def body(*facts: Fact) -> bytes:
    return msgspec.json.encode([_Plain(codec.kind_of(fact), msgspec.Raw(codec.fact_to_text(fact))) for fact in facts])


def deliver(runtime: Runtime, *bodies: bytes, event_ids: Sequence[str] = ()) -> None:
    """Keep deliveries as the receiver does."""
    rows = []
    for n, text in enumerate(bodies):
        envelope = runtime.inboxes["stripe"].envelope(text)
        if event_ids:
            envelope = replace(envelope, event_id=event_ids[n])
        rows.append(deliveries.NewDelivery("stripe", envelope, text, "webhook", runtime.clock()))
    with runtime.engine.begin() as conn:
        deliveries.record(conn, runtime.keyring, rows)


def take_in(runtime: Runtime, *rows: RosterRow) -> None:
    with runtime.engine.begin() as conn:
        import_memberships(conn, runtime.keyring, rows, runtime.clock())


def listed(runtime: Runtime, as_of: date) -> bytes:
    """The listings, byte for byte, after judging at one date."""
    reconcile_all(runtime, as_of)
    with runtime.engine.begin() as conn:
        rows = [*listings.findings(conn), *listings.remedies(conn)]
    return b"\n".join(msgspec.json.encode(one) for one in rows)


def wipe(runtime: Runtime) -> None:
    """An empty database again, but for the keys."""
    with runtime.engine.begin() as conn:
        for one in metadata.sorted_tables:
            if one is not wrapped_keys:
                conn.execute(one.delete())


def states(runtime: Runtime) -> dict[str, tuple[str, int]]:
    """Each delivery's state and attempts, by event id."""
    c = table.c
    with runtime.engine.begin() as conn:
        rows = conn.execute(select(c.event_id, c.state, c.attempts)).all()
    return {event_id: (state, attempts) for event_id, state, attempts in rows}
