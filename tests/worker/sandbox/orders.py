"""Refunds to order."""

from __future__ import annotations

from handlers.gateway import RefundOrder
from reconcile.money import Money

CHARGES = {"charge": ("stripe", "ch_1", "USD"), "sale": ("paypal", "8XY1", "USD"), "capture": ("paypal", "3CF1", "JPY")}


def order(api: str, minor: int = 500, generation: int = 1) -> RefundOrder:
    """A refund of the bank's charge of that kind."""
    provider, charge, currency = CHARGES[api]
    remedy = f"remedy:{provider}:{charge}"
    return RefundOrder(charge, api, Money(minor, currency), f"{remedy}:{generation}", remedy)
