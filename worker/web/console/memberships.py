"""Memberships: found by what one has in hand, and the whole ledger of one. Names and addresses are masked; a look
behind the mask is an audit entry."""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from worker import explaining
from worker.audit import Entry, append_all
from worker.roster.written import as_row, masked
from worker.schema import Row
from worker.store import console, rights, roster
from worker.store.sql import run
from worker.web.console import asking
from worker.web.console.case import picture
from worker.web.console.desk import Desk, missing
from worker.web.console.rendering import link

SIZE = 50


def show(desk: Desk) -> Response:
    """The list; or the one that is meant."""
    text, after = asking.text(desk.query, "q"), asking.cursor(desk.query)
    with desk.reading() as conn:
        if text:
            found = list(roster.by_ref(conn, console.memberships_like(conn, text, SIZE)).values())
        else:
            found = roster.page(conn, SIZE + 1, None if after is None else after[1])
        shown, last = asking.first(found, SIZE)
        cases = console.open_cases(conn, [one.ref for one in found])
    if text and len(found) == 1:
        return desk.go(_address(found[0].ref))
    return desk.page(
        "memberships.html.jinja",
        text=text,
        rows=[(one, cases.get(one.ref, 0)) for one in shown],
        next=None if last is None else asking.place("", last.ref),
        behind=after is not None,
        email="",
    )


def by_email(desk: Desk) -> Response:
    """Whose address this is. It is sent in a form, so that it stands in no address; the look is an audit entry."""
    email = asking.text(desk.form, "email")

    def look(conn: Connection) -> list[str]:
        found = rights.memberships_of(conn, desk.runtime.keyring, email) if "@" in email else []
        entries = [Entry(desk.name, "contact_looked_up", ref, {}) for ref in found]
        if entries:
            append_all(conn, entries, desk.runtime.clock())
        return found

    refs = run(desk.runtime.engine, look)
    if len(refs) == 1:
        return desk.go(_address(refs[0]))
    with desk.reading() as conn:
        found = list(roster.by_ref(conn, refs).values())
        cases = console.open_cases(conn, refs)
    rows = [(one, cases.get(one.ref, 0)) for one in found]
    return desk.page("memberships.html.jinja", text="", rows=rows, next=None, behind=False, email=email)


def one(desk: Desk) -> Response:
    """The whole ledger of a membership."""
    return _ledger(desk, desk.asked["ref"])


def reveal(desk: Desk) -> Response:
    """The same with name and address, this once."""
    ref = desk.form.get("ref", "")

    def look(conn: Connection) -> dict[str, str]:
        told = roster.personal(conn, desk.runtime.keyring, ref)
        append_all(conn, [Entry(desk.name, "contact_read", ref, {})], desk.runtime.clock())
        return told

    if roster_knows(desk, ref):
        return _ledger(desk, ref, run(desk.runtime.engine, look))
    raise missing("membership")


def roster_knows(desk: Desk, ref: str) -> bool:
    with desk.reading() as conn:
        return roster.membership(conn, ref) is not None


def _ledger(desk: Desk, ref: str, revealed: dict[str, str] | None = None) -> Response:
    with desk.reading() as conn:
        found = roster.stored(conn, ref)
        if found is None:
            raise missing("membership")
        member = roster.personal(conn, desk.runtime.keyring, ref)
        claims = console.claim_page(conn, console.ClaimsAsked(membership=ref), None, SIZE)
    whole = explaining.explained(desk.runtime, ref)
    if whole is None:
        raise missing("membership")
    version, membership = found
    contact: Row = dict(revealed) if revealed is not None else masked(member) if member else {}
    return desk.page(
        "membership.html.jinja",
        ref=ref,
        version=version,
        row=as_row(membership, None),
        told=whole.told,
        contact=contact,
        revealed=revealed is not None,
        claims=claims,
        picture=picture(whole),
    )


def _address(ref: str) -> str:
    return link(f"/console/memberships/{quote(ref, safe='')}")
