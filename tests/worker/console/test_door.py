"""What keeps strangers, and other people's pages, out of the console."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.worker.conftest import Clock
from tests.worker.console.conftest import LARGE, Come
from tests.worker.console.visitor import text
from worker.accounts import users
from worker.accounts.roles import Role
from worker.runtime import Runtime
from worker.web.console import guard

PASSWORD = "a password of her own"


@pytest.fixture
def ada(world: Runtime) -> str:
    return users.add(world, "Ada Example", [Role.APPROVER], PASSWORD, "operator").name


def _state(world: Runtime) -> str:
    from worker.store import listings

    with world.engine.connect() as conn:
        return next(str(row["state"]) for row in listings.remedies(conn) if row["key"] == LARGE)


def test_while_there_is_nobody_the_page_says_how_to_make_somebody(come: Come) -> None:
    answer = come().get("/console/sign-in")
    assert answer.status_code == 200
    assert "makegood user add" in text(answer)
    assert "password" not in answer.text.partition("<form")[2]


def test_signing_in_leads_where_one_wanted_to_go_under_a_new_session(come: Come, ada: str) -> None:
    visitor = come()
    wanted = visitor.get("/console/cases?kind=overcharge")
    assert wanted.status_code == 303
    page = visitor.get(wanted.headers["location"])
    held = page.cookies["makegood"]
    form = {"name": ada, "password": PASSWORD, "next": "/console/cases?kind=overcharge"}
    answer = visitor.post("/console/sign-in", form | {"token": guard.token_for(held)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/cases?kind=overcharge")
    assert answer.cookies["makegood"] != held, "a session id that somebody planted is worth nothing"
    assert visitor.get("/console").status_code == 200


def test_the_cookie_is_for_this_site_and_no_script(come: Come, world: Runtime) -> None:
    cookie = come().get("/console/sign-in").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    behind_tls = world.settings.model_copy(update={"console_url": "https://makegood.example"})
    assert guard.cookie_name(behind_tls) == "__Host-makegood"
    assert guard.behind_https(behind_tls)


def test_a_wrong_password_says_nothing_of_which_was_wrong(come: Come, ada: str) -> None:
    said = set()
    for name in (ada, "Nobody Example"):
        visitor = come()
        visitor.cookie = visitor.get("/console/sign-in").cookies["makegood"]
        answer = visitor.post("/console/sign-in", {"name": name, "password": "wrong"})
        assert answer.status_code == 401
        said.add(text(answer))
    assert len(said) == 1


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/console\\..", "javascript:x", "/consoles", ""],
)
def test_signing_in_leads_nowhere_else(come: Come, ada: str, onward: str) -> None:
    visitor = come()
    visitor.cookie = visitor.get("/console/sign-in").cookies["makegood"]
    answer = visitor.post("/console/sign-in", {"name": ada, "password": PASSWORD, "next": onward})
    assert answer.headers["location"] == "/console"


FOREIGN = [
    {"token": "0" * 64},
    {"token": ""},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "", "sec_fetch_site": "cross-site"},
    {"origin": "", "sec_fetch_site": ""},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
]


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_form_that_is_not_ours_does_nothing(come: Come, world: Runtime, foreign: dict[str, str]) -> None:
    visitor = come("approver")
    page = visitor.get("/console/cases/finding:stripe:ch_large")
    seen = page.text.partition('name="seen" value="')[2].partition('"')[0].replace("&#34;", '"')
    form = {"key": LARGE, "seen": seen, **{name: value for name, value in foreign.items() if name == "token"}}
    headers = {name: value for name, value in foreign.items() if name != "token"}
    assert visitor.post("/console/approve", form, **headers).status_code == 403
    assert _state(world) == "held"
    assert visitor.post("/console/approve", {"key": LARGE, "seen": seen}).status_code == 303, "ours does"
    assert _state(world) == "queued"


def test_the_form_of_one_visitor_does_not_work_for_another(come: Come) -> None:
    first, second = come("approver", name="Ada"), come("approver", name="Ben")
    assert second.post("/console/approve", {"token": guard.token_for(first.cookie), "key": LARGE}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/console/sign-in", "/console", "/console/cases", "/console/nothing", "/console/cases/x"]
)
def test_no_page_can_be_framed_cached_or_given_a_script(come: Come, path: str) -> None:
    answer = come("clerk").get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert " onclick" not in answer.text


def test_a_link_in_a_mail_finds_who_is_signed_in(come: Come) -> None:
    """A browser keeps a strict cookie back on the way from another site; loaded once more from here, it comes along."""
    stranger = come()
    answer = stranger.get("/console/cases", sec_fetch_site="cross-site")
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert stranger.get("/console/cases", sec_fetch_site="same-origin").status_code == 303


def test_no_password_is_taken_over_a_wire_that_others_read(come: Come, ada: str) -> None:
    visitor = come()
    visitor.cookie = visitor.get("/console/sign-in").cookies["makegood"]
    answer = visitor.get("/console/sign-in", host="console.example:8010")
    assert "CONSOLE_URL" in text(answer)
    form = {"name": ada, "password": PASSWORD}
    headers = {"host": "console.example:8010", "origin": "http://console.example:8010"}
    assert "CONSOLE_URL" in text(visitor.post("/console/sign-in", form, **headers))
    assert visitor.get("/console").status_code == 303


def test_a_session_that_was_left_alone_ends(come: Come, clock: Clock) -> None:
    visitor = come("clerk")
    clock.advance(timedelta(minutes=20))
    assert visitor.get("/console/cases").headers["location"].startswith("/console/sign-in?next=%2Fconsole%2Fcases")
    clock.advance(timedelta(minutes=-20))


def test_signing_out_ends_the_session_also_in_the_books(come: Come) -> None:
    visitor = come("clerk")
    kept = visitor.cookie
    assert visitor.post("/console/sign-out").status_code == 303
    visitor.client.cookies.set("makegood", kept)
    assert visitor.get("/console").status_code == 303


def test_a_form_larger_than_any_of_ours_is_not_read(come: Come) -> None:
    assert come("approver").post("/console/approve", {"x": "y" * 600_000}).status_code == 413
