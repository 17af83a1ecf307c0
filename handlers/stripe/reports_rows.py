"""Rows of Stripe's reports, as facts. What an id begins with tells what it is an id of: ch_ and py_ a charge, re_ and
pyr_ a refund, dp_ and du_ a dispute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from handlers.reports import DETAIL, ReportRow, Row, shown
from handlers.stripe.charges import API, REMEDY
from handlers.stripe.reading import PROVIDER
from handlers.stripe.reports_cells import flagged, maybe_id, moment, money
from reconcile.facts import Charge, ChargeState, Dispute, DisputeState, Ref, Refund, RefundState
from reconcile.money import Money

_CHARGES, _REFUNDS, _DISPUTES = ("ch_", "py_"), ("re_", "pyr_"), ("dp_", "du_")


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of report: the reader's names of its headings; the columns it cannot do without, with the heading that
    is expected for each; how a row is read."""

    headings: Mapping[str, str]
    needed: Mapping[str, str]
    read: Callable[[Row], ReportRow]


def _activity(row: Row) -> ReportRow:
    """A line of the balance: `source` is what moved it."""
    source = maybe_id(row, "source") or ""
    category = row.text("category").lower()
    if source.startswith(_CHARGES) and category in _CHARGE_STATES:
        return ReportRow(row.line, (_charge(row, source, _CHARGE_STATES[category]),))
    if source.startswith(_REFUNDS) and category in _REFUND_STATES:
        return ReportRow(row.line, (_refund(row, source, _REFUND_STATES[category]),))
    if source.startswith(_DISPUTES):
        return ReportRow(row.line, (_dispute(row, source),))
    if category in _REFUND_STATES:
        # Under any other id the refund would count twice as soon as Stripe itself tells of it.
        return ReportRow(row.line, passed_over="a refund without an id of its own")
    return ReportRow(row.line, passed_over=f"{category or 'no category'}: no charge, refund or dispute")


_CHARGE_STATES = {
    "charge": ChargeState.TAKEN,
    "payment": ChargeState.TAKEN,
    "charge_failure": ChargeState.FAILED,
    "payment_failure": ChargeState.FAILED,
}
_REFUND_STATES = {
    "refund": RefundState.SETTLED,
    "payment_refund": RefundState.SETTLED,
    "partial_capture_reversal": RefundState.SETTLED,
    "refund_failure": RefundState.FAILED,
    "payment_failure_refund": RefundState.FAILED,
}


def _charge(row: Row, charge: str, state: ChargeState) -> Charge:
    at = moment(row, "created")
    return Charge(
        ref=Ref(PROVIDER, charge),
        told_at=at,
        state=state,
        amount=_absolute(_customers(row)),
        taken_at=at,
        subscription=maybe_id(row, "subscription"),
        customer=maybe_id(row, "customer"),
        named=_metadata(row, "payment", "membership"),
        email=row.maybe("email"),
        invoice=maybe_id(row, "invoice"),
        intent=maybe_id(row, "intent"),
        kind=API,
        fee_minor=_fee(row, "currency", _customers(row).currency),
        detail=DETAIL,
    )


def _fee(row: Row, booked: str, currency: str) -> int | None:
    """What Stripe kept: it is booked in the currency of the balance, and says nothing where the charge has another."""
    if not row.text("fee"):
        return None
    kept = money(row, "fee", booked)
    return abs(kept.minor) if kept.currency == currency else None


def _refund(row: Row, refund: str, state: RefundState) -> Refund:
    at = moment(row, "created")
    return Refund(
        ref=Ref(PROVIDER, refund),
        told_at=at,
        state=state,
        amount=_absolute(_customers(row)),
        made_at=at,
        charge=maybe_id(row, "charge"),
        intent=maybe_id(row, "intent"),
        remedy=_metadata(row, "refund", REMEDY),
        detail=DETAIL,
    )


def _dispute(row: Row, dispute: str) -> Dispute:
    """Money withdrawn for a dispute, or given back: how a lost one ended, a balance never says."""
    at, amount = moment(row, "created"), _customers(row)
    returned = row.text("category").lower() == "dispute_reversal" or amount.minor > 0
    return Dispute(
        ref=Ref(PROVIDER, dispute),
        told_at=at,
        state=DisputeState.WON if returned else DisputeState.OPEN,
        amount=_absolute(amount),
        # The reversal's own time is not when the dispute was opened.
        opened_at=None if returned else at,
        charge=maybe_id(row, "charge"),
        intent=maybe_id(row, "intent"),
        detail=DETAIL,
    )


def _customers(row: Row) -> Money:
    """What the customer saw; the balance's own currency only where the report does not say it."""
    if row.text("customer_facing_amount") and row.text("customer_facing_currency"):
        return money(row, "customer_facing_amount", "customer_facing_currency")
    return money(row, "gross", "currency")


def _metadata(row: Row, of: str, key: str) -> str | None:
    # The reports API writes payment_metadata[key], the dashboard "key (metadata)".
    bare = key.replace("_", " ")
    return row.maybe(f"{of} metadata[{bare}]") or row.maybe(f"{bare} (metadata)") or row.maybe(f"metadata[{bare}]")


