"""The words in which scenarios are told: memberships, charges and what happened to them. Amounts in US cents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from config import policies
from reconcile.facts import (
    Charge,
    ChargeState,
    Credit,
    Dispute,
    DisputeState,
    EndedBy,
    Fact,
    FailedPayment,
    Invoice,
    InvoiceLine,
    InvoiceReason,
    Ref,
    Refund,
    RefundState,
    Subscription,
    SubscriptionState,
)
from reconcile.judgement import reconcile
from reconcile.ledger import BoundBy, BoundCharge, Ledger
from reconcile.membership import Agreement, CancelNotice, Change, Channel, Every, Membership, Notice, Plan, Reactivation
from reconcile.money import Money
from reconcile.outcome import Finding, Outcome, Remedy, RemedyKind
from reconcile.policy import Rules

ZONE = ZoneInfo("America/Chicago")
DEFAULT = ("smartcalls", "voip-fulfillment")
STRIPE = Agreement("stripe", subscription="sub_1", customer="cus_1")
PAYPAL = Agreement("paypal", subscription="I-1", payer="PAYER1")


@cache
def rules() -> Rules:
    public = holidays.country_holidays("US", years=range(2000, 2061))
    return Rules(policies.load(), holidays=frozenset(public.keys()))


def day(text: str) -> date:
    return date.fromisoformat(text)


def at(text: str) -> datetime:
    """`2024-03-08` (at ten in the morning) or `2024-03-08 23:59`, merchant's time."""
    when, _, clock = text.partition(" ")
    return datetime.combine(day(when), time.fromisoformat(clock or "10:00"), ZONE).astimezone(UTC)


def charge(
    on: str,
    amount: int = 9900,
    ref: str = "",
    *,
    provider: str = "stripe",
    currency: str = "USD",
    through: str | None = None,
    tax: int | None = None,
    period: tuple[str, str] | None = None,
    state: ChargeState = ChargeState.TAKEN,
    refunded: int | None = None,
) -> Charge:
    """A charge by the customer's id (or, with `through`, by a subscription)."""
    return Charge(
        Ref(provider, ref or f"ch_{on}_{amount}"),
        told_at=at(on),
        state=state,
        amount=Money(amount, currency),
        taken_at=at(on),
        subscription=through,
        customer="cus_1" if provider == "stripe" else None,
        payer="PAYER1" if provider == "paypal" else None,
        tax_minor=tax,
        period_start=at(f"{period[0]} 00:00") if period else None,
        period_end=at(f"{period[1]} 00:00") if period else None,
        refunded_minor=refunded,
        kind="charge" if provider == "stripe" else "sale",
    )


def refund(
    of: str,
    amount: int,
    on: str,
    *,
    provider: str = "stripe",
    state: RefundState = RefundState.SETTLED,
    remedy: str | None = None,
) -> Refund:
    return Refund(
        Ref(provider, f"re_{of}_{amount}_{on}"), at(on), state, Money(amount, "USD"), at(on), charge=of, remedy=remedy
    )


def dispute(of: str, on: str, state: DisputeState, amount: int = 9900, *, provider: str = "stripe") -> Dispute:
    return Dispute(Ref(provider, f"dp_{of}"), at(on), state, Money(amount, "USD"), at(on), charge=of)


def bill(of: str | None, on: str, *, total: int = 9900, paid: int = 9900, months: int = 1) -> Invoice:
    """A paid invoice for the period that begins on that day; `of` is the charge that paid it, if one did."""
    start = at(f"{on} 00:00")
    line = InvoiceLine(start, start + timedelta(days=30 * months), total)
    return Invoice(
        Ref("stripe", f"in_{of or on}"),
        start,
        status="paid",
        currency="USD",
        total_minor=total,
        paid_minor=paid,
        reason=InvoiceReason.RENEWAL,
        subscription="sub_1",
        charge=of,
        lines=(line,),
    )


def credit_note(of: str, amount: int, on: str) -> Credit:
    """A credit note that staff made on the bill of that charge: it went onto the customer's balance."""
    return Credit(
        Ref("stripe", f"cbtxn_{of}"), at(on), Money(amount, "USD"), at(on), customer="cus_1", invoice=f"in_{of}"
    )


def failed(on: str, *, provider: str = "paypal", subscription: str = "I-1") -> FailedPayment:
    return FailedPayment(
        Ref(provider, f"{subscription}:{on}"), at(on), at(on), Money(9900, "USD"), subscription=subscription
    )


def live(provider: str = "paypal", subscription: str = "I-1", since: str = "2023-01-01") -> Subscription:
    return Subscription(Ref(provider, subscription), at(since), SubscriptionState.LIVE, started_at=at(since))


