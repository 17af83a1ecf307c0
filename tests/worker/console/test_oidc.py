"""Through the company's own sign-in: who it vouches for comes in under one name for good, and nobody else does."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import select

from config import settings as reading
from config.settings import Settings, SettingsError
from tests.worker.conftest import Clock
from tests.worker.console.provider import CLIENT_ID, CLIENT_SECRET, KEYS, Provider, pem, providing
from tests.worker.console.visitor import Visitor, text
from worker.accounts import by_provider, signing_in, tokens, users
from worker.accounts.roles import Permission, Role
from worker.doctor import examine
from worker.runtime import Runtime
from worker.schema import audit
from worker.web.app import create_app
from worker.web.console.routes import routes
from worker.web.serve import serving

ADA = {"sub": "u-1", "preferred_username": "ada@example.com", "groups": ["everybody", "finance:clerks"]}
PASSWORD = "a password of her own"
BEGIN, BACK = "/console/sign-in/oidc", "/console/sign-in/oidc/back"


@pytest.fixture
def provider(clock: Clock) -> Iterator[Provider]:
    with providing(lambda: clock().timestamp()) as found:
        found.person = dict(ADA)
        yield found


def _settings(world: Runtime, provider: Provider, **more: object) -> Settings:
    given: dict[str, object] = {
        "console_url": "http://127.0.0.1:8010",
        "oidc_issuer": provider.address,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_roles": "finance:clerks:clerk,leads:approver",
    }
    return Settings.model_validate({**world.settings.model_dump(exclude_unset=True), **given, **more})


@pytest.fixture
def company(world: Runtime, provider: Provider) -> Runtime:
    return dataclasses.replace(world, settings=_settings(world, provider))


@pytest.fixture
def browser(company: Runtime) -> Iterator[Callable[[], Visitor]]:
    here: list[Visitor] = []
    with serving(create_app(company, routes=routes(company))) as base:

        def another() -> Visitor:
            here.append(Visitor(base, company))
            return here[-1]

        yield another
        for visitor in here:
            visitor.client.close()


Browser = Callable[[], Visitor]


def _way_back(visitor: Visitor, provider: Provider, onward: str = "") -> str:
    answer = visitor.get(BEGIN + onward)
    assert answer.status_code == 303, text(answer)
    return f"{BACK}?{provider.sign_in(answer.headers['location'])}"


def _through(visitor: Visitor, provider: Provider, onward: str = "") -> httpx2.Response:
    return visitor.get(_way_back(visitor, provider, onward), sec_fetch_site="cross-site")


def _said(world: Runtime) -> list[tuple[str, str, str]]:
    with world.engine.connect() as conn:
        rows = conn.execute(select(audit).order_by(audit.c.n)).all()
    return [(row.actor, row.action, row.detail.get("why", "")) for row in rows if "sign" in row.action]


def _who(visitor: Visitor) -> str:
    return text(visitor.get("/console")).partition("Sign out")[0]


def test_whom_the_provider_vouches_for_comes_in_where_they_wanted_to_go(
    browser: Browser, provider: Provider, company: Runtime
) -> None:
    visitor = browser()
    page = visitor.get("/console/sign-in?next=%2Fconsole%2Fcases")
    planted = page.cookies["makegood"]
    assert f'href="{BEGIN}?next=%2Fconsole%2Fcases"' in page.text
    answer = _through(visitor, provider, "?next=%2Fconsole%2Fcases")
    assert answer.status_code == 200
    assert "url=/console/cases" in answer.text, "a redirect would still come from elsewhere, without the strict cookie"
    session = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("makegood="))
    assert "SameSite=strict" in session
    assert "HttpOnly" in session
    assert answer.cookies["makegood"] != planted
    assert "ada@example.com clerk" in _who(visitor)
    assert _said(company) == [("ada@example.com", "signed_in_by_oidc", "")]


def test_the_way_there_asks_for_what_the_way_back_is_held_against(browser: Browser, provider: Provider) -> None:
    answers = [browser().get(BEGIN) for _ in range(2)]
    asked = [parse_qs(urlsplit(answer.headers["location"]).query) for answer in answers]
    assert asked[0]["redirect_uri"] == ["http://127.0.0.1:8010/console/sign-in/oidc/back"]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 40
    cookie = answers[0].headers["set-cookie"]
    assert "SameSite=lax" in cookie
    assert "HttpOnly" in cookie
    assert "Max-Age=600" in cookie
    assert len([each for each in provider.asked if "well-known" in each.path]) == 1, "strangers do not make it busy"


def test_a_return_that_did_not_leave_from_this_browser_is_nobodys(browser: Browser, provider: Provider) -> None:
    hers, other = browser(), browser()
    back = _way_back(hers, provider)
    _way_back(other, provider)
    for visitor, path in ((browser(), back), (other, back), (hers, f"{BACK}?code=code-0"), (hers, back)):
        answer = visitor.get(path)
        assert answer.status_code == 403
        assert "Begin again" in text(answer)
        assert visitor.get("/console").status_code == 303


@pytest.mark.parametrize("forgets", [False, True], ids=["the provider remembers", "the provider forgets"])
def test_a_return_is_good_for_once(browser: Browser, provider: Provider, company: Runtime, forgets: bool) -> None:
    provider.forgets = forgets
    visitor, thief = browser(), browser()
    back = _way_back(visitor, provider)
    kept = visitor.client.cookies["makegood-oidc"]
    assert visitor.get(back).status_code == 200
    assert visitor.get(back).status_code == 403, "the browser has lost it"
    thief.client.cookies.set("makegood-oidc", kept)
    answer = thief.get(back)
    assert answer.status_code == 403
    assert ("was used before" in text(answer)) is forgets
    assert thief.get("/console").status_code == 303
    assert [action for _, action, _ in _said(company)].count("signed_in_by_oidc") == 1


def test_a_return_that_took_too_long_begins_again(browser: Browser, provider: Provider, clock: Clock) -> None:
    visitor = browser()
    back = _way_back(visitor, provider)
    clock.advance(timedelta(minutes=10))
    assert "Begin again" in text(visitor.get(back))


SPOILT: dict[str, dict[str, Any]] = {
    "another's nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "for another program": {"aud": "another"},
    "for two, and it does not say which": {"aud": [CLIENT_ID, "another"]},
    "for another program, asked for by this one": {"aud": "another", "azp": CLIENT_ID},
    "for two, and asked for by the other": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "of another issuer": {"iss": "https://login.example"},
    "over": {"exp": 1},
    "without an end": {"exp": None},
    "not yet": {"nbf": 4102444800},
    "of nobody": {"sub": None},
    "of a number": {"sub": 7},
}


def test_a_token_that_says_anything_else_is_nothing(browser: Browser, provider: Provider, company: Runtime) -> None:
    visitor = browser()
    for why, spoil in SPOILT.items():
        provider.spoil = spoil
        _nobody(_through(visitor, provider), visitor, company, why)
    provider.spoil = {}
    assert _through(visitor, provider).status_code == 200, "and it was that alone"


SIGNED: dict[str, tuple[dict[str, Any], bytes]] = {
    "by nobody": ({"alg": "none"}, b""),
    "with the public key as a secret": ({"alg": "HS256"}, pem(KEYS[0])),
    "with the client's secret": ({"alg": "HS256"}, CLIENT_SECRET.encode()),
    "of a kind that the signature is not": ({"alg": "PS256"}, b""),
    "by a key that nobody published": ({"kid": "key-9"}, b""),
    "by a key that it brings along": ({"kid": "key-9", "jwk": {"kty": "oct", "k": "AA"}}, b""),
}


def test_a_token_that_is_signed_otherwise_is_nothing(browser: Browser, provider: Provider, company: Runtime) -> None:
    visitor = browser()
    for why, (header, secret) in SIGNED.items():
        provider.header, provider.secret = header, secret
        _nobody(_through(visitor, provider), visitor, company, why)
    provider.header, provider.published = {"kid": "key-1"}, 1
    _nobody(_through(visitor, provider), visitor, company, "by another key of the name of one that is published")
    provider.header, provider.published = {}, None
    assert _through(visitor, provider).status_code == 200, "and it was that alone"


def _nobody(answer: httpx2.Response, visitor: Visitor, company: Runtime, why: str) -> None:
    assert answer.status_code == 403, why
    assert "vouched for nobody" in text(answer), why
    assert "Error" not in answer.text
    assert visitor.get("/console").status_code == 303, why
    assert _said(company) == [], why


def test_a_new_key_is_known_at_once(browser: Browser, provider: Provider) -> None:
    assert _through(browser(), provider).status_code == 200
    provider.key = 1
    assert _through(browser(), provider).status_code == 200


def test_roles_are_those_of_each_sign_in(browser: Browser, provider: Provider, company: Runtime) -> None:
    first, second = browser(), browser()
    _through(first, provider)
    provider.person["groups"] = ["leads"]
    _through(second, provider)
    assert "ada@example.com approver" in _who(second)
    assert "ada@example.com approver" in _who(first)
    provider.person["groups"] = ["everybody"]
    answer = _through(browser(), provider)
    assert answer.status_code == 403
    assert "no group that has a role" in text(answer)
    assert first.get("/console").status_code == 303, "what was open is closed"
    assert _said(company)[-1] == ("makegood", "sign_in_refused", "no group of the account has a role")


def test_nobody_without_a_role_comes_in(browser: Browser, provider: Provider) -> None:
    visitor = browser()
    for groups in (None, [], "everybody", 7, {"leads": True}, ["Leads", "approver", 7]):
        provider.person["groups"] = groups
        assert _through(visitor, provider).status_code == 403, groups
        assert visitor.get("/console").status_code == 303


def test_who_is_renamed_at_the_provider_stays_one_person(browser: Browser, provider: Provider) -> None:
    _through(browser(), provider)
    provider.person["preferred_username"] = "ben@example.com"
    _through(visitor := browser(), provider)
    assert "ada@example.com clerk" in _who(visitor)


@pytest.mark.parametrize("whose", ["local", "disabled", "token", "account"])
def test_a_name_that_is_somebody_elses_stays_theirs(
    browser: Browser, provider: Provider, company: Runtime, whose: str
) -> None:
    if whose == "token":
        tokens.make(company, "Ada@Example.com", [Permission.READ_CASES], 30, "operator")
    elif whose == "account":
        _through(browser(), provider)
        provider.person["sub"] = "u-2"
    else:
        users.add(company, "ADA@example.com", [Role.APPROVER], PASSWORD, "operator")
        if whose == "disabled":
            users.disable(company, "ADA@example.com", "operator")
    visitor = browser()
    answer = _through(visitor, provider)
    assert answer.status_code == 403
    assert "the audit log says why" in text(answer)
    assert visitor.get("/console").status_code == 303
    why = (
        "the person is disabled"
        if whose == "disabled"
        else "the name is that of a local user, a token or another account"
    )
    assert _said(company)[-1] == ("makegood", "sign_in_refused", why)


def test_who_is_shut_out_stays_out(browser: Browser, provider: Provider, company: Runtime) -> None:
    visitor = browser()
    _through(visitor, provider)
    users.disable(company, "ada@example.com", "operator")
    assert visitor.get("/console").status_code == 303
    assert _through(visitor, provider).status_code == 403
    users.disable(company, "ada@example.com", "operator", lift=True)
    assert _through(visitor, provider).status_code == 200


def test_a_name_that_could_not_stand_in_the_audit_log_is_refused(browser: Browser, provider: Provider) -> None:
    visitor = browser()
    for name in ("makegood", "a:b", "x" * 101, "a\u202eb"):
        provider.person["preferred_username"] = name
        assert _through(visitor, provider).status_code == 403, name


def test_no_password_opens_what_the_provider_vouches_for(
    browser: Browser, provider: Provider, company: Runtime
) -> None:
    visitor = browser()
    _through(visitor, provider)
    with pytest.raises(users.UserError, match="has no password here"):
        users.set_password(company, "ada@example.com", PASSWORD, "operator")
    visitor = browser()
    visitor.cookie = visitor.get("/console/sign-in").cookies["makegood"]
    mark = f"oidc {provider.address} u-1"
    for password in (PASSWORD, mark):
        assert visitor.post("/console/sign-in", {"name": "ada@example.com", "password": password}).status_code == 401


def test_where_the_setting_says_so_no_password_is_taken(world: Runtime, provider: Provider) -> None:
    users.add(world, "Ben Example", [Role.CLERK], PASSWORD, "operator")
    only = dataclasses.replace(world, settings=_settings(world, provider, oidc_only=True))
    for company, status in ((only, 403), (dataclasses.replace(world, settings=_settings(world, provider)), 303)):
        with serving(create_app(company, routes=routes(company))) as base:
            visitor = Visitor(base, company)
            page = visitor.get("/console/sign-in")
            visitor.cookie = page.cookies["makegood"]
            assert ("password" in page.text.lower()) is (status == 303)
            answer = visitor.post("/console/sign-in", {"name": "Ben Example", "password": PASSWORD})
            assert answer.status_code == status
            visitor.client.close()
    # Nor does what a password opened before stay open.
    assert signing_in.person(only, open_since := signing_in.sign_in(world, "Ben Example", PASSWORD) or "") is None
    assert signing_in.person(world, open_since) is None


@pytest.mark.parametrize("gone", ["/.well-known/openid-configuration", "/token", "/keys"])
def test_while_the_provider_is_down_a_page_says_so_and_no_more(browser: Browser, provider: Provider, gone: str) -> None:
    visitor = browser()
    provider.down.add(gone)
    answer = visitor.get(BEGIN)
    if answer.status_code == 303:
        answer = visitor.get(f"{BACK}?{provider.sign_in(answer.headers['location'])}")
    assert answer.status_code in {403, 503}
    assert "the log says why" in text(answer)
    assert provider.address not in answer.text
    provider.down.clear()
    assert _through(visitor, provider).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "https://login.example"},
        {"token_endpoint": "http://login.example/token"},
        {"jwks_uri": "ftp://login.example/keys"},
        {"authorization_endpoint": None},
    ],
)
def test_a_provider_that_sends_one_elsewhere_is_not_followed(
    browser: Browser, provider: Provider, told: dict[str, object]
) -> None:
    provider.configuration = told
    assert browser().get(BEGIN).status_code == 503


def test_who_refuses_at_the_provider_may_try_again(browser: Browser) -> None:
    visitor = browser()
    state = parse_qs(urlsplit(visitor.get(BEGIN).headers["location"]).query)["state"][0]
    answer = visitor.get(f"{BACK}?error=access_denied&error_description=%3Cb%3Esecret&state={state}")
    assert answer.status_code == 403
    assert "was not finished" in text(answer)
    assert "secret" not in answer.text


def test_where_nothing_is_set_nothing_is_there(base: str, world: Runtime) -> None:
    visitor = Visitor(base, world)
    assert "company" not in visitor.get("/console/sign-in").text
    assert visitor.get(BEGIN).status_code == 404
    assert visitor.get(BACK).status_code == 404
    visitor.client.close()


WHOLE = {
    "MAKEGOOD_CONSOLE_URL": "https://makegood.example",
    "MAKEGOOD_OIDC_ISSUER": "https://login.example/",
    "MAKEGOOD_OIDC_CLIENT_ID": "id",
    "MAKEGOOD_OIDC_CLIENT_SECRET": "secret",
    "MAKEGOOD_OIDC_ROLES": "finance-clerks:clerk, urn:x:leads:approver",
}


def test_a_half_set_sign_in_is_named_by_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading.load(WHOLE).oidc_roles == (("finance-clerks", "clerk"), ("urn:x:leads", "approver"))
    every = ",".join(f"g:{role}" for role in Role)
    assert len(reading.load({"MAKEGOOD_OIDC_ROLES": every}).oidc_roles) == len(Role)
    assert by_provider.needs_of_sign_in(reading.load(WHOLE))
    assert not by_provider.needs_of_sign_in(reading.load({"MAKEGOOD_CONSOLE_URL": "https://makegood.example"}))
    for name in WHOLE:
        with pytest.raises(SettingsError, match=f"{name} is not set"):
            by_provider.needs_of_sign_in(reading.load({other: WHOLE[other] for other in WHOLE if other != name}))
    with pytest.raises(SettingsError, match="MAKEGOOD_OIDC_ISSUER is not set"):
        by_provider.needs_of_sign_in(reading.load({"MAKEGOOD_OIDC_ONLY": "true"}))
    for name, value in {
        "MAKEGOOD_OIDC_ISSUER": "http://login.example",
        "MAKEGOOD_OIDC_ROLES": "finance:boss",
        "MAKEGOOD_OIDC_SCOPES": "email",
    }.items():
        with pytest.raises(SettingsError, match=f"{name} is malformed"):
            by_provider.needs_of_sign_in(reading.load(WHOLE | {name: value}))
    monkeypatch.setitem(sys.modules, "authlib", None)
    with pytest.raises(SettingsError, match=r"pip install makegood\[oidc\]"):
        by_provider.needs_of_sign_in(reading.load(WHOLE))


def test_web_stops_and_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    half = {name: value for name, value in WHOLE.items() if name != "MAKEGOOD_OIDC_ROLES"}
    half["MAKEGOOD_STRIPE_WEBHOOK_SECRETS"] = "whsec_none"
    for name, value in half.items():
        monkeypatch.setenv(name, value)
    ended = subprocess.run(
        [sys.executable, "-m", "worker.cli", "web"], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 2
    assert "MAKEGOOD_OIDC_ROLES is not set" in ended.stderr
    assert "secret" not in ended.stderr.replace("CLIENT_SECRET", "")
    told = [found for found in examine() if found.what == "console sign-in"]
    assert [found.said.partition(":")[0] for found in told] == ["MAKEGOOD_OIDC_ROLES is not set"]


def test_the_extra_is_loaded_by_nobody_who_does_not_need_it() -> None:
    program = "import sys, worker.web.console.routes; sys.exit('authlib' in sys.modules or 'joserfc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
