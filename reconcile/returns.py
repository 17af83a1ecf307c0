"""What of a charge went back: refunds, disputes and credits put to the charge they are about, and added up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from reconcile.binding import Paid
from reconcile.facts import Charge, ChargeState, Credit, Dispute, DisputeState, Ref, Refund, RefundState
from reconcile.ledger import Ledger
from reconcile.stints import local_date


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What of a charge went back, in minor units: by other hands (dashboard, chargeback) and by makegood's remedies.
    Money on its way counts as gone; a failed refund does not. `last_on` is the date of the latest of it."""

    elsewhere: int = 0
    ours: int = 0
    ours_pending: int = 0
    last_on: date | None = None

    @property
    def total(self) -> int:
        return self.elsewhere + self.ours


@dataclass(frozen=True, slots=True)
class Returns:
    """Everything told about one charge's money going back."""

    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    credits: tuple[Credit, ...] = ()


_ALL_THERE = GivenBack()


def returns(ledger: Ledger) -> dict[Ref, Returns]:
    """What is told of each charge's money going back. A refund or dispute may name only the payment intent."""
    if not (ledger.refunds or ledger.disputes or ledger.credits):
        return {}
    by_intent = {
        (b.charge.ref.provider, b.charge.intent): b.charge.ref for b in ledger.charges if b.charge.intent is not None
    }
    by_invoice = _paying_alone(ledger) if any(credit.invoice for credit in ledger.credits) else {}
    found: dict[Ref, Returns] = {}
    told: list[Refund | Dispute | Credit] = [*ledger.refunds, *ledger.disputes, *ledger.credits]
    for fact in sorted(told, key=lambda f: f.ref):
        provider = fact.charge_provider or fact.ref.provider if isinstance(fact, Credit) else fact.ref.provider
        if fact.charge:
            ref: Ref | None = Ref(provider, fact.charge)
        elif isinstance(fact, Credit):
            ref = by_invoice.get((provider, fact.invoice or ""))
        else:
            ref = by_intent.get((provider, fact.intent or ""))
        if ref is None:
            continue
        held = found.get(ref, Returns())
        match fact:
            case Refund():
                found[ref] = replace(held, refunds=(*held.refunds, fact))
            case Dispute():
                found[ref] = replace(held, disputes=(*held.disputes, fact))
            case Credit():
                found[ref] = replace(held, credits=(*held.credits, fact))
    return found


def _paying_alone(ledger: Ledger) -> dict[tuple[str, str], Ref]:
    """The charge that paid each invoice; none where several did: of those a credit note does not say which it means."""
    paid = Paid.by((*ledger.invoices, *ledger.invoice_payments))
    payers: dict[tuple[str, str], set[Ref]] = {}
    for bound in ledger.charges:
        charge = bound.charge
        bills = {bill.ref.id for bill in paid.of(charge)} | ({charge.invoice} if charge.invoice else set())
        for bill in bills if charge.state is ChargeState.TAKEN else ():
            payers.setdefault((charge.ref.provider, bill), set()).add(charge.ref)
    return {bill: next(iter(refs)) for bill, refs in payers.items() if len(refs) == 1}


def given_back(charge: Charge, returns: Returns, zone: str, as_of: date) -> GivenBack:
    """What went back of a charge by the end of `as_of`.

    Refunds are known singly and as the total that the charge states: of what is older than that statement the greater
    counts. A lost dispute and the reversal that carries it out are one and the same money.
    """
    if not (charge.refunded_minor or returns.refunds or returns.disputes or returns.credits):
        return _ALL_THERE
    known = [r for r in returns.refunds if local_date(r.made_at, zone) <= as_of]
    standing = [r for r in known if r.state is not RefundState.FAILED]
    credited = [c for c in returns.credits if local_date(c.made_at, zone) <= as_of]
    ours = [r for r in standing if r.remedy is not None]
    by_hand = [r for r in standing if r.remedy is None and not r.reversal]
    reversed_minor = sum(r.amount.minor for r in standing if r.remedy is None and r.reversal)
    lost = [d for d in returns.disputes if d.state is DisputeState.LOST]
    charged_back = max(reversed_minor, sum((d.amount or charge.amount).minor for d in lost))
    stated = _stated_elsewhere(charge, known, ours, zone, as_of)
    before = sum(r.amount.minor for r in by_hand if r.made_at <= charge.told_at)
    after = sum(r.amount.minor for r in by_hand if r.made_at > charge.told_at)
    our_minor = sum(r.amount.minor for r in ours) + sum(c.amount.minor for c in credited if c.remedy is not None)
    by_note = sum(c.amount.minor for c in credited if c.remedy is None)
    elsewhere = min(max(before, stated) + after + by_note + charged_back, max(charge.amount.minor - our_minor, 0))
    pending = sum(r.amount.minor for r in ours if r.state is RefundState.PENDING)
    moments = [r.made_at for r in standing] + [d.told_at for d in lost] + [c.made_at for c in credited]
    if stated > before:
        moments.append(charge.told_at)
    last_on = max((local_date(at, zone) for at in moments), default=None)
    return GivenBack(elsewhere, our_minor, pending, last_on)


def _stated_elsewhere(charge: Charge, known: list[Refund], ours: list[Refund], zone: str, as_of: date) -> int:
    """What the charge itself states as given back, without our own refunds that were in it, and without refunds that
    failed only after it was stated. A statement later than `as_of` says nothing of that day."""
    if charge.refunded_minor is None or local_date(charge.told_at, zone) > as_of:
        return 0
    our_part = sum(r.amount.minor for r in ours if r.made_at <= charge.told_at)
    failed_since = sum(
        r.amount.minor for r in known if r.state is RefundState.FAILED and r.made_at <= charge.told_at < r.told_at
    )
    return max(charge.refunded_minor - our_part - failed_since, 0)
