"""What comes in besides memberships: a provider's events, and members' claims."""

from __future__ import annotations

import io
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from worker import claims
from worker.audit import Entry, append_all
from worker.engine import reading
from worker.events_file import EventsFileError, delivery, lines
from worker.runtime import Runtime
from worker.store import claims as store
from worker.store.listings import Filter
from worker.store.recording import NewDelivery, record
from worker.store.sql import run
from worker.store.tokens import Token
from worker.web.api import address, problems, shapes
from worker.web.api.access import ReadsCases, Ring, Runs, WritesClaims, WritesEvents
from worker.web.api.filters import OfClaims
from worker.web.api.once import once, written
from worker.web.api.paging import Name, by, page, shown
from worker.web.api.problems import Refused
from worker.web.api.sent import JSON, LINES, Body, Sent

address.register()
router = APIRouter()


@router.post(
    "/events/{provider}",
    tags=["events"],
    status_code=202,
    response_model=shapes.Taken,
    openapi_extra=shapes.SENDS_EVENTS,
)
def take_events(
    who: WritesEvents, runtime: Runs, ring: Ring, sent: Body, provider: Annotated[Literal["stripe", "paypal"], Path()]
) -> Response:
    """Events of a trusted export, one as JSON or several as JSON Lines: all of them or none. From here on they go the
    way of a webhook: they are kept when this is answered, and handled right after."""

    def act() -> Response:
        rows = _deliveries(runtime, provider, sent)
        counts = run(runtime.engine, lambda conn: _recorded(conn, runtime, rows, provider, who))
        ring()
        return written(counts, 202)

    return once(runtime, who, sent, act)


def _deliveries(runtime: Runtime, provider: str, sent: Sent) -> list[NewDelivery]:
    inbox, now = runtime.inboxes[provider], runtime.clock()
    try:
        if sent.one_of(JSON, LINES) == JSON:
            return [delivery("body", sent.body, inbox, now)]
        rows = list(lines(io.BytesIO(sent.body), "line ", inbox, now))
    except EventsFileError as error:
        raise Refused(400, "not-json", str(error)) from None
    if not rows:
        raise Refused(400, "not-json", "at least one event is expected, and none is there")
    return rows


def _recorded(
    conn: Connection, runtime: Runtime, rows: list[NewDelivery], provider: str, who: Token
) -> dict[str, object]:
    recorded = record(conn, runtime.keyring, rows)
    new = sum(one.new for one in recorded)
    counts = {"new": new, "known": len(recorded) - new}
    append_all(conn, [Entry(who.name, "events_taken_in", provider, counts)], runtime.clock())
    return {**counts}


@router.post("/claims", tags=["claims"], response_model=shapes.Answer, openapi_extra=shapes.sends(shapes.Claim))
def make_claim(who: WritesClaims, runtime: Runs, sent: Body) -> Response:
    """Take in a member's claim, and decide it. The same claim again gets the answer that it has; one that only adds
    what was asked for is answered anew."""
    told = problems.understood(lambda: claims.read(sent.json(), claims.words_of(runtime.rules.policy)))

    def act() -> Response:
        try:
            return written(claims.take(runtime, told, by=who.name))
        except claims.KnownClaimError as error:
            raise Refused(409, "conflict", str(error), field="claim") from None
        except claims.ClaimError as error:
            raise problems.bad_field("membership", str(error).removeprefix("membership: ")) from None

    return once(runtime, who, sent, act)


@router.get("/claims", tags=["claims"], response_model=shapes.Claims)
def list_claims(_who: ReadsCases, runtime: Runs, asked: Annotated[OfClaims, Query()]) -> Response:
    """What members asked for and what they were answered; by id. What they wrote is not among it."""
    with reading(runtime.engine).begin() as conn:
        rows = store.listing(conn, asked.filter(), runtime.rules.zone, asked.page("claims"))
        return page("claims", asked, by("claim", rows))


@router.get("/claims/{claim:name}", tags=["claims"], response_model=shapes.ListedClaim)
def get_claim(
    _who: ReadsCases, runtime: Runs, claim: Annotated[Name, Path(description="Its id.", examples=["C-1"])]
) -> Response:
    """One claim and its answer."""
    with reading(runtime.engine).begin() as conn:
        found = list(store.listing(conn, Filter(key=claim), runtime.rules.zone))
    if not found:
        raise problems.unknown("the id of a claim")
    return shown(found[0])
