"""A member's rights (PR-6), each as the command of the same name: `makegood privacy export`, `correct`, `restrict`,
`erase`. The answers to the writes say what was left standing, and hold nothing personal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from worker.fields import BadFieldError, Fields
from worker.privacy import rights
from worker.privacy.rights import NobodyError
from worker.runtime import Runtime
from worker.store.tokens import Token
from worker.tables import Row
from worker.web.api import address, problems, shapes
from worker.web.api.access import ReadsExports, Runs, WritesRights
from worker.web.api.once import once, written
from worker.web.api.paging import Name, shown
from worker.web.api.sent import Body, Sent

address.register()
router = APIRouter(tags=["members"])

Member = Annotated[
    Name, Path(description="A membership, or the e-mail of a member: then all that are theirs.", examples=["M-1001"])
]


@router.get("/members/{ref:name}/export", response_model=shapes.Exported)
def export_member(who: ReadsExports, runtime: Runs, ref: Member) -> Response:
    """All that is kept of a member, one object a membership. Each look is an audit entry."""
    return shown(_done(lambda: rights.export(runtime, ref, who.name)))


@router.post(
    "/members/{ref:name}/correct",
    response_model=shapes.CorrectedAll,
    openapi_extra=shapes.sends(shapes.Correction),
)
def correct_member(who: WritesRights, runtime: Runs, sent: Body, ref: Member) -> Response:
    """Set a member's name, e-mail or country; an empty text removes one."""
    told = problems.understood(lambda: _correction(sent))
    return _righted(runtime, who, sent, lambda: rights.correct(runtime, ref, who.name, told))


@router.post(
    "/members/{ref:name}/restrict",
    response_model=shapes.RestrictedAll,
    openapi_extra=shapes.may_send(shapes.Restriction),
)
def restrict_member(who: WritesRights, runtime: Runs, sent: Body, ref: Member) -> Response:
    """Leave a member's data alone, as after an objection: nothing is sent by itself any more, neither money nor mail.
    With `lift` that ends."""
    lift = problems.understood(lambda: Fields(sent.json_or_nothing(), "", ("lift",)).truth("lift"))
    return _righted(runtime, who, sent, lambda: rights.restrict(runtime, ref, who.name, lift=lift))


@router.post("/members/{ref:name}/erase", response_model=shapes.ErasedAll, openapi_extra=shapes.NOTHING_SENT)
def erase_member(who: WritesRights, runtime: Runs, sent: Body, ref: Member) -> Response:
    """Forget a member, for good: the key of their data is destroyed. Amounts, dates and ids stay for the books."""
    sent.nothing()
    return _righted(runtime, who, sent, lambda: rights.erase(runtime, ref, who.name))


def _correction(sent: Sent) -> dict[str, str]:
    try:
        told = rights.correction(sent.json())
    except BadFieldError as error:
        raise BadFieldError(error.path.removeprefix("member").removeprefix("."), error.said) from None
    if not told:
        raise BadFieldError("", "name, email or country is expected, and none is there")
    return told


def _righted(runtime: Runtime, who: Token, sent: Sent, act: Callable[[], list[Row]]) -> Response:
    return once(runtime, who, sent, lambda: written(_done(act)))


def _done(act: Callable[[], list[Row]]) -> Row:
    try:
        return {"data": act()}
    except NobodyError:
        raise problems.unknown("a membership or the e-mail of a member") from None
