"""The one door: `reconcile(ledger, rules, as_of) -> Outcome`."""

from __future__ import annotations

from datetime import date

from reconcile.ledger import Ledger, StrayCharge
from reconcile.outcome import Finding, Outcome, Remedy
from reconcile.policy import Rules


def reconcile(ledger: Ledger, rules: Rules, as_of: date) -> Outcome:
    """Judge one membership on everything known at the end of `as_of` (merchant's zone)."""
    raise NotImplementedError("in work")


def judge_stray(stray: StrayCharge, rules: Rules, as_of: date) -> tuple[Finding, Remedy] | None:
    """Judge a charge that belongs to no membership; None while it took no money or is later than `as_of`."""
    raise NotImplementedError("in work")
