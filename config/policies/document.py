"""The shape of a bundle file. What pydantic finds wrong is said in the words of the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from config.policies.faults import Fault, Places
from reconcile.policy import Basis, ClauseRemedy, Force, Late, Need, When

Words = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
ClauseId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9.-]{0,31}$")]

Days = Annotated[int, Field(strict=True, ge=0, le=3650)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClauseTable(_Table):
    """One `[[clauses]]`. A clause that covers nothing and is not general only states something: it grants nothing."""

    id: ClauseId
    heading: Words
    says: Words
    covers: tuple[Words, ...] = ()
    remedy: ClauseRemedy | None = None
    force: Force | None = None
    amount: Basis | None = None
    when: When = When.ALWAYS
    general: Annotated[bool, Field(strict=True)] = False
    # What the clause asks of a claim (`reconcile.policy.Terms`).
    within_days: Days | None = None
    after_days: Days | None = None
    late: Late | None = None
    needs: tuple[Need, ...] = ()
    repair_hours: Annotated[int, Field(strict=True, ge=1, le=24 * 60)] | None = None
    limits: Annotated[bool, Field(strict=True)] = False
    except_plans: tuple[Words, ...] = ()
    unless_named: tuple[Words, ...] = ()
    bear_fees: Annotated[bool, Field(strict=True)] = False
    follows: ClauseId | None = None


class NoticeTable(_Table):
    clause: ClauseId
    business_days: Annotated[int, Field(strict=True, ge=0, le=60)] = 0


class DefaultsTable(_Table):
    """The kinds of billing error that no clause of the document speaks to, left to a person on purpose."""

    review: Annotated[tuple[Words, ...], Field(min_length=1)]


class Document(_Table):
    """One document in one version."""

    bundle: Name
    version: Words
    title: Words
    effective: Annotated[date, Field(strict=True)] | None = None
    notice: NoticeTable | None = None
    defaults: DefaultsTable | None = None
    written: ClauseId | None = None
    setup_once: ClauseId | None = None
    confirmation: ClauseId | None = None
    remarks: tuple[Words, ...] = ()
    clauses: Annotated[tuple[ClauseTable, ...], Field(min_length=1)]


def shape_faults(error: ValidationError, places: Places) -> Iterator[Fault]:
    """Each of pydantic's errors at its line, with what to write instead."""
    every = error.errors(include_url=False)
    for found in every:
        place = found["loc"]
        # A clause that is wrong does not count for pydantic, which then misses it in the list of clauses too.
        if found["type"] == "too_short" and len(every) > 1:
            continue
        what, mend = _said(found["type"], place, found.get("input"), found.get("ctx", {}), found["msg"])
        yield places.fault(place, what, mend)


def _said(
    kind: str, place: tuple[str | int, ...], given: object, context: dict[str, Any], message: str
) -> tuple[str, str]:
    name = str(next((part for part in reversed(place) if isinstance(part, str)), "the file"))
    if kind == "extra_forbidden":
        known = sorted(_table_at(place).model_fields)
        near = get_close_matches(name, known, n=1)
        return f'the key "{name}" is not known here', f'write "{near[0]}"' if near else f"known are {', '.join(known)}"
    if kind == "missing":
        return f'"{name}" is missing', f'add a line "{name} = ..."'
    if kind == "enum":
        return f'"{name}" is {given!r}', f"write one of {context['expected'].replace(' or ', ', ')}"
    if kind == "string_pattern_mismatch":
        return f'"{name}" is {given!r}', f"write it like {_PATTERNS.get(str(context.get('pattern')), 'the others')}"
    mend = next((how for begins, how in _MENDS.items() if kind.startswith(begins)), "mend the value")
    return f'"{name}" is not usable: {message[:1].lower()}{message[1:]}', mend


_MENDS = {
    "string": "write a text in quotes, which is not empty",
    "date": "write a date without quotes, such as 2026-03-01",
    "int": "write a whole number without quotes",
    "bool": "write true or false without quotes",
    "tuple": 'write a list, such as ["evidence"]',
    "greater": "write a larger number",
    "less": "write a smaller number",
}
_PATTERNS = {
    r"^[a-z0-9][a-z0-9-]{0,63}$": '"voip-fulfillment" (small letters, digits and hyphens)',
    r"^[A-Za-z][A-Za-z0-9.-]{0,31}$": '"FP-2" (letters, digits, dots and hyphens)',
}


def _table_at(place: tuple[str | int, ...]) -> type[_Table]:
    if len(place) > 1:
        return _TABLES.get(str(place[0]), Document)
    return Document


_TABLES: dict[str, type[_Table]] = {"clauses": ClauseTable, "notice": NoticeTable, "defaults": DefaultsTable}
