"""Policies: the bundles in words, version against version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from markupsafe import Markup, escape
from starlette.responses import Response

from reconcile.policy import Bundle, Clause
from worker.policy_words import effect, rules_in_words, terms_in_words
from worker.report.shapes import shape
from worker.store import backtests
from worker.web.console import trials
from worker.web.console.desk import Desk, missing

# A word, or the space between two: what is compared.
_WORD = re.compile(r"\S+|\s+")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A clause in words."""

    id: str
    heading: str
    says: str
    effect: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A clause that is not the same in two versions, its text with what was taken out and put in."""

    id: str
    how: str
    text: Markup


def show(desk: Desk) -> Response:
    """Every bundle, and which of them new memberships are under."""
    versions = desk.runtime.rules.policy.versions
    with desk.reading() as conn:
        tried = {name: backtests.of(conn, name) for name in versions}
    return desk.page(
        "policies.html.jinja",
        bundles=sorted(versions.items()),
        used=desk.runtime.settings.policy,
        tried={name: rows[0] for name, rows in tried.items() if rows},
    )


def one(desk: Desk) -> Response:
    """One bundle in one version; with `against`, what is different from another."""
    held = desk.runtime.rules.policy.versions.get(desk.asked["bundle"])
    if held is None:
        raise missing("policy")
    by_version = {bundle.version: bundle for bundle in held}
    shown = by_version.get(desk.query.get("version", ""), held[-1])
    other = by_version.get(desk.query.get("against", ""))
    with desk.reading() as conn:
        tried = backtests.of(conn, shown.name)
    return desk.page(
        "policy.html.jinja",
        bundle=shown,
        held=held,
        rules=list(rules_in_words(shown)),
        clauses=[_spoken(clause, shown) for clause in shown.clauses],
        against=other,
        changes=[] if other is None else list(changes(other, shown)),
        trial=trials.chosen(tried, shown, desk.query.get("backtest", "")),
        tried=tried,
    )


def changes(before: Bundle, after: Bundle) -> Iterator[Change]:
    """The clauses that are other in `after`, in its order; those that are gone at the end."""
    old = {clause.id: _lines(_spoken(clause, before)) for clause in before.clauses}
    new = {clause.id: _lines(_spoken(clause, after)) for clause in after.clauses}
    for clause_id, text in new.items():
        if clause_id not in old:
            yield Change(clause_id, "new", shape("<ins>{}</ins>", text))
        elif old[clause_id] != text:
            yield Change(clause_id, "changed", _marked(old[clause_id], text))
    for clause_id in old.keys() - new.keys():
        yield Change(clause_id, "gone", shape("<del>{}</del>", old[clause_id]))


def _spoken(clause: Clause, bundle: Bundle) -> Spoken:
    terms = tuple(terms_in_words(clause.terms))
    return Spoken(clause.id, clause.heading, clause.says, effect(clause, bundle).replace("_", " "), terms)


def _lines(told: Spoken) -> str:
    return "\n".join([told.heading, told.says, told.effect, *told.terms])


def _marked(before: str, after: str) -> Markup:
    """`after` with what is new in it, and what is gone, word by word."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    parts: list[Markup] = []
    for how, i, j, k, n in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if how == "equal":
            parts.append(escape("".join(new[k:n])))
        if how in {"delete", "replace"}:
            parts.append(shape("<del>{}</del>", "".join(old[i:j])))
        if how in {"insert", "replace"}:
            parts.append(shape("<ins>{}</ins>", "".join(new[k:n])))
    return Markup().join(parts)
