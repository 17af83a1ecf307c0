"""Several tellings of one object are one fact. `merge` is commutative and associative over the set of tellings:
repetition and order of arrival cannot matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, TypeVar

from reconcile.facts import (
    Charge,
    ChargeState,
    Credit,
    Dispute,
    DisputeState,
    FailedPayment,
    Invoice,
    InvoicePayment,
    Refund,
    RefundState,
    Subscription,
    SubscriptionState,
)

F = TypeVar("F", Charge, Invoice, InvoicePayment, FailedPayment, Refund, Dispute, Subscription, Credit)

# Providers stamp whole seconds; of two tellings of one second the state that comes later in an object's life wins.
_LATER_IN_LIFE: dict[object, int] = {
    state: rank
    for states in (ChargeState, RefundState, DisputeState, SubscriptionState)
    for rank, state in enumerate(states)
}
_INVOICE_LIFE = {"draft": 0, "open": 1, "uncollectible": 2, "void": 3, "paid": 4}

# Fields whose None is a statement ("not any more"), not silence: the latest full telling decides.
_WITHDRAWABLE = frozenset({"cancel_requested_at", "ends_at"})


def merge(tellings: Iterable[F]) -> F:
    """The one fact that `tellings` (at least one, all of one object) tell: each field as the latest telling that
    speaks of it has it, the object's own tellings before mentions. Of one time the later state in life wins."""
    ordered = sorted(tellings, key=_precedence)
    latest = ordered[-1]
    merged: dict[str, Any] = {f.name: _latest_value(ordered, f.name) for f in fields(latest)}
    return replace(latest, **merged)


def _latest_value(ordered: list[F], name: str) -> object:
    for telling in reversed(ordered):
        value: object = getattr(telling, name)
        if name in _WITHDRAWABLE and telling.detail >= 2:
            return value
        if value is not None and value != ():
            return value
    return getattr(ordered[-1], name)


def _precedence(telling: F) -> tuple[int, datetime, int, str]:
    # A report line, or another object's mention, is coarse: it fills gaps and never outranks the object itself.
    state = getattr(telling, "state", None) or getattr(telling, "status", None)
    rank = _LATER_IN_LIFE.get(state, _INVOICE_LIFE.get(str(state), 0))
    return telling.detail, telling.told_at, rank, repr(telling)
