"""Every address of the console, and who may come to it. Whether a role may is a table in `worker.accounts.roles`."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from worker.accounts.roles import Permission
from worker.runtime import Runtime
from worker.web.console import approvals, case, cases, decisions, entry, files, today
from worker.web.console.desk import Desk, missing
from worker.web.console.door import Page, endpoint


def _nowhere(_desk: Desk) -> Response:
    raise missing("page")


PAGES = (
    Page("GET", "/console/sign-in", entry.show, open_to_all=True),
    Page("POST", "/console/sign-in", entry.sign_in, open_to_all=True),
    Page("POST", "/console/sign-out", entry.sign_out, open_to_all=True),
    Page("GET", "/console", today.show),
    Page("GET", "/console/cases", cases.show, Permission.READ_CASES),
    Page("GET", "/console/cases.csv", cases.as_csv, Permission.READ_CASES),
    Page("GET", "/console/cases.xlsx", cases.as_xlsx, Permission.READ_CASES),
    Page("GET", "/console/cases/{key:path}", case.show, Permission.READ_CASES),
    Page("POST", "/console/approve", decisions.approve, Permission.WRITE_APPROVALS),
    Page("POST", "/console/prepare", decisions.prepare, Permission.WRITE_PREPARATIONS),
    Page("POST", "/console/waive", decisions.waive, Permission.WRITE_WAIVERS),
    Page("POST", "/console/retry", decisions.retry, Permission.WRITE_RETRIES),
    Page("GET", "/console/approvals", approvals.show, Permission.READ_CASES),
    Page("POST", "/console/approvals/review", approvals.review, Permission.WRITE_APPROVALS),
    Page("POST", "/console/approvals/batch", approvals.approve, Permission.WRITE_APPROVALS),
    # Last: whatever is none of the above is nothing.
    Page("GET", "/console/{rest:path}", _nowhere),
)


def routes(runtime: Runtime) -> list[BaseRoute]:
    """All of the console, for `create_app`."""
    pages = [Route(page.path, endpoint(runtime, page), methods=[page.method]) for page in PAGES[:-1]]
    last = Route(PAGES[-1].path, endpoint(runtime, PAGES[-1]), methods=["GET"])
    return [Route("/console/", _without_slash), *files.routes(), *pages, last]


async def _without_slash(_request: object) -> Response:
    return RedirectResponse("/console", status_code=308)
