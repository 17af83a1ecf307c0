"""A member's rights: hand over what is kept, leave it alone, forget it. For the privacy role only."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from worker import tables
from worker.privacy import rights
from worker.privacy.rights import NobodyError
from worker.schema import Row
from worker.web.console import asking
from worker.web.console.desk import Desk


def show(desk: Desk) -> Response:
    """The forms."""
    return desk.page("rights.html.jinja", said="", acted=None)


def export(desk: Desk) -> Response:
    """Everything that is kept of a member, as a file. The look is an audit entry."""
    member = asking.text(desk.form, "member")
    try:
        told = rights.export(desk.runtime, member, desk.name)
    except NobodyError:
        return _nobody(desk)
    body = "".join(tables.as_json(row) + "\n" for row in told)
    headers = {"content-disposition": 'attachment; filename="member.jsonl"'}
    return Response(body, media_type="application/jsonl", headers=headers)


def restrict(desk: Desk) -> Response:
    """Leave a member's data alone, or end that."""
    lift = desk.form.get("lift") == "yes"
    return _act(desk, lambda member: rights.restrict(desk.runtime, member, desk.name, lift=lift))


def erase(desk: Desk) -> Response:
    """Forget a member. It cannot be taken back, so the member is typed twice."""
    if asking.text(desk.form, "again") != asking.text(desk.form, "member"):
        return desk.page(
            "rights.html.jinja", status=409, said="The two are not the same: nothing was erased.", acted=None
        )
    return _act(desk, lambda member: rights.erase(desk.runtime, member, desk.name))


def _act(desk: Desk, act: Callable[[str], list[Row]]) -> Response:
    try:
        done = act(asking.text(desk.form, "member"))
    except NobodyError:
        return _nobody(desk)
    return desk.page("rights.html.jinja", said="", acted=done)


def _nobody(desk: Desk) -> Response:
    said = "A membership or the e-mail of a member is expected, and this is none."
    return desk.page("rights.html.jinja", status=404, said=said, acted=None)
