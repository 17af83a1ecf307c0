"""Claims: what members say is wrong, taken in here or elsewhere, and what they were answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import Response

from reconcile.claims_types import ClaimKind, ClaimState
from reconcile.membership import Channel
from reconcile.stints import day_begins, day_over
from worker.claims import ClaimError, read, take, words_of
from worker.fields import BadFieldError
from worker.store import console, standing
from worker.store.console import ClaimsAsked
from worker.web.console import asking
from worker.web.console.case import decidable
from worker.web.console.desk import Desk, missing

SIZE = 50
KINDS = {
    ClaimKind.BILLING_ERROR: "Billing error",
    ClaimKind.SERVICE_DISRUPTION: "Service disruption",
    ClaimKind.UNUSED_PERIOD: "Unused period",
    ClaimKind.NON_RECEIPT: "Not received",
    ClaimKind.INVALID_NUMBER: "Invalid number",
    ClaimKind.MAJOR_DEFECT: "Major defect",
    ClaimKind.MONEY_BACK: "Money back",
    ClaimKind.TECHNICAL_FAILURE: "Technical failure",
    ClaimKind.UNAUTHORISED: "Unauthorised charge",
    ClaimKind.THIRD_PARTY_INCOMPATIBILITY: "Does not work with something else",
    ClaimKind.UNLAWFUL_USE: "Unlawful use",
    ClaimKind.CHANGE_OF_MIND: "Change of mind",
}
STATES = {
    ClaimState.QUEUED: "granted",
    ClaimState.HELD: "waits for a person",
    ClaimState.PENDING: "waits for a date, or for what was asked",
    ClaimState.REFUSED: "refused",
}
# Fields of the form by the part of the claim that they belong to.
_TIMES = ("received_at", "contacted_support_at")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "disruption": ("from", "until"),
    "defect": ("complained_at", "approved_at", "repaired_at"),
}


def show(desk: Desk) -> Response:
    """The claims, the last to come first."""
    state, kind = asking.word(desk.query, "state", ClaimState), asking.word(desk.query, "kind", ClaimKind)
    asked = ClaimsAsked(state, kind, asking.text(desk.query, "membership") or None)
    with desk.reading() as conn:
        rows = console.claim_page(conn, asked, _after(desk), SIZE + 1)
    shown, last = asking.first(rows, SIZE)
    return desk.page(
        "claims.html.jinja",
        rows=shown,
        asked=asked,
        kinds=KINDS,
        states=STATES,
        kept=asking.kept(desk.query),
        next=None if last is None else asking.place(last.received_at.isoformat(), last.id),
        behind=_after(desk) is not None,
    )


def one(desk: Desk) -> Response:
    """One claim, its answer, and what becomes of it."""
    with desk.reading() as conn:
        claim = console.claim(conn, desk.asked["claim"])
        if claim is None:
            raise missing("claim")
        remedy = next(iter(standing.remedies_of(conn, [claim.remedy_key])), None) if claim.remedy_key else None
    return desk.page("claim.html.jinja", claim=claim, kinds=KINDS, states=STATES, **decidable(desk, remedy))


def new(desk: Desk) -> Response:
    """The form."""
    return _form(desk, {name: asking.text(desk.query, name) for name in ("membership", "charge")}, "")


def take_in(desk: Desk) -> Response:
    """Read strictly, taken in, and answered at once."""
    try:
        taken = read(_claim(desk), words_of(desk.runtime.rules.policy))
        answer = take(desk.runtime, taken)
    except (BadFieldError, ClaimError) as error:
        return _form(desk, desk.form, str(error), 422)
    return desk.go(f"/console/claims/{quote(answer['claim'], safe='')}?done=taken")


def _form(desk: Desk, given: Mapping[str, str], said: str, status: int = 200) -> Response:
    return desk.page(
        "claim_form.html.jinja",
        status=status,
        said=said,
        given=given,
        kinds=KINDS,
        channels=list(Channel),
        suggested=_next_id(desk),
        now=f"{_local_now(desk):%Y-%m-%dT%H:%M}",
        here=desk.runtime.rules.zone,
    )


def _claim(desk: Desk) -> dict[str, Any]:
    """The form as a claim that the command would take. Empty fields are left out; times are in the merchant's zone."""
    form = {name: value.strip() for name, value in desk.form.items() if value.strip() and name != "token"}
    told: dict[str, Any] = {
        name: form[name]
        for name in ("claim", "membership", "charge", "kind", "channel", "from_email", "invoice", "explanation")
        if name in form
    }
    told |= {name: _time(desk, form[name]) for name in _TIMES if name in form}
    if "evidence" in form:
        told["evidence"] = [line.strip() for line in form["evidence"].splitlines() if line.strip()]
    for part, names in _PARTS.items():
        inside: dict[str, Any] = {
            name: _time(desk, form[f"{part}.{name}"]) for name in names if f"{part}.{name}" in form
        }
        if inside:
            told[part] = inside
    if "defect" in told:
        told["defect"] |= {"access_refused": "defect.access_refused" in form}
        told["defect"] |= {"prefers": form["defect.prefers"]} if "defect.prefers" in form else {}
    return told


def _time(desk: Desk, text: str) -> str:
    """A time as the form's own field gives it; anything else is left for the reader of claims to refuse."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (local if local.tzinfo else local.replace(tzinfo=ZoneInfo(desk.runtime.rules.zone))).isoformat()


def _next_id(desk: Desk) -> str:
    """The day and the claim's place in it."""
    zone = desk.runtime.rules.zone
    with desk.reading() as conn:
        many = console.claims_on(conn, day_begins(desk.today, zone), day_over(desk.today, zone))
    return f"C-{desk.today:%Y%m%d}-{many + 1}"


def _local_now(desk: Desk) -> datetime:
    return desk.runtime.clock().astimezone(ZoneInfo(desk.runtime.rules.zone))


def _after(desk: Desk) -> tuple[datetime, str] | None:
    found = asking.cursor(desk.query)
    try:
        return None if found is None else (datetime.fromisoformat(found[0]), found[1])
    except ValueError:
        return None
