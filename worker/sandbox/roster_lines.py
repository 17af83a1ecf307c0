"""A made-up member as a line of the merchant's roster."""

from __future__ import annotations

from typing import Any

from worker.sandbox.merchant import Agreement, Member


def roster_line(member: Member) -> dict[str, Any]:
    """The membership as the merchant's roster states it."""
    plan = member.plan
    return {
        "membership": member.ref,
        "member": {"name": member.name, "email": member.email, "country": member.country},
        "started_on": member.started_on.isoformat(),
        "ended_on": None,
        "policy": list(member.policy),
        "plan": {
            "code": plan.code, "price": plan.price, "currency": plan.currency, "every": plan.every, "count": 1,
            "setup_fee": plan.setup_fee, "trial_days": plan.trial_days, "month_end": plan.month_end,
        },
        "changes": _changes(member),
        "notices": member.notices,
        "agreements": [_agreement_line(a) for a in member.agreements if a.listed],
    }  # fmt: skip


def _changes(member: Member) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = [
        {"kind": "price", "from": day.isoformat(), "price": price} for day, price in member.prices
    ]
    if member.yearly_from:
        day, price = member.yearly_from
        changes.append(
            {"kind": "plan", "from": day.isoformat(), "code": f"{member.plan.code}-year", "price": price,
             "every": "year", "count": 1}
        )  # fmt: skip
    changes += [{"kind": "quantity", "from": day.isoformat(), "quantity": n} for day, n in member.quantities]
    if member.discount:
        day, percent, periods = member.discount
        changes.append({"kind": "discount", "from": day.isoformat(), "percent": percent, "periods": periods})
    if member.pause:
        changes.append({"kind": "pause", "from": member.pause[0].isoformat(), "until": member.pause[1].isoformat()})
    changes += [{"kind": "agreed", "on": d.isoformat(), "amount": minor, "what": w} for d, minor, w in member.agreed]
    return changes


def _agreement_line(agreement: Agreement) -> dict[str, Any]:
    payer = "customer" if agreement.provider == "stripe" else "payer"
    line = {
        "provider": agreement.provider,
        "subscription": agreement.subscription,
        payer: agreement.customer,
        "from": agreement.since.isoformat(),
    }
    if agreement.until:
        line["until"] = agreement.until.isoformat()
    return line
