"""In and out: signing in, and signing out."""

from __future__ import annotations

from starlette.responses import Response

from worker.accounts import signing_in
from worker.accounts.passwords import CrowdedError
from worker.store import accounts
from worker.web.console import asking, guard
from worker.web.console.desk import Desk, RefusedError


def show(desk: Desk) -> Response:
    """The form; or, while there is nobody who could sign in, how to make somebody."""
    return _form(desk, "", asking.text(desk.query, "next"))


def sign_in(desk: Desk) -> Response:
    """A new session, whatever the browser held before; or the form again."""
    onward, settings = guard.within(desk.form.get("next", "")), desk.runtime.settings
    if settings.oidc_only:
        raise RefusedError(403, "No password is taken here", "Sign in with your company's account.")
    if not guard.is_private(settings, desk.host):
        return _form(desk, "", onward)
    try:
        session_id = signing_in.sign_in(desk.runtime, desk.form.get("name", ""), desk.form.get("password", ""))
    except CrowdedError:
        return _form(desk, "Too many are signing in at this moment. Try again in a minute.", onward, 503)
    if session_id is None:
        said = "This name and password do not fit together. After several wrong tries there is a wait before the next."
        return _form(desk, said, onward, 401)
    if desk.cookie:
        signing_in.sign_out(desk.runtime, desk.cookie)
    response = desk.go(onward)
    guard.set_cookie(settings, response, session_id)
    return response


def sign_out(desk: Desk) -> Response:
    """End the session here, and in the browser."""
    signing_in.sign_out(desk.runtime, desk.cookie)
    response = desk.go("/console/sign-in")
    guard.set_cookie(desk.runtime.settings, response, "")
    return response


def _form(desk: Desk, said: str, onward: str, status: int = 200) -> Response:
    with desk.reading() as conn:
        anybody = accounts.is_anybody(conn)
    return desk.page(
        "sign_in.html.jinja",
        status=status,
        said=said,
        onward=guard.within(onward),
        anybody=anybody,
        by_provider=desk.runtime.settings.require_oidc(),
        passwords=not desk.runtime.settings.oidc_only,
        private=guard.is_private(desk.runtime.settings, desk.host),
        name=asking.text(desk.form, "name"),
    )
