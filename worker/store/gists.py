"""Gists: what the columns of a fact say of it and of all that bears on it, so that the screen needs to read no more.

A plain fact brings nothing into a judgement but what its columns say: a plain charge is money taken of this amount at
this time, for the period it states (if any); a plain subscription can charge and has no end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconcile.facts import Charge, ChargeState, Fact, Invoice, InvoiceReason, Subscription, SubscriptionState

_FORESEEN = frozenset({None, InvoiceReason.RENEWAL, InvoiceReason.FIRST})


@dataclass(frozen=True, slots=True)
class Gist:
    """Whether a fact is plain (None: not known), and the start of the period that it states."""

    plain: bool | None = None
    period_from: datetime | None = None


UNKNOWN = Gist()
_NOT_PLAIN = Gist(plain=False)
_PLAIN = Gist(plain=True)


def gist(fact: Fact, bills: Sequence[Invoice] = (), returned: Collection[Fact] = ()) -> Gist:
    """The gist of a fact, of a charge together with the invoices it paid and what was told of its money going back."""
    if isinstance(fact, Charge):
        return _of_charge(fact, bills) if not returned else _NOT_PLAIN
    if isinstance(fact, Subscription):
        ends = (fact.cancel_requested_at, fact.ends_at, fact.ended_at, fact.ended_by)
        return _PLAIN if fact.state is SubscriptionState.LIVE and ends == (None,) * 4 else _NOT_PLAIN
    return UNKNOWN


def _of_charge(charge: Charge, bills: Sequence[Invoice]) -> Gist:
    taken = charge.state is ChargeState.TAKEN and charge.amount.minor > 0
    if not taken or charge.tax_minor or charge.refunded_minor or charge.disputed or not all(map(_foreseen, bills)):
        return _NOT_PLAIN
    stated = {(charge.period_start, charge.period_end)}
    stated |= {(line.period_start, line.period_end) for bill in bills for line in bill.lines}
    stated -= {(None, None)}
    if not stated:
        return _PLAIN
    start, end = stated.pop()
    if stated or start is None or end is None or (end - start).days < 2:
        return _NOT_PLAIN
    return Gist(plain=True, period_from=start)


def _foreseen(bill: Invoice) -> bool:
    """Whether an invoice bills one line, for a reason that every roster foresees, and no tax."""
    one = len(bill.lines) <= 1 and not any(line.proration for line in bill.lines)
    return one and bill.reason in _FORESEEN and not bill.tax_minor
