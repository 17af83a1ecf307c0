"""A bundle in words: what its clauses come to, and what they ask of a claim."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from reconcile.policy import Bundle, Clause, Force, Late, Need, Terms, When

WIDTH = 100

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


def page(bundle: Bundle) -> Iterator[str]:
    """The bundle in words, line by line."""
    since = f"in force from {bundle.effective}" if bundle.effective else "undated: in force from the beginning"
    heading = f"{bundle.title}"
    yield heading
    yield "=" * len(heading)
    yield f"bundle {bundle.name}, version {bundle.version}, {since}"
    yield ""
    yield "Rules"
    for label, told in rules_in_words(bundle):
        yield fill(f"  {label:<13} {told}", WIDTH, subsequent_indent=" " * 16)
    yield ""
    yield "Clauses"
    for clause in bundle.clauses:
        yield ""
        yield f"{clause.id}  {clause.heading}"
        yield fill(clause.says, WIDTH, initial_indent="    ", subsequent_indent="    ")
        yield fill(f"=> {effect(clause, bundle)}", WIDTH, initial_indent="    ", subsequent_indent="       ")
        for term in terms_in_words(clause.terms):
            yield fill(term, WIDTH, initial_indent="       ", subsequent_indent="       ")
    if bundle.remarks:
        yield ""
        yield "How it is read"
        for remark in bundle.remarks:
            yield fill(remark, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    yield ""


def rules_in_words(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """The rules that the bundle sets beside its clauses: what about, and what it says."""
    notice = bundle.notice
    if notice is None:
        yield "notice", "no rule about notices"
    elif notice.business_days:
        told = f"{notice.business_days} business days before the anniversary, or one renewal is still owed"
        yield "notice", f"{told} ({notice.clause})"
    else:
        yield "notice", f"binds at the end of the running cycle ({notice.clause})"
    for label, clause, told in _duties(bundle)[1:]:
        yield label, f"{told} ({clause})" if clause else "no rule"
    if bundle.left_open:
        yield "left open", f"{', '.join(bundle.left_open)}: another bundle of the membership decides, else a person"


def _duties(bundle: Bundle) -> tuple[tuple[str, str | None, str], ...]:
    """The rules that a bundle sets by naming a clause: their label, the clause, what it comes to."""
    return (
        ("notice", bundle.notice.clause if bundle.notice else None, ""),
        ("in writing", bundle.written, "a notice by telephone does not bind"),
        ("set-up fee", bundle.setup_once, "owed once in a membership's life"),
        ("confirmation", bundle.confirmation, "an agreement still live after the end is a finding"),
    )


_FORCES = {
    Force.SHALL: "is made by itself",
    Force.MAY: "is prepared and waits for a person's approval",
}
_WHENS = {
    When.ALWAYS: "",
    When.BREACH: " after an end for a breach or non-payment",
    When.UNLAWFUL: " after an end for unlawful use",
    When.PAID_YEAR: " of a charge that paid a year",
    When.PART_MONTH: " of a charge that paid less than a year",
}
_AMOUNTS = {
    "overcharged": "of what was taken above what was owed",
    "full_charge": "of the whole charge",
    "unused_days": "of the unused days",
    "disrupted_days": "of the disrupted days",
}


def effect(clause: Clause, bundle: Bundle) -> str:
    """What the clause comes to, in one sentence."""
    when = _WHENS[clause.when]
    about = "anything that no clause names" if clause.general else ", ".join(sorted(clause.covers))
    if clause.terms.limits:
        return "limits every claim under this bundle that is no billing error"
    if not speaks(clause):
        above = [label for label, named, _ in _duties(bundle) if named == clause.id]
        rule = f"the rule above on {' and '.join(above)}" if above else "states a rule"
        return f"{rule}; grants and bars nothing by itself"
    if clause.force is Force.BAR:
        spared = "; no bar to putting a billing error right" if clause.general else ""
        return f"on {about}{when}: nothing is paid (bar){spared}"
    if clause.remedy == "review":
        return f"on {about}{when}: a person decides"
    remedy = str(clause.remedy).replace("_", " ")
    amount = _AMOUNTS.get(clause.amount, "")
    return " ".join(f"on {about}{when}: a {remedy} {amount} {_FORCES[clause.force]} ({clause.force})".split())


def speaks(clause: Clause) -> bool:
    """Whether a clause decides anything by itself."""
    return bool(clause.covers) or clause.general
