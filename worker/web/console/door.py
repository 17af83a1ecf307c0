"""The way of one request: whose session it is, whether the form is ours, whether the role allows it; then the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from worker.accounts.roles import Permission
from worker.accounts.signing_in import Person, new_session_id, person, who_may
from worker.faults import where
from worker.runtime import Runtime
from worker.web.console import guard
from worker.web.console.desk import Desk, RefusedError

FORM_BYTES_MAX = 512 * 1024
FIELDS_MAX = 2000

_log = structlog.get_logger(__name__)

Show = Callable[[Desk], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """One address. Who is signed in and has `needs` may see it; without `needs` anybody who is signed in, and, where it
    is `open_to_all`, anybody."""

    method: str
    path: str
    show: Show
    needs: Permission | None = None
    open_to_all: bool = False


def endpoint(runtime: Runtime, page: Page) -> Callable[[Request], Awaitable[Response]]:
    """What Starlette calls for a page."""

    async def answer(request: Request) -> Response:
        form = await _form(request) if request.method == "POST" else {}
        if form is None:
            return _headed(HTMLResponse("too large", status_code=413))
        return await run_in_threadpool(_answer, runtime, page, request, form)

    return answer


async def _form(request: Request) -> dict[str, list[str]] | None:
    """The fields of a plain form; None where it is larger than any form of ours."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            return None
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        return {}


def _answer(runtime: Runtime, page: Page, request: Request, form: Mapping[str, list[str]]) -> Response:
    cookie = _cookie(request, guard.cookie_name(runtime.settings), 200)
    known = person(runtime, cookie) if cookie else None
    fresh = "" if cookie else new_session_id()
    desk = Desk(
        runtime=runtime,
        person=known,
        path=_path(request),
        token=guard.token_for(cookie or fresh),
        cookie=cookie,
        under_way=_cookie(request, guard.under_way_name(runtime.settings), 4000),
        host=request.headers.get("host", ""),
        asked={name: str(value) for name, value in request.path_params.items()},
        query=dict(request.query_params),
        form={name: values[-1] for name, values in form.items()},
        many=form,
    )
    response = _shown(desk, page, request)
    if fresh and page.open_to_all and "set-cookie" not in response.headers:
        guard.set_cookie(
            runtime.settings, response, fresh
        )  # nobody's yet: it ties the form of the sign-in to this browser
    return _headed(response)


def _shown(desk: Desk, page: Page, request: Request) -> Response:
    try:
        if request.method == "POST":
            _ours(desk, request)
        if not page.open_to_all and desk.person is None:
            return _to_sign_in(desk, request)
        if page.needs is not None:
            _allowed(desk.person, page.needs)
        return page.show(desk)
    except RefusedError as refused:
        return desk.page("refused.html.jinja", status=refused.status, heading=refused.heading, text=refused.text)
    except Exception as fault:  # noqa: BLE001 - a page of ours is answered, and the fault is in the log
        _log.error("console_page_failed", page=page.path, fault=where(fault))
        text = "It was not your doing, and it is in the log. Try again; if it comes again, tell whoever runs makegood."
        return desk.page("refused.html.jinja", status=500, heading="Something broke here", text=text)


def _ours(desk: Desk, request: Request) -> None:
    if not guard.is_ours(desk.runtime.settings, request.headers, desk.cookie, desk.form.get("token", "")):
        raise RefusedError(403, "This form is not valid any more", "Go back, load the page again, and repeat it.")


def _allowed(who: Person | None, needs: Permission) -> None:
    if who is None or not who.may(needs):
        roles = " or ".join(role.value for role in who_may(needs))
        own = "" if who is None else f" You are signed in as {', '.join(who.roles)}."
        raise RefusedError(403, "This is not for your role", f"It takes somebody who is {roles}.{own}")


def _to_sign_in(desk: Desk, request: Request) -> Response:
    # A link in a mail comes from elsewhere, and the browser then keeps our cookie back. Loading the page once more from
    # here brings it; who is not signed in comes to the sign-in then.
    if request.method == "GET" and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        return desk.page("again.html.jinja")
    if request.method != "GET":
        raise RefusedError(403, "You were signed out", "Sign in again, and repeat it: nothing was done.")
    return RedirectResponse(f"/console/sign-in?next={quote(desk.path, safe='')}", status_code=303)


def _cookie(request: Request, name: str, most: int) -> str:
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value[:most]


def _path(request: Request) -> str:
    query = request.url.query
    return guard.within(request.scope["path"] + (f"?{query}" if query else ""))


def _headed(response: Response) -> Response:
    for name, value in guard.HEADERS.items():
        response.headers.setdefault(name, value)
    return response