def _absolute(amount: Money) -> Money:
    return Money(abs(amount.minor), amount.currency)


def _payment(row: Row) -> ReportRow:
    """A line of the payments export: one charge, as it stands at the time of the export."""
    charge = maybe_id(row, "id") or ""
    if not charge.startswith(_CHARGES):
        return ReportRow(row.line, passed_over="a payment without a charge")
    word = row.text("status").lower().replace("_", " ")
    state = _PAYMENT_STATES.get(word)
    if state is None and not word.startswith("requires "):
        raise row.bad("status", f"a status such as Paid, Refunded or Failed is expected, not {shown(word)}")
    if state is ChargeState.TAKEN and flagged(row, "captured") is False:
        state = ChargeState.AUTHORISED
    amount = money(row, "amount", "currency")
    return ReportRow(row.line, (_paid(row, charge, state or ChargeState.PENDING, amount),))


_PAYMENT_STATES = {
    "paid": ChargeState.TAKEN,
    "succeeded": ChargeState.TAKEN,
    "refunded": ChargeState.TAKEN,
    "partially refunded": ChargeState.TAKEN,
    "partial refund": ChargeState.TAKEN,
    "disputed": ChargeState.TAKEN,
    "uncaptured": ChargeState.AUTHORISED,
    "pending": ChargeState.PENDING,
    "processing": ChargeState.PENDING,
    "incomplete": ChargeState.PENDING,
    "failed": ChargeState.FAILED,
    "blocked": ChargeState.FAILED,
    "canceled": ChargeState.FAILED,
    "cancelled": ChargeState.FAILED,
}


_NO_DISPUTE = frozenset({"", "won", "warning_closed", "warning closed", "prevented"})


def _paid(row: Row, charge: str, state: ChargeState, amount: Money) -> Charge:
    at = moment(row, "created")
    refunded = money(row, "refunded", "currency").minor if row.text("refunded") else None
    mode = row.text("mode").lower()
    return Charge(
        ref=Ref(PROVIDER, charge),
        told_at=_stated_at(row, at),
        state=state,
        amount=amount,
        taken_at=at,
        subscription=maybe_id(row, "subscription"),
        customer=maybe_id(row, "customer"),
        named=_metadata(row, "payment", "membership"),
        email=row.maybe("email"),
        invoice=maybe_id(row, "invoice"),
        intent=maybe_id(row, "intent"),
        refunded_minor=refunded,
        # The export names no dispute's id. That one was lost, or goes on, the charge itself can tell.
        disputed=True if row.text("dispute").lower() not in _NO_DISPUTE else None,
        live={"live": True, "test": False}.get(mode),
        kind=API,
        fee_minor=_fee(row, "converted_currency" if row.text("converted_currency") else "currency", amount.currency),
        detail=DETAIL,
    )


def _stated_at(row: Row, created: datetime) -> datetime:
    """When it was as the row says: the file does not tell when it was made, so the last thing that it tells of."""
    told = [moment(row, name) for name in ("refunded_at", "disputed_at") if row.text(name)]
    return max([created, *told])


_OF_A_CHARGE = {
    "Customer ID": "customer",
    "customer_id": "customer",
    "Customer Email": "email",
    "customer_email": "email",
    "Invoice ID": "invoice",
    "invoice_id": "invoice",
    "PaymentIntent ID": "intent",
    "Payment Intent ID": "intent",
    "payment_intent_id": "intent",
    "Subscription ID": "subscription",
    "subscription_id": "subscription",
    "Created (UTC)": "created",
    "Created date (UTC)": "created",
    "created_utc": "created",
    "Currency": "currency",
}

ACTIVITY = Form(
    headings={
        **_OF_A_CHARGE,
        "source_id": "source",
        "Source": "source",
        "reporting_category": "category",
        "Type": "category",
        "gross": "gross",
        "Amount": "gross",
        "charge_id": "charge",
        "fee": "fee",
        "Fee": "fee",
        "customer_facing_amount": "customer_facing_amount",
        "customer_facing_currency": "customer_facing_currency",
    },
    needed={
        "source": "source_id",
        "category": "reporting_category",
        "gross": "gross",
        "currency": "currency",
        "created": "created_utc",
    },
    read=_activity,
)
PAYMENTS = Form(
    headings={
        **_OF_A_CHARGE,
        "id": "id",
        "Amount": "amount",
        "Amount Refunded": "refunded",
        "Fee": "fee",
        "Converted Currency": "converted_currency",
        "Status": "status",
        "Captured": "captured",
        "Mode": "mode",
        "Refunded date (UTC)": "refunded_at",
        "Dispute Status": "dispute",
        "Dispute Date (UTC)": "disputed_at",
    },
    needed={
        "id": "id",
        "amount": "Amount",
        "status": "Status",
        "currency": "Currency",
        "created": "Created date (UTC)",
    },
    read=_payment,
)
