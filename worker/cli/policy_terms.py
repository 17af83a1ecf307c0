"""What a clause asks of a claim, in words."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.policy import Late, Need, Terms

_NEEDS = {
    Need.EVIDENCE: "evidence",
    Need.INVOICE: "the invoice number",
    Need.FROM_EMAIL: "to come from the address that was used to buy",
    Need.EXPLANATION: "an explanation",
    Need.SUPPORT: "support to have been contacted before",
    Need.BY_EMAIL: "to come by e-mail",
    Need.GROUNDS: "its grounds",
}


def terms_in_words(terms: Terms) -> Iterator[str]:
    """One sentence a condition."""
    if terms.within_days is not None:
        later = "; later ones are refused" if terms.late is Late.BAR or terms.limits else ""
        yield f"claims up to day {terms.within_days} after the purchase (day 0){later}"
    if terms.after_days is not None:
        yield f"only claims after day {terms.after_days} after the purchase (day 0)"
    if terms.needs:
        yield f"a claim needs {', '.join(_NEEDS[need] for need in terms.needs)}; what is missing is asked for"
    if terms.repair_hours is not None:
        yield f"the merchant has {terms.repair_hours} hours from the first complaint to repair"
    if terms.except_plans:
        yield f"not for the plans {', '.join(terms.except_plans)}"
    if terms.unless_named:
        yield f"not where the claim names {', '.join(terms.unless_named)}: a person decides"
    if terms.bear_fees:
        yield "the provider's fee on the charge is taken off"
    if terms.follows is not None:
        yield f"for charges after a refund under {terms.follows}"
