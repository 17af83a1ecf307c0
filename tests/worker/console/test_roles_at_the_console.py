"""Every address against every role: one cell each."""

from __future__ import annotations

import re

import pytest

from tests.worker.console.conftest import Come
from worker.accounts.roles import Role
from worker.web.console.routes import PAGES

EVERYBODY = frozenset(Role)
LOOKS = frozenset({Role.CLERK, Role.APPROVER, Role.AUDITOR})
CLERK, APPROVER, AUDITOR, PRIVACY = (frozenset({role}) for role in Role)

# Written out by hand, and not taken from the permissions: this is what a person signs.
ALLOWED = {
    "GET /console": EVERYBODY,
    "GET /console/cases": LOOKS,
    "GET /console/cases.csv": LOOKS,
    "GET /console/cases.xlsx": LOOKS,
    "GET /console/cases/{key:path}": LOOKS,
    "POST /console/approve": APPROVER,
    "POST /console/prepare": CLERK | APPROVER,
    "POST /console/waive": APPROVER,
    "POST /console/retry": APPROVER,
    "GET /console/approvals": LOOKS,
    "GET /console/approvals/next": LOOKS,
    "POST /console/approvals/review": APPROVER,
    "POST /console/approvals/batch": APPROVER,
    "GET /console/memberships": LOOKS,
    "GET /console/memberships/{ref:path}": LOOKS,
    "POST /console/memberships/by-email": LOOKS,
    "POST /console/memberships/reveal": LOOKS,
    "GET /console/claims": LOOKS,
    "GET /console/claims/new": CLERK,
    "POST /console/claims": CLERK,
    "GET /console/claims/{claim:path}": LOOKS,
    "GET /console/policies": LOOKS,
    "GET /console/policies/{bundle}": LOOKS,
    "GET /console/nights": LOOKS,
    "GET /console/nights/{night}": LOOKS,
    "GET /console/nights/{night}/report.{form}": LOOKS,
    "GET /console/audit": AUDITOR,
    "POST /console/audit/verify": AUDITOR,
    "GET /console/switch": LOOKS,
    "POST /console/switch/stop": CLERK | APPROVER,
    "POST /console/switch/resume": APPROVER,
    "GET /console/rights": PRIVACY,
    "POST /console/rights/export": PRIVACY,
    "POST /console/rights/restrict": PRIVACY,
    "POST /console/rights/erase": PRIVACY,
    "GET /console/{rest:path}": EVERYBODY,
}
OPEN = {
    "GET /console/sign-in",
    "POST /console/sign-in",
    "GET /console/sign-in/oidc",
    "GET /console/sign-in/oidc/back",
    "POST /console/sign-out",
}


def _address(path: str) -> str:
    return re.sub(r"{[^}]*}", "none", path)


def test_every_address_is_in_the_table() -> None:
    assert {f"{page.method} {page.path}" for page in PAGES} == ALLOWED.keys() | OPEN
    assert {f"{page.method} {page.path}" for page in PAGES if page.open_to_all} == OPEN


@pytest.mark.parametrize("role", [*Role, None])
def test_a_role_comes_in_where_the_table_says_and_nowhere_else(come: Come, role: Role | None) -> None:
    visitor = come(*([] if role is None else [role.value]))
    for page, allowed in ALLOWED.items():
        method, _, path = page.partition(" ")
        answer = visitor.get(_address(path)) if method == "GET" else visitor.post(_address(path))
        if role is None:
            expected = answer.status_code == 403 or answer.headers["location"].startswith("/console/sign-in")
        else:
            expected = (answer.status_code == 403) == (role not in allowed)
        assert expected, (page, role, answer.status_code)