def ended(
    on: str,
    provider: str = "paypal",
    subscription: str = "I-1",
    by: EndedBy = EndedBy.PERSON,
    state: SubscriptionState = SubscriptionState.ENDED,
) -> Subscription:
    return Subscription(
        Ref(provider, subscription),
        at(on),
        state,
        cancel_requested_at=at(on) if by is EndedBy.PERSON and state is SubscriptionState.ENDED else None,
        ended_at=at(on) if state is SubscriptionState.ENDED else None,
        ended_by=by if state is SubscriptionState.ENDED else None,
    )


def cancel(when: str, channel: Channel = Channel.EMAIL) -> CancelNotice:
    return CancelNotice(at(when), channel)


def reactivate(on: str) -> Reactivation:
    return Reactivation(day(on))


def monthly(
    start: str, until: str, amount: int = 9900, *, without: Sequence[str] = (), provider: str = "stripe"
) -> list[Charge]:
    """The charges a healthy monthly membership sees, one on each anniversary of `start` up to `until` (exclusive)."""
    first, month = day(start), 0
    charges: list[Charge] = []
    while True:
        total = first.year * 12 + first.month - 1 + month
        due = date(total // 12, total % 12 + 1, min(first.day, 28))
        if due >= day(until):
            return charges
        if due.isoformat() not in without:
            charges.append(
                charge(due.isoformat(), amount, provider=provider, through="I-1" if provider == "paypal" else None)
            )
        month += 1


@dataclass(frozen=True)
class Story:
    """One membership's story and the day on which it is judged."""

    started: str = "2024-01-08"
    price: int = 9900
    currency: str = "USD"
    every: Every = Every.MONTH
    setup_fee: int = 0
    trial_days: int = 0
    policy: tuple[str, ...] = DEFAULT
    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()
    agreements: tuple[Agreement, ...] = (STRIPE, PAYPAL)
    facts: tuple[Fact, ...] = ()
    as_of: str = "2024-12-31"
    by: BoundBy = BoundBy.CUSTOMER
    ended_on: str | None = None
    complete: bool = True
    stated_by_provider: bool = False
    rules: Rules = field(default_factory=rules)

    @property
    def membership(self) -> Membership:
        plan = Plan(
            Money(self.price, self.currency), self.every, setup_fee_minor=self.setup_fee, trial_days=self.trial_days
        )
        return Membership(
            "M-1",
            day(self.started),
            plan,
            self.policy,
            changes=self.changes,
            notices=self.notices,
            agreements=self.agreements,
            ended_on=day(self.ended_on) if self.ended_on else None,
            stated_by_provider=self.stated_by_provider,
        )

    def ledger(self, *more: Fact) -> Ledger:
        facts = (*self.facts, *more)
        charges = (f for f in facts if isinstance(f, Charge))
        return Ledger(
            self.membership,
            tuple(BoundCharge(c, BoundBy.SUBSCRIPTION if c.subscription else self.by) for c in charges),
            invoices=tuple(f for f in facts if isinstance(f, Invoice)),
            credits=tuple(f for f in facts if isinstance(f, Credit)),
            failed_payments=tuple(f for f in facts if isinstance(f, FailedPayment)),
            refunds=tuple(f for f in facts if isinstance(f, Refund)),
            disputes=tuple(f for f in facts if isinstance(f, Dispute)),
            subscriptions=tuple(f for f in facts if isinstance(f, Subscription)),
            complete=self.complete,
        )

    def judged(self, *more: Fact) -> Outcome:
        return reconcile(self.ledger(*more), self.rules, day(self.as_of))

    def but(self, **changes: object) -> Story:
        return replace(self, **changes)  # type: ignore[arg-type]


def wrong(outcome: Outcome) -> list[str]:
    """The findings as finance would say them: kind, charge or renewal, excess, and what is done about it."""
    # The proposal to cancel an agreement stands beside the refund of a charge, never in its place.
    ordered = sorted(outcome.remedies, key=lambda r: r.kind is not RemedyKind.CANCEL_AGREEMENT)
    remedies = {r.finding: r for r in ordered}
    return [_said(f, remedies.get(f.key)) for f in outcome.findings]


def _said(finding: Finding, remedy: Remedy | None) -> str:
    subject = finding.charge.id if finding.charge else str(finding.renewal or finding.agreement or "")
    parts = [str(finding.kind), subject]
    if finding.excess is not None:
        parts.append(str(finding.excess.minor))
    if remedy is not None:
        amount = "" if remedy.amount is None else f" {remedy.amount.minor}"
        why = f" ({remedy.held_because})" if remedy.held_because else ""
        clause = f" {remedy.clause}" if remedy.clause else ""
        parts.append(f"-> {remedy.kind}{amount} {remedy.state}{why}{clause}")
    return " ".join(part for part in parts if part)
