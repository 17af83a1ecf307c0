"""Signing in with the company's own account: to its OpenID provider, and back with what it vouches for.

What ties the way there to the way back is a cookie of ten minutes, signed with the client's secret, which every web
process has. It is good for one return: the browser loses it then, and the books remember that it was used.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

import structlog
from itsdangerous import BadData, URLSafeSerializer
from starlette.responses import Response

from config.settings import Settings
from worker.accounts import by_provider, signing_in
from worker.accounts.by_provider import Account, Refusal, TurnedAway
from worker.accounts.roles import Role
from worker.web.console import guard, issuer
from worker.web.console.desk import Desk, RefusedError, missing
from worker.web.console.issuer import Attempt, Issuer, IssuerError

WITHIN = timedelta(minutes=10)
_ONWARD_MAX = 1000

_log = structlog.get_logger(__name__)


def begin(desk: Desk) -> Response:
    """To the provider. Whoever is signed in here is signed out by it."""
    settings = _set_up(desk)
    attempt = Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))
    to = issuer.way_there(settings, _issuer(desk), attempt)
    if desk.cookie:
        signing_in.sign_out(desk.runtime, desk.cookie)
    onward = guard.within(desk.query.get("next", "")[:_ONWARD_MAX])
    kept = {**asdict(attempt), "onward": onward, "at": desk.runtime.clock().isoformat()}
    response = desk.go(to)
    guard.set_under_way(settings, response, _signer(settings).dumps(kept), int(WITHIN.total_seconds()))
    return response


def back(desk: Desk) -> Response:
    """From the provider: a new session, whatever the browser held before; or why not."""
    settings = _set_up(desk)
    try:
        session_id, onward = _signed_in(desk, settings)
    except RefusedError as refused:
        response = desk.page(
            "refused.html.jinja",
            status=refused.status,
            heading=refused.heading,
            text=refused.text,
            back="/console/sign-in",
        )
    else:
        # No redirect: it would be part of the way from another site, on which a browser keeps a strict cookie back.
        response = desk.page("again.html.jinja", onward=onward)
        guard.set_cookie(settings, response, session_id)
    guard.set_under_way(settings, response, "")
    return response


def _signed_in(desk: Desk, settings: Settings) -> tuple[str, str]:
    kept = _under_way(desk, settings)
    attempt = Attempt(kept["state"], kept["nonce"], kept["verifier"])
    code = desk.query.get("code", "")
    if "error" in desk.query or not code:
        raise RefusedError(403, "The sign-in was not finished", "Your company's sign-in page let nobody in. Try again.")
    found = _issuer(desk)
    if desk.query.get("iss", found.name) != found.name:
        raise _unlike()
    try:
        told = issuer.claims(settings, found, attempt, code, desk.runtime.clock())
    except IssuerError as error:
        _log.warning("oidc_sign_in_failed", fault=str(error))
        raise _unlike() from None
    try:
        return by_provider.sign_in(desk.runtime, _account(settings, found, told), attempt.state), kept["onward"]
    except TurnedAway as turned:
        raise _turned_away(turned.why) from None


def _under_way(desk: Desk, settings: Settings) -> Mapping[str, Any]:
    """What this browser left with. Raises RefusedError where it did not leave from here, or too long ago."""
    stale = RefusedError(
        403, "This sign-in is not valid any more", f"Begin again, at {settings.console_url}/console and in one window."
    )
    try:
        kept: Mapping[str, Any] = _signer(settings).loads(desk.under_way)
    except BadData:
        raise stale from None
    age = desk.runtime.clock() - datetime.fromisoformat(kept["at"])
    same = compare_digest(kept["state"].encode(), desk.query.get("state", "").encode())
    if not same or not timedelta(0) <= age < WITHIN:
        raise stale
    return kept


def _account(settings: Settings, found: Issuer, told: Mapping[str, Any]) -> Account:
    subject = told.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _unlike()
    names = (told.get(claim) for claim in ("preferred_username", "email"))
    name = next((name for name in names if isinstance(name, str) and name.strip()), subject)
    groups = told.get(settings.oidc_roles_claim)
    listed = groups if isinstance(groups, list) else [groups]
    inside = {each for each in listed if isinstance(each, str)}
    return Account(found.name, subject, name, {Role(role) for group, role in settings.oidc_roles if group in inside})


def _set_up(desk: Desk) -> Settings:
    if not desk.runtime.settings.require_oidc():
        raise missing("page")
    return desk.runtime.settings


def _issuer(desk: Desk) -> Issuer:
    try:
        return issuer.discover(desk.runtime.settings, desk.runtime.clock())
    except IssuerError as error:
        _log.warning("oidc_issuer_failed", fault=str(error))
        text = "Try again in a minute. If it comes again, tell whoever runs makegood: the log says why."
        raise RefusedError(503, "Your company's sign-in cannot be reached", text) from None


def _signer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.require_oidc_client()[1], salt="makegood sign-in under way")


def _unlike() -> RefusedError:
    text = "Its answer was not in order. Try again; if it comes again, tell whoever runs makegood: the log says why."
    return RefusedError(403, "Your company's sign-in vouched for nobody", text)


def _turned_away(why: Refusal) -> RefusedError:
    if why is Refusal.NO_ROLE:
        text = "Your account is in no group that has a role here. Ask whoever looks after your company's groups."
        return RefusedError(403, "There is no role for you here", text)
    if why is Refusal.USED:
        return RefusedError(403, "This sign-in was used before", "Begin again.")
    text = "Tell whoever runs makegood: the audit log says why."
    return RefusedError(403, "You cannot come in with this account", text)
