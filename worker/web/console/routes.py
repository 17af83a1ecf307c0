"""Every address of the console, and who may come to it. Whether a role may is a table in `worker.accounts.roles`."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from worker.accounts.roles import Permission
from worker.runtime import Runtime
from worker.web.console import (
    approvals,
    audit,
    case,
    cases,
    claims,
    decisions,
    entry,
    files,
    members_rights,
    memberships,
    night_pages,
    oidc,
    policies,
    switch,
    today,
)
from worker.web.console.desk import Desk, missing
from worker.web.console.door import Page, endpoint


def _nowhere(_desk: Desk) -> Response:
    raise missing("page")


PAGES = (
    Page("GET", "/console/sign-in", entry.show, open_to_all=True),
    Page("POST", "/console/sign-in", entry.sign_in, open_to_all=True),
    Page("GET", "/console/sign-in/oidc", oidc.begin, open_to_all=True),
    Page("GET", "/console/sign-in/oidc/back", oidc.back, open_to_all=True),
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
    Page("GET", "/console/approvals/next", approvals.following, Permission.READ_CASES),
    Page("POST", "/console/approvals/review", approvals.review, Permission.WRITE_APPROVALS),
    Page("POST", "/console/approvals/batch", approvals.approve, Permission.WRITE_APPROVALS),
    Page("GET", "/console/memberships", memberships.show, Permission.READ_MEMBERSHIPS),
    Page("POST", "/console/memberships/by-email", memberships.by_email, Permission.READ_CONTACTS),
    Page("POST", "/console/memberships/reveal", memberships.reveal, Permission.READ_CONTACTS),
    Page("GET", "/console/memberships/{ref:path}", memberships.one, Permission.READ_MEMBERSHIPS),
    Page("GET", "/console/claims", claims.show, Permission.READ_CASES),
    Page("GET", "/console/claims/new", claims.new, Permission.WRITE_CLAIMS),
    Page("POST", "/console/claims", claims.take_in, Permission.WRITE_CLAIMS),
    Page("GET", "/console/claims/{claim:path}", claims.one, Permission.READ_CASES),
    Page("GET", "/console/policies", policies.show, Permission.READ_POLICIES),
    Page("GET", "/console/policies/{bundle}", policies.one, Permission.READ_POLICIES),
    Page("GET", "/console/nights", night_pages.show, Permission.READ_REPORTS),
    Page("GET", "/console/nights/{night}", night_pages.one, Permission.READ_REPORTS),
    Page("GET", "/console/nights/{night}/report.{form}", night_pages.report, Permission.READ_REPORTS),
    Page("GET", "/console/audit", audit.show, Permission.READ_AUDIT),
    Page("POST", "/console/audit/verify", audit.verify, Permission.READ_AUDIT),
    Page("GET", "/console/switch", switch.show, Permission.READ_CASES),
    Page("POST", "/console/switch/stop", switch.stop, Permission.WRITE_STOP),
    Page("POST", "/console/switch/resume", switch.resume, Permission.WRITE_RESUME),
    Page("GET", "/console/rights", members_rights.show, Permission.READ_EXPORTS),
    Page("POST", "/console/rights/export", members_rights.export, Permission.READ_EXPORTS),
    Page("POST", "/console/rights/restrict", members_rights.restrict, Permission.WRITE_RIGHTS),
    Page("POST", "/console/rights/erase", members_rights.erase, Permission.WRITE_RIGHTS),
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
