"""`makegood policy check` and `policy show`: the clauses, for whoever wrote them and whoever answers for them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from reconcile.policy import Bundle, Clause, Terms
from worker import tables
from worker.cli.errors import BAD_INPUT, StopError, bad_input
from worker.cli.options import Json, example
from worker.policy_words import page, speaks

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
    spoken = speaks(clause)
    return {
        "id": clause.id,
        "heading": clause.heading,
        "says": clause.says,
        "covers": sorted(clause.covers),
        "general": clause.general,
        "remedy": str(clause.remedy) if spoken else None,
        "amount": str(clause.amount) if spoken else None,
        "force": str(clause.force) if spoken else None,
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
