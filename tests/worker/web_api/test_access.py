"""Who may do what over HTTP: every address against every role, and what a bad token comes to."""

from __future__ import annotations

from tests.worker.web_api.stands import LARGE, SMALL, Api
from worker.accounts.roles import Role
from worker.web import api
from worker.web.api.access import BAD_TOKENS_MAX, Doorman
from worker.web.api.address import PREFIX
from worker.web.app import create_app
from worker.web.serve import serving

LOOKS = {"clerk", "approver", "auditor"}
ADDRESSES = [
    ("GET", "/memberships", LOOKS),
    ("GET", "/memberships/M-1", LOOKS),
    ("GET", "/memberships/M-1?contacts=true", LOOKS),
    ("PUT", "/memberships/M-1", {"clerk"}),
    ("POST", "/memberships/M-1/notices", {"clerk"}),
    ("POST", "/memberships/M-1/changes", {"clerk"}),
    ("GET", "/members/M-1/export", {"privacy"}),
    ("POST", "/members/M-1/correct", {"privacy"}),
    ("POST", "/members/M-1/restrict", {"privacy"}),
    ("POST", "/members/nobody/erase", {"privacy"}),
    ("POST", "/events/stripe", {"clerk"}),
    ("GET", "/findings", LOOKS),
    ("GET", "/findings/x", LOOKS),
    ("GET", "/remedies", LOOKS),
    ("GET", f"/remedies/{SMALL}", LOOKS),
    ("POST", f"/remedies/{LARGE}/prepare", {"clerk", "approver"}),
    ("POST", f"/remedies/{LARGE}/approve", {"approver"}),
    ("POST", f"/remedies/{LARGE}/waive", {"approver"}),
    ("POST", f"/remedies/{LARGE}/retry", {"approver"}),
    ("GET", "/explain/M-1", LOOKS),
    ("POST", "/claims", {"clerk"}),
    ("GET", "/claims", LOOKS),
    ("GET", "/claims/C-1", LOOKS),
    ("GET", "/switch", LOOKS),
    ("POST", "/switch/stop", {"clerk", "approver"}),
    ("POST", "/switch/resume", {"approver"}),
    ("GET", "/nights", LOOKS),
    ("GET", "/nights/2026-03-20", LOOKS),
    ("GET", "/reports/2026-03-20/json", LOOKS),
    ("GET", "/audit", {"auditor"}),
    ("GET", "/audit/verify", {"auditor"}),
]


def test_every_address_and_role_is_as_written_here(called: Api) -> None:
    found = {
        (method, path): {str(role) for role in Role if called(method, path, str(role)).status_code != 403}
        for method, path, _ in ADDRESSES
    }

    assert found == {(method, path): roles for method, path, roles in ADDRESSES}


def test_the_table_has_every_address_of_the_document(called: Api) -> None:
    operations = [
        (method.upper(), path)
        for path, all_of in called.get("/openapi.json", None)["paths"].items()
        for method in all_of
    ]

    assert len(operations) == len(ADDRESSES) - 1  # one address stands there twice


def test_without_a_token_nothing_is_told(called: Api) -> None:
    for method, path, _ in ADDRESSES:
        refused = called(method, path, None)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:makegood:problem:no-token")
        assert refused.headers["www-authenticate"].startswith("Bearer")


def test_whatever_is_no_token_is_401(called: Api) -> None:
    for header in (b"", b"Bearer", b"Basic YTpi", b"Bearer mkg_0_0", b"bearer \xe9", b"Bearer a b"):
        assert called.http.get("/findings", headers=[(b"Authorization", header)]).status_code == 401, header


def test_a_token_that_lacks_a_scope_is_told_which(called: Api) -> None:
    refused = called("POST", f"/remedies/{LARGE}/approve", "clerk")

    assert refused.status_code == 403
    assert "write:approvals" in refused.json()["detail"]


def test_many_bad_tokens_are_told_to_wait_and_a_good_one_is_not(called: Api) -> None:
    # A process of its own: this one would go on to remember.
    with serving(create_app(called.runtime, routes=api.routes(called.runtime, lambda: None))) as base:
        address = f"{base}{PREFIX}/findings"
        statuses = [called("GET", address, "mkg_made_up").status_code for _ in range(BAD_TOKENS_MAX)]
        refused = called("GET", address, "mkg_made_up")
        good = called("GET", address)

    assert statuses == [401] * BAD_TOKENS_MAX
    assert (refused.status_code, good.status_code) == (429, 200)
    assert 0 < int(refused.headers["retry-after"]) <= 61


def test_the_doorman_forgets() -> None:
    now = 0.0
    doorman = Doorman(lambda: now)
    waits = [doorman.bad("a") for _ in range(BAD_TOKENS_MAX + 1)]
    now = 61.0

    assert waits == [None] * BAD_TOKENS_MAX + [61]
    assert doorman.bad("b") is None
    assert doorman.bad("a") is None
