"""Findings, remedies and why: read as the commands list them; and what people decide about a remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from handlers.currencies import AMOUNT_MAX
from reconcile.outcome import RemedyKind
from worker import explaining
from worker.engine import reading
from worker.fields import Fields
from worker.money import decisions
from worker.money.decisions import Seen
from worker.runtime import Runtime
from worker.store import listings
from worker.store.listings import Filter
from worker.store.tokens import Token
from worker.tables import Row
from worker.web.api import address, problems, shapes
from worker.web.api.access import Approves, Prepares, ReadsCases, Retries, Runs, Waives
from worker.web.api.filters import OfFindings, OfRemedies
from worker.web.api.once import once, written
from worker.web.api.paging import Name, page, shown
from worker.web.api.problems import Refused
from worker.web.api.sent import Body, Sent

address.register()
router = APIRouter(tags=["cases"])

Key = Annotated[Name, Path(description="The key that the listing gives.", examples=["remedy:stripe:ch_1001"])]
FindingKey = Annotated[Name, Path(description="The key that the listing gives.", examples=["finding:stripe:ch_1001"])]
Ref = Annotated[
    Name,
    Path(
        description="A membership, a charge such as stripe:ch_1001, or the key of a finding or remedy.",
        examples=["stripe:ch_1001"],
    ),
]


@router.get("/findings", response_model=shapes.Findings)
def list_findings(_who: ReadsCases, runtime: Runs, asked: Annotated[OfFindings, Query()]) -> Response:
    """What is wrong, each with its remedy; by key, with `since` by first_seen."""
    with reading(runtime.engine).begin() as conn:
        chosen = asked.filter()
        parts = listings.places(chosen)
        return page("findings", asked, listings.findings_page(conn, chosen, asked.page("findings", parts)))


@router.get("/findings/{key:name}", response_model=shapes.Finding)
def get_finding(_who: ReadsCases, runtime: Runs, key: FindingKey) -> Response:
    """One finding."""
    with reading(runtime.engine).begin() as conn:
        found = list(listings.findings(conn, Filter(key=key)))
    if not found:
        raise problems.unknown("the key of a finding")
    return shown(found[0])


@router.get("/remedies", response_model=shapes.Remedies)
def list_remedies(_who: ReadsCases, runtime: Runs, asked: Annotated[OfRemedies, Query()]) -> Response:
    """What is owed to members, and where each remedy stands; by key, with `since` by first_seen."""
    with reading(runtime.engine).begin() as conn:
        chosen = asked.filter()
        parts = listings.places(chosen, of_remedies=True)
        return page("remedies", asked, listings.remedies_page(conn, chosen, asked.page("remedies", parts)))


@router.post("/remedies/{key:remedy}/prepare", response_model=shapes.Remedy, openapi_extra=shapes.may_send(shapes.Seen))
def prepare_remedy(who: Prepares, runtime: Runs, sent: Body, key: Key) -> Response:
    """Propose a held remedy, after a look at it: from now on somebody else has to approve it."""
    seen = _seen(sent)
    return _decided(runtime, who, sent, key, lambda: decisions.prepare(runtime, key, who.name, seen))


@router.post("/remedies/{key:remedy}/approve", response_model=shapes.Remedy, openapi_extra=shapes.may_send(shapes.Seen))
def approve_remedy(who: Approves, runtime: Runs, sent: Body, key: Key) -> Response:
    """Let a held remedy go, in the name of the token. It binds to what is held now: its amount, charge, kind and
    clause; with a body, only if that is what was seen. Who prepared it cannot approve it."""
    seen = _seen(sent)
    return _decided(runtime, who, sent, key, lambda: decisions.approve(runtime, key, who.name, seen))


@router.post("/remedies/{key:remedy}/waive", response_model=shapes.Remedy, openapi_extra=shapes.sends(shapes.Reason))
def waive_remedy(who: Waives, runtime: Runs, sent: Body, key: Key) -> Response:
    """Give a remedy up for good, whatever is owed. The reason stands in the audit log."""
    reason = sent.reason()
    return _decided(runtime, who, sent, key, lambda: decisions.waive(runtime, key, who.name, reason))


@router.post("/remedies/{key:remedy}/retry", response_model=shapes.Remedy, openapi_extra=shapes.NOTHING_SENT)
def retry_remedy(who: Retries, runtime: Runs, sent: Body, key: Key) -> Response:
    """Send a refund that failed once more, under a new key of the provider's. A large one is held for somebody else."""
    sent.nothing()
    return _decided(runtime, who, sent, key, lambda: decisions.retry(runtime, key, who.name))


@router.get("/remedies/{key:remedy}", response_model=shapes.Remedy)
def get_remedy(_who: ReadsCases, runtime: Runs, key: Key) -> Response:
    """One remedy."""
    with reading(runtime.engine).begin() as conn:
        return shown(_remedy(conn, key))


@router.get("/explain/{ref:name}", response_model=shapes.Explained)
def explain(_who: ReadsCases, runtime: Runs, ref: Ref) -> Response:
    """What was expected and what came, how they were paired, which clause decides, the arithmetic, and what happened
    since."""
    found = explaining.explain(runtime, ref)
    if found is None:
        raise problems.unknown("a membership, a charge, or the key of a finding or remedy")
    return shown(found)


def _decided(runtime: Runtime, who: Token, sent: Sent, key: str, decide: Callable[[], str]) -> Response:
    def act() -> Response:
        with reading(runtime.engine).begin() as conn:
            _remedy(conn, key)
        try:
            decide()
        except decisions.DecisionError as why:
            raise Refused(409, "conflict", str(why)) from None
        with reading(runtime.engine).begin() as conn:
            return written(_remedy(conn, key))

    return once(runtime, who, sent, act)


def _remedy(conn: Connection, key: str) -> Row:
    found = list(listings.remedies(conn, Filter(key=key)))
    if not found:
        raise problems.unknown("the key of a remedy")
    return found[0]


def _seen(sent: Sent) -> Seen | None:
    """What the person had before their eyes, where it was sent along: keys and values of the listing."""
    given = sent.json_or_nothing()
    known = tuple(shapes.Seen.model_fields)
    return problems.understood(lambda: _of_fields(Fields(given, "", known))) if given else None


def _of_fields(fields: Fields) -> Seen:
    return Seen(
        kind=fields.word("kind", RemedyKind).value,
        amount_minor=fields.whole("amount", 0, AMOUNT_MAX) if fields.has("amount") else None,
        currency=fields.maybe_text("currency"),
        clause=fields.maybe_text("clause"),
        held_because=fields.maybe_text("held_because"),
    )
