"""The switch: stop all outgoing money, and let it go out again."""

from __future__ import annotations

from starlette.responses import Response

from worker.money import decisions
from worker.money.decisions import DecisionError
from worker.store import console
from worker.web.console.decisions import plainly
from worker.web.console.desk import Desk

_SHOWN = 20


def show(desk: Desk) -> Response:
    """How it stands, and who turned it when."""
    return _page(desk, "")


def stop(desk: Desk) -> Response:
    """No money leaves from the next call on."""
    return _turn(desk, stopped=True)


def resume(desk: Desk) -> Response:
    """Money leaves again."""
    return _turn(desk, stopped=False)


def _turn(desk: Desk, *, stopped: bool) -> Response:
    try:
        decisions.set_money(desk.runtime, desk.name, desk.form.get("reason", ""), stopped=stopped)
    except DecisionError as error:
        return _page(desk, plainly(str(error)), 409)
    return desk.go(f"/console/switch?done={'stopped' if stopped else 'resumed'}")


def _page(desk: Desk, said: str, status: int = 200) -> Response:
    with desk.reading() as conn:
        turns = console.switched(conn, _SHOWN)
    return desk.page("switch.html.jinja", status=status, said=said, turns=turns)
