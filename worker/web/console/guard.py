"""What keeps strangers and their pages out: where a form came from, what it carries, and what a browser may do with a
page of ours."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import Response

from config.kinds import is_loopback
from config.settings import Settings

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: a form would then be sent with the origin `null`.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}


def behind_https(settings: Settings) -> bool:
    """Whether people reach the console over https. It is served behind something that does that: the setting says."""
    return settings.console_url is not None and settings.console_url.startswith("https:")


def is_private(settings: Settings, host: str) -> bool:
    """Whether a password may be typed here: nobody in between can read it."""
    return behind_https(settings) or is_loopback(urlsplit(f"//{host}").hostname)


def cookie_name(settings: Settings) -> str:
    """`__Host-` has the browser refuse the cookie where it could come from, or go to, another host."""
    return "__Host-makegood" if behind_https(settings) else "makegood"


def set_cookie(settings: Settings, response: Response, value: str) -> None:
    """For this browser's session, and for no script. An empty value removes it."""
    response.set_cookie(
        cookie_name(settings),
        value,
        max_age=None if value else 0,
        path="/",
        secure=behind_https(settings),
        httponly=True,
        samesite="strict",
    )


def under_way_name(settings: Settings) -> str:
    return f"{cookie_name(settings)}-oidc"


def set_under_way(settings: Settings, response: Response, value: str, seconds: int = 0) -> None:
    """What a sign-in at the provider is bound to. `lax`, because the browser comes back from another site. An empty
    value removes it."""
    response.set_cookie(
        under_way_name(settings),
        value,
        max_age=seconds,
        path="/",
        secure=behind_https(settings),
        httponly=True,
        samesite="lax",
    )


def token_for(cookie: str) -> str:
    """What every form carries. Whoever cannot read the cookie cannot make it."""
    return hmac.new(cookie.encode(), b"form", hashlib.sha256).hexdigest()


def is_ours(settings: Settings, headers: Mapping[str, str], cookie: str, token: str) -> bool:
    """Whether a form was sent by a page of ours, to whoever it was made for."""
    if not cookie or not hmac.compare_digest(token_for(cookie), token):
        return False
    origin, fetched = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None:
        return fetched == "same-origin"
    return origin in _origins(settings, headers.get("host", "")) and fetched in {None, "same-origin"}


def _origins(settings: Settings, host: str) -> set[str]:
    own = {f"http://{host}"} if host else set()
    if settings.console_url is not None:
        url = urlsplit(settings.console_url)
        own.add(f"{url.scheme}://{url.netloc}")
    return own


def within(path: str) -> str:
    """A place of the console to go on to after signing in; anything else is its first page."""
    inside = path == "/console" or path.startswith(("/console/", "/console?"))
    return path if inside and path.isprintable() and "\\" not in path else "/console"
