"""The API as one application, to be mounted on the web process."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from worker.runtime import Runtime
from worker.web.api import audited, cases, intake, members, memberships, nights, problems, switch
from worker.web.api.access import Doorman
from worker.web.api.address import PREFIX
from worker.web.api.document import describe
from worker.web.api.shell import Shell

DESCRIPTION = """What makegood's commands do, for a merchant's own programs.

Send `Authorization: Bearer TOKEN`; `makegood token add` makes one with the scopes that it needs. Money is whole minor
units with its currency, times are RFC 3339 in UTC, dates are in the merchant's zone. Lists come in pages: `next` is the
`cursor` of the next one. A write with an `Idempotency-Key` is done once and answered again. Every refusal is a problem
(RFC 9457) that names the place and the mend."""
TAGS = [
    {"name": "memberships", "description": "The roster, a membership at a time."},
    {
        "name": "members",
        "description": "A member's rights: what is kept is handed over, corrected, left alone, forgotten.",
    },
    {"name": "events", "description": "What a provider told, from an export."},
    {"name": "cases", "description": "What is wrong, what is done about it, and why."},
    {"name": "claims", "description": "What members say is wrong, and what they are answered."},
    {"name": "switch", "description": "Outgoing money is stopped, and let go again."},
    {"name": "nights", "description": "What each night found, and its report."},
    {"name": "audit", "description": "Who did what to what, and whether the record still holds."},
]


def create_api(runtime: Runtime, ring: Callable[[], None]) -> ASGIApp:
    """`ring` wakes a worker after something is there to be handled or judged."""
    app = FastAPI(
        title="makegood",
        version=version("makegood"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        servers=[{"url": PREFIX}],
        docs_url=None,  # those pages load their assets from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_named,
    )
    app.state.runtime = runtime
    app.state.ring = ring
    app.state.doorman = Doorman()
    routers = (
        memberships.router,
        members.router,
        intake.router,
        cases.router,
        switch.router,
        nights.router,
        audited.router,
    )
    problems.add_to(app, [*app.routes, *(route for router in routers for route in router.routes)])
    for router in routers:
        app.include_router(router)
    described: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not described:
            described.update(describe(app))
        return described

    app.openapi = openapi  # type: ignore[method-assign] # how the framework has it replaced
    return Shell(app)


def _named(route: APIRoute) -> str:
    return route.name
