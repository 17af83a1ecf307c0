"""Memberships: a roster row at a time, a notice the minute it is received, a change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from worker.accounts.roles import Permission
from worker.audit import Entry, append_all
from worker.engine import reading
from worker.fields import BadFieldError
from worker.fields import shown as quoted
from worker.roster.changes import (
    OtherVersionError,
    UnknownMembershipError,
    Written,
    add_change,
    add_notice,
    put,
)
from worker.roster.row import Bundles, change, notice, row
from worker.roster.written import as_row, masked
from worker.runtime import Runtime
from worker.store import roster
from worker.store.sql import run
from worker.store.tokens import Token
from worker.web.api import address, problems, shapes
from worker.web.api.access import ReadsMemberships, Ring, Runs, WritesMemberships, need
from worker.web.api.once import once, written
from worker.web.api.paging import Name, Paged, by, page, shown
from worker.web.api.problems import Refused
from worker.web.api.sent import Body

address.register()
router = APIRouter(tags=["memberships"])

Membership = Annotated[Name, Path(description="The membership's reference.", max_length=128, examples=["M-1001"])]
Contacts = Annotated[
    bool, Query(description="Name and address unmasked: needs the scope read:contacts, and is an audit entry.")
]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", pattern=r'^"(0|[1-9][0-9]{0,8})"$', description="Only if this ETag still holds."),
]

_VERSION = re.compile(r'"([0-9]+)"')


@router.get("/memberships", response_model=shapes.Memberships)
def list_memberships(_who: ReadsMemberships, runtime: Runs, asked: Annotated[Paged, Query()]) -> Response:
    """The roster as it holds now, by reference; names and addresses masked."""
    with reading(runtime.engine).begin() as conn:
        found = roster.page(conn, asked.limit + 1, *(asked.after("memberships") or ()))
        members = roster.personal_of(conn, runtime.keyring, [one.ref for one in found])
    rows = [as_row(one, _masked(members.get(one.ref))) for one in found]
    return page("memberships", asked, by("membership", rows))


@router.post(
    "/memberships/{ref:membership}/notices",
    response_model=shapes.Written,
    openapi_extra=shapes.sends(shapes.Notice),
)
def tell_notice(who: WritesMemberships, runtime: Runs, ring: Ring, sent: Body, ref: Membership) -> Response:
    """A cancellation, re-activation or termination, the minute it is received. The same one again changes nothing."""
    told = problems.understood(lambda: notice(sent.json()))
    return once(runtime, who, sent, lambda: _done(ring, lambda: add_notice(runtime, ref, told, who.name)))


@router.post(
    "/memberships/{ref:membership}/changes",
    response_model=shapes.Written,
    openapi_extra=shapes.sends(shapes.Change),
)
def tell_change(who: WritesMemberships, runtime: Runs, ring: Ring, sent: Body, ref: Membership) -> Response:
    """A new price, plan or quantity, a discount, a pause, or a one-off charge that was agreed to."""
    told = problems.understood(lambda: change(sent.json()))
    return once(runtime, who, sent, lambda: _done(ring, lambda: add_change(runtime, ref, told, who.name)))


@router.put(
    "/memberships/{ref:membership}",
    response_model=shapes.Written,
    responses={201: {"model": shapes.Written, "description": "It is new."}},
    openapi_extra=shapes.sends(shapes.Membership),
)
def put_membership(
    who: WritesMemberships, runtime: Runs, ring: Ring, sent: Body, ref: Membership, *, if_match: IfMatch = None
) -> Response:
    """State a membership: a row of a roster, read as strictly as `makegood import roster` reads it. It replaces the
    row that was there as a new version; an equal one changes nothing."""
    given = {"membership": ref, **sent.json()}
    bundles = Bundles(runtime.rules.policy.versions.keys(), runtime.settings.policy)
    told = problems.understood(lambda: row(given, bundles))
    if told.membership.ref != ref:
        said = f"the reference of the address is expected, not {quoted(told.membership.ref)}"
        raise problems.bad_field("membership", said)
    parts = _VERSION.fullmatch(if_match) if if_match else None
    seen = int(parts[1]) if parts else None
    return once(runtime, who, sent, lambda: _done(ring, lambda: put(runtime, told, who.name, seen)))


@router.get("/memberships/{ref:membership}", response_model=shapes.Membership)
def get_membership(who: ReadsMemberships, runtime: Runs, ref: Membership, *, contacts: Contacts = False) -> Response:
    """A membership as the roster states it; its ETag is the version."""
    if contacts:
        need(who, Permission.READ_CONTACTS)
        return run(runtime.engine, lambda conn: _looked_up(conn, runtime, who, ref))
    with reading(runtime.engine).begin() as conn:
        return _shown(conn, ref, _masked(roster.personal(conn, runtime.keyring, ref)))


def _looked_up(conn: Connection, runtime: Runtime, who: Token, ref: str) -> Response:
    """With the contact, and the look noted (PR-5)."""
    response = _shown(conn, ref, roster.personal(conn, runtime.keyring, ref) or None)
    append_all(conn, [Entry(who.name, "contact_read", ref, {})], runtime.clock())
    return response


def _shown(conn: Connection, ref: str, member: Mapping[str, object] | None) -> Response:
    found = roster.stored(conn, ref)
    if found is None:
        raise problems.unknown("a membership of the roster")
    version, membership = found
    return shown(as_row(membership, member), etag=f'"{version}"')


def _masked(member: Mapping[str, str] | None) -> dict[str, object] | None:
    return masked(member) if member else None


def _done(ring: Callable[[], None], write: Callable[[], Written]) -> Response:
    try:
        done = write()
    except UnknownMembershipError:
        raise problems.unknown("a membership of the roster") from None
    except OtherVersionError as error:
        raise Refused(412, "other-version", f"{error} holds now: read it, and put it again") from None
    except BadFieldError as error:
        raise problems.of_field(error) from None
    ring()
    told = {"membership": done.membership, "version": done.version, "outcome": done.outcome}
    return written(told, 201 if done.outcome == "added" else 200, etag=f'"{done.version}"')
