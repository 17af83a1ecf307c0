"""A membership as a roster row: what `worker/roster/row.py` reads, written."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.membership import (
    Agreed,
    Agreement,
    CancelNotice,
    Change,
    Discount,
    Membership,
    Notice,
    Pause,
    Plan,
    PlanChange,
    PriceChange,
    QuantityChange,
    Reactivation,
)
from worker.schema import Row
from worker.tables import utc


def as_row(membership: Membership, member: Mapping[str, object] | None) -> Row:
    """The row, its keys in their documented order; read again it gives the same membership. `member` is what is told of
    the person."""
    return {
        "membership": membership.ref,
        "member": None if member is None else dict(member),
        "started_on": membership.started_on,
        "ended_on": membership.ended_on,
        "policy": list(membership.policy),
        "plan": _plan(membership.plan),
        "changes": [_change(change) for change in membership.changes],
        "notices": [_notice(notice) for notice in membership.notices],
        "agreements": [_agreement(agreement) for agreement in membership.agreements],
    }


def masked(member: Mapping[str, str]) -> dict[str, object]:
    """A member's fields as one may see them who needs not know them. `masked` is no key of a roster row: a row that was
    read so and is put back is refused, instead of overwriting an address by its mask."""
    name, email = member.get("name"), member.get("email")
    return {
        "name": None if name is None else " ".join(_first(part) for part in name.split()),
        "email": None if email is None else _address(email),
        "country": member.get("country"),
        "masked": True,
    }


def _address(email: str) -> str:
    local, _, domain = email.partition("@")
    host, _, top = domain.rpartition(".")
    return f"{_first(local)}@{_first(host)}.{top}" if host else f"{_first(local)}@{_first(top)}"


def _first(text: str) -> str:
    return f"{text[:1]}***"


def _plan(plan: Plan) -> Row:
    return {
        "code": plan.code,
        "price": plan.price.minor,
        "currency": plan.price.currency,
        "every": plan.every.value,
        "count": plan.count,
        "setup_fee": plan.setup_fee_minor,
        "trial_days": plan.trial_days,
        "month_end": plan.month_end.value,
    }


def _change(change: Change) -> Row:
    match change:
        case PriceChange():
            return {"kind": "price", "from": change.since, "price": change.price_minor}
        case PlanChange():
            plan = {"code": change.code, "price": change.price_minor, "every": change.every.value}
            return {"kind": "plan", "from": change.since, **plan, "count": change.count}
        case QuantityChange():
            return {"kind": "quantity", "from": change.since, "quantity": change.quantity}
        case Discount():
            whole, rest = divmod(change.percent_hundredths, 100)
            percent = change.percent_hundredths / 100 if rest else whole
            return {"kind": "discount", "from": change.since, "percent": percent, "periods": change.periods}
        case Pause():
            return {"kind": "pause", "from": change.since, "until": change.until}
        case Agreed():
            return {"kind": "agreed", "on": change.on, "amount": change.amount_minor, "what": change.what}


def _notice(notice: Notice) -> Row:
    match notice:
        case CancelNotice():
            return {"kind": "cancel", "at": utc(notice.at), "channel": notice.channel.value}
        case Reactivation():
            return {"kind": "reactivate", "on": notice.on}
        case _:
            return {"kind": "terminate", "on": notice.on, "reason": notice.reason}


def _agreement(agreement: Agreement) -> Row:
    return {
        "provider": agreement.provider,
        "customer": agreement.customer,
        "subscription": agreement.subscription,
        "payer": agreement.payer,
        "from": agreement.since,
        "until": agreement.until,
    }
