"""The switch for outgoing money: how it stands; `makegood stop` and `resume`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from worker.engine import reading
from worker.money import decisions
from worker.runtime import Runtime
from worker.store.switches import Switch, switch
from worker.store.tokens import Token
from worker.tables import Row
from worker.web.api import shapes
from worker.web.api.access import ReadsCases, Resumes, Runs, Stops
from worker.web.api.once import once, written
from worker.web.api.paging import shown
from worker.web.api.problems import Refused
from worker.web.api.sent import Body, Sent

router = APIRouter(tags=["switch"])


@router.get("/switch", response_model=shapes.Switch)
def get_switch(_who: ReadsCases, runtime: Runs) -> Response:
    """Whether outgoing money is stopped, by whom, and why."""
    return shown(_stands(runtime))


@router.post("/switch/stop", response_model=shapes.Turned, openapi_extra=shapes.sends(shapes.Reason))
def stop_money(who: Stops, runtime: Runs, sent: Body) -> Response:
    """Stop all outgoing money, from the next call to a provider on."""
    return _turned(runtime, who, sent, stopped=True)


@router.post("/switch/resume", response_model=shapes.Turned, openapi_extra=shapes.sends(shapes.Reason))
def resume_money(who: Resumes, runtime: Runs, sent: Body) -> Response:
    """Let money go out again."""
    return _turned(runtime, who, sent, stopped=False)


def _turned(runtime: Runtime, who: Token, sent: Sent, *, stopped: bool) -> Response:
    reason = sent.reason()

    def act() -> Response:
        try:
            before = decisions.set_money(runtime, who.name, reason, stopped=stopped)
        except decisions.DecisionError as why:
            raise Refused(409, "conflict", str(why)) from None
        return written({**_stands(runtime), "already": stopped == (before is not None and before.stopped)})

    return once(runtime, who, sent, act)


def _stands(runtime: Runtime) -> Row:
    with reading(runtime.engine).begin() as conn:
        found: Switch | None = switch(conn)
    if found is None:
        return {"stopped": False, "by": None, "reason": None, "at": None}
    return {"stopped": found.stopped, "by": found.by, "reason": found.reason, "at": found.at}
