"""`makegood policy check` and `policy show`: the clauses, for whoever wrote them and whoever answers for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from reconcile.policy import Bundle, Clause, Force, Terms, When
from worker import tables
from worker.cli.errors import BAD_INPUT, StopError, bad_input
from worker.cli.options import Json, example
from worker.cli.policy_terms import terms_in_words

WIDTH = 100

app = typer.Typer(help="The policy bundles: validate them, print them.")

File = Annotated[Path | None, typer.Argument(metavar="[FILE]", show_default=False)]
Name = Annotated[str, typer.Argument(metavar="BUNDLE", show_default=False)]


@app.command("check", epilog=example("policy check", "policy check my-bundle.toml"))
def check(file: File = None, *, as_json: Json = False) -> None:
    """Say every fault of one bundle file, or of all bundles: file, line, what is wrong, how to mend it."""
    from config import policies

    try:
        bundles = [policies.read(file)] if file else [b for held in _known().values() for b in held]
    except policies.PolicyError as error:
        for fault in error.faults:
            told = {"file": fault.file, "line": fault.line, "what": fault.what, "mend": fault.mend}
            typer.echo(tables.as_json(told) if as_json else str(fault), err=not as_json)
        raise StopError(BAD_INPUT) from None
    for bundle in bundles:
        if as_json:
            typer.echo(tables.as_json(bundle_json(bundle)))
        else:
            typer.echo(f"{bundle.name} version {bundle.version}: {len(bundle.clauses)} clauses, no fault")


@app.command("show", epilog=example("policy show voip-fulfillment", "policy show my-bundle.toml --json"))
def show(bundle: Name, *, as_json: Json = False) -> None:
    """Print a bundle, by its name (every version of it) or from a file, so that a lawyer can check it."""
    for found in _find(bundle):
        if as_json:
            typer.echo(tables.as_json(bundle_json(found)))
        else:
            sys.stdout.writelines(f"{line}\n" for line in page(found))


def _find(name: str) -> tuple[Bundle, ...]:
    from config import policies

    if name.endswith(".toml"):
        return (policies.read(Path(name)),)
    versions = _known()
    if name not in versions:
        raise bad_input(f"BUNDLE: one of {', '.join(sorted(versions))} or a .toml file is expected, and {name} is none")
    return versions[name]


def _known() -> Mapping[str, tuple[Bundle, ...]]:
    """Every bundle there is: those that come along, and those of `POLICY_FOLDER`."""
    from config import policies, settings

    return policies.load(own=settings.load().policy_folder).versions


def bundle_json(bundle: Bundle) -> tables.Row:
    """A bundle as one object, its clauses in the order of the document."""
    notice = bundle.notice
    return {
        "bundle": bundle.name,
        "version": bundle.version,
        "effective": bundle.effective,
        "title": bundle.title,
        "notice": {"clause": notice.clause, "business_days": notice.business_days} if notice else None,
        "written": bundle.written,
        "setup_once": bundle.setup_once,
        "confirmation": bundle.confirmation,
        "left_open": list(bundle.left_open),
        "clauses": [_clause_json(clause) for clause in bundle.clauses],
        "remarks": list(bundle.remarks),
    }


def _clause_json(clause: Clause) -> tables.Row:
    speaks = _speaks(clause)
    return {
        "id": clause.id,
        "heading": clause.heading,
        "says": clause.says,
        "covers": sorted(clause.covers),
        "general": clause.general,
        "remedy": str(clause.remedy) if speaks else None,
        "amount": str(clause.amount) if speaks else None,
        "force": str(clause.force) if speaks else None,
        "when": str(clause.when),
        **_terms_json(clause.terms),
    }


def _terms_json(terms: Terms) -> tables.Row:
    return {
        "within_days": terms.within_days,
        "after_days": terms.after_days,
        "late": str(terms.late),
        "needs": [str(need) for need in terms.needs],
        "repair_hours": terms.repair_hours,
        "limits": terms.limits,
        "except_plans": list(terms.except_plans),
        "unless_named": list(terms.unless_named),
        "bear_fees": terms.bear_fees,
        "follows": terms.follows,
    }


def page(bundle: Bundle) -> Iterator[str]:
    """The bundle in words, line by line."""
    since = f"in force from {bundle.effective}" if bundle.effective else "undated: in force from the beginning"
    heading = f"{bundle.title}"
    yield heading
    yield "=" * len(heading)
    yield f"bundle {bundle.name}, version {bundle.version}, {since}"
    yield ""
    yield "Rules"
    yield from _rules(bundle)
    yield ""
    yield "Clauses"
    for clause in bundle.clauses:
        yield ""
        yield f"{clause.id}  {clause.heading}"
        yield fill(clause.says, WIDTH, initial_indent="    ", subsequent_indent="    ")
        yield fill(f"=> {_effect(clause, bundle)}", WIDTH, initial_indent="    ", subsequent_indent="       ")
        for term in terms_in_words(clause.terms):
            yield fill(term, WIDTH, initial_indent="       ", subsequent_indent="       ")
    if bundle.remarks:
        yield ""
        yield "How it is read"
        for remark in bundle.remarks:
            yield fill(remark, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    yield ""


def _rules(bundle: Bundle) -> Iterator[str]:
    notice = bundle.notice
    if notice is None:
        yield "  notice        no rule about notices"
    elif notice.business_days:
        told = f"{notice.business_days} business days before the anniversary, or one renewal is still owed"
        yield f"  notice        {told} ({notice.clause})"
    else:
        yield f"  notice        binds at the end of the running cycle ({notice.clause})"
    for label, clause, told in _duties(bundle)[1:]:
        yield f"  {label:<13} {f'{told} ({clause})' if clause else 'no rule'}"
    if bundle.left_open:
        kinds = ", ".join(bundle.left_open)
        told = f"  {'left open':<13} {kinds}: another bundle of the membership decides, else a person"
        yield fill(told, WIDTH, subsequent_indent=" " * 16)


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


def _effect(clause: Clause, bundle: Bundle) -> str:
    """What the clause comes to, in one sentence."""
    when = _WHENS[clause.when]
    about = "anything that no clause names" if clause.general else ", ".join(sorted(clause.covers))
    if clause.terms.limits:
        return "limits every claim under this bundle that is no billing error"
    if not _speaks(clause):
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


def _speaks(clause: Clause) -> bool:
    return bool(clause.covers) or clause.general
