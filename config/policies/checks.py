"""What the shape cannot say: whether the clauses of one bundle make sense together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from config.policies.document import ClauseTable, Document
from config.policies.faults import Fault, Places
from reconcile.outcome import BILLING_ERRORS, FindingKind
from reconcile.policy import Basis, ClauseRemedy, Force, Late, When

# What a member may claim, as the contract lists it.
CLAIM_KINDS = (
    "billing_error",
    "service_disruption",
    "unused_period",
    "non_receipt",
    "invalid_number",
    "major_defect",
    "money_back",
    "technical_failure",
    "unauthorised",
    "third_party_incompatibility",
    "unlawful_use",
    "change_of_mind",
)
KINDS = frozenset(CLAIM_KINDS) | frozenset(FindingKind)
# Findings that a clause decides. Of the others the core says what is to be done, whatever a bundle holds.
_FOLLOWED_UP = frozenset({FindingKind.REFUND_OVERDUE, FindingKind.INELIGIBLE_RESUBSCRIPTION})
DECIDED = frozenset(CLAIM_KINDS) | BILLING_ERRORS | _FOLLOWED_UP
_AMOUNTS = ", ".join(basis for basis in Basis if basis is not Basis.NOTHING)
_PAYS = frozenset({ClauseRemedy.REFUND, ClauseRemedy.CREDIT, ClauseRemedy.REFUND_OR_CREDIT})


def meaning_faults(document: Document, places: Places) -> Iterator[Fault]:
    """Every fault in what the clauses mean, each at its line."""
    for at, clause in enumerate(document.clauses):
        yield from _kind_faults(clause, at, places)
        yield from _grant_faults(clause, at, places)
        yield from _basis_faults(clause, at, places)
        yield from _term_faults(clause, at, places)
    yield from _id_faults(document, places)
    yield from _pointer_faults(document, places)
    yield from _contradictions(document, places)
    yield from _coverage_faults(document, places)


def _kind_faults(clause: ClauseTable, at: int, places: Places) -> Iterator[Fault]:
    place = ("clauses", at, "covers")
    for kind in clause.covers:
        if kind not in KINDS:
            known = ", ".join(sorted(KINDS))
            yield places.fault(place, f'{clause.id} covers "{kind}", which is no kind', f"the kinds are {known}")
        elif kind not in DECIDED:
            yield places.fault(place, f"{clause.id} covers {kind}, which no clause decides", f"drop {kind}")
    if len(set(clause.covers)) < len(clause.covers):
        yield places.fault(place, f"{clause.id} covers a kind twice", "name each kind once")
    if clause.general and clause.covers:
        yield places.fault(place, f"{clause.id} is general and names kinds too", 'keep either "general" or "covers"')


def _grant_faults(clause: ClauseTable, at: int, places: Places) -> Iterator[Fault]:
    """A clause that speaks to a kind says what it grants and how strongly; one that only states grants nothing."""
    speaks = bool(clause.covers) or clause.general
    for name in ("remedy", "force", "amount"):
        if not speaks and getattr(clause, name) is not None:
            yield places.fault(
                ("clauses", at, name),
                f'{clause.id} has a "{name}" and covers nothing',
                f'name what it covers, or drop "{name}"',
            )
    if not speaks:
        return
    if clause.force is None:
        yield places.fault(("clauses", at), f'{clause.id} has no "force"', 'add force = "shall", "may" or "bar"')
    elif clause.force is Force.BAR:
        if clause.remedy not in (None, ClauseRemedy.NONE) or clause.amount not in (None, Basis.NOTHING):
            yield places.fault(
                ("clauses", at, "force"), f"{clause.id} bars and grants", 'drop "remedy" and "amount", or the bar'
            )
    elif clause.remedy in (None, ClauseRemedy.NONE):
        yield places.fault(
            ("clauses", at), f"{clause.id} neither grants nor bars", 'add a "remedy", or write force = "bar"'
        )
    elif (clause.remedy in _PAYS) != (clause.amount not in (None, Basis.NOTHING)):
        yield places.fault(
            ("clauses", at, "amount"),
            f'the "amount" of {clause.id} does not fit its "remedy"',
            f"a refund or credit needs an amount ({_AMOUNTS}), others none",
        )


def _basis_faults(clause: ClauseTable, at: int, places: Places) -> Iterator[Fault]:
    """A billing error is worth what was taken too much, and only its correction is; what never applies is a fault."""
    errors = sorted(set(clause.covers) & (BILLING_ERRORS | {"billing_error"}))
    others = sorted(set(clause.covers) & set(CLAIM_KINDS) - {"billing_error"})
    if errors and clause.amount not in (None, Basis.NOTHING, Basis.OVERCHARGED):
        yield places.fault(
            ("clauses", at, "amount"),
            f'{clause.id} gives "{clause.amount}" for {", ".join(errors)}',
            'a billing error is put right by amount = "overcharged"',
        )
    if others and clause.amount is Basis.OVERCHARGED:
        yield places.fault(
            ("clauses", at, "amount"),
            f'{clause.id} gives "overcharged" for {", ".join(others)}',
            "there nothing was charged too much: another amount, or another clause",
        )
    if errors and clause.when not in (When.ALWAYS, When.BREACH):
        yield places.fault(
            ("clauses", at, "when"),
            f'{clause.id} speaks to {", ".join(errors)} under "{clause.when}"',
            'a billing error is told apart by "always" and "breach" only',
        )
    if errors and clause.bear_fees:
        yield places.fault(
            ("clauses", at, "bear_fees"), f"{clause.id} has a billing error bear fees", 'drop "bear_fees"'
        )
    followed = sorted(set(clause.covers) & _FOLLOWED_UP)
    if followed and clause.remedy is not ClauseRemedy.REVIEW:
        yield places.fault(
            ("clauses", at, "remedy"), f"{clause.id} covers {', '.join(followed)}", 'a person decides: write "review"'
        )
    if clause.follows is not None and FindingKind.INELIGIBLE_RESUBSCRIPTION not in clause.covers:
        yield places.fault(
            ("clauses", at, "follows"),
            f'{clause.id} has "follows" and covers no ineligible_resubscription',
            'cover it, or drop "follows"',
        )


def _term_faults(clause: ClauseTable, at: int, places: Places) -> Iterator[Fault]:
    """What a clause asks of a claim has to be able to meet one."""
    if clause.limits and (clause.covers or clause.general):
        yield places.fault(
            ("clauses", at, "limits"), f"{clause.id} limits every claim and covers some too", "make two clauses of it"
        )
    if clause.limits and clause.late is not None:
        yield places.fault(
            ("clauses", at, "late"), f"{clause.id} limits every claim, and a limit always refuses", 'drop "late"'
        )
    hears = clause.limits or bool(set(clause.covers) & set(CLAIM_KINDS))
    for name in ("within_days", "after_days", "late", "needs", "repair_hours", "unless_named", "bear_fees"):
        if not hears and getattr(clause, name):
            yield places.fault(
                ("clauses", at, name), f'{clause.id} has "{name}" and hears no claim', "name the claims that it covers"
            )
    if clause.late is not None and clause.within_days is None:
        yield places.fault(
            ("clauses", at, "late"), f"{clause.id} says what is late and has no window", "add within_days"
        )
    if clause.within_days is not None and clause.after_days is not None and clause.within_days <= clause.after_days:
        yield places.fault(
            ("clauses", at, "after_days"), f"{clause.id} hears nothing: its window ends before it begins", "mend one"
        )


def _apart(one: ClauseTable, other: ClauseTable) -> bool:
    """Whether no day belongs to the windows of both clauses."""
    return any(
        early.late is not Late.BAR
        and early.within_days is not None
        and then.after_days is not None
        and early.within_days <= then.after_days
        for early, then in ((one, other), (other, one))
    )


def _id_faults(document: Document, places: Places) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, clause in enumerate(document.clauses):
        if clause.id in seen:
            yield places.fault(("clauses", at, "id"), f"{clause.id} is there twice", "give each clause its own id")
        seen.add(clause.id)


def _pointer_faults(document: Document, places: Places) -> Iterator[Fault]:
    known = {clause.id for clause in document.clauses}
    pointers: list[tuple[tuple[str | int, ...], str | None]] = [
        (("written",), document.written),
        (("setup_once",), document.setup_once),
        (("confirmation",), document.confirmation),
        (("notice", "clause"), document.notice.clause if document.notice else None),
    ]
    pointers += [(("clauses", at, "follows"), c.follows) for at, c in enumerate(document.clauses)]
    for place, named in pointers:
        if named is not None and named not in known:
            yield places.fault(
                place,
                f'"{_key(place)}" names {named}, which is no clause of this bundle',
                f"name one of {', '.join(sorted(known))}",
            )


def _key(place: tuple[str | int, ...]) -> str:
    return ".".join(part for part in place if isinstance(part, str)).removeprefix("clauses.")


def _contradictions(document: Document, places: Places) -> Iterator[Fault]:
    """Two clauses of one rank that cannot both hold. That a bar beats a may is a rule of the core, no contradiction."""
    for (_, one), (at, other) in combinations(enumerate(document.clauses), 2):
        if one.when is not other.when or one.general != other.general or None in (one.force, other.force):
            continue
        shared = sorted(set(one.covers) & set(other.covers)) or (["all other kinds"] if one.general else [])
        if shared and _disagree(one, other) and not _apart(one, other):
            yield places.fault(
                ("clauses", at),
                f"{one.id} and {other.id} disagree about {', '.join(shared)}",
                'let one of them speak of it, or tell them apart with "when"',
            )


def _disagree(one: ClauseTable, other: ClauseTable) -> bool:
    if one.force is other.force:
        return (one.remedy, one.amount) != (other.remedy, other.amount) and one.force is not Force.BAR
    return {one.force, other.force} != {Force.BAR, Force.MAY}


def _coverage_faults(document: Document, places: Places) -> Iterator[Fault]:
    """Each kind of billing error has a clause that speaks to it whatever the circumstances, or is left to a person on
    purpose: what a document is silent about is no oversight of its bundle."""
    place = ("defaults", "review")
    speaks = {kind: c.id for c in document.clauses if c.when is When.ALWAYS for kind in c.covers}
    left = document.defaults.review if document.defaults is not None else ()
    for kind in dict.fromkeys(left):
        if kind not in BILLING_ERRORS:
            known = ", ".join(sorted(BILLING_ERRORS))
            yield places.fault(
                place, f'"defaults.review" names "{kind}", which is no billing error', f"they are {known}"
            )
        elif kind in speaks:
            yield places.fault(
                place, f"{kind} is left to a person, and {speaks[kind]} speaks to it", "drop one of the two"
            )
    if open_kinds := sorted(BILLING_ERRORS - speaks.keys() - set(left)):
        names = ", ".join(f'"{kind}"' for kind in open_kinds)
        yield places.fault(
            place if document.defaults is not None else ("bundle",),
            f"incomplete: no clause speaks to {', '.join(open_kinds)}, and no default covers it",
            f"name it in a clause's covers, or leave it to a person: [defaults] with review = [{names}]",
        )
