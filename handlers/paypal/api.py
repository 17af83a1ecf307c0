"""PayPal's REST API over paypalrestsdk's `Api`, with everything mended that would lose money or secrets there.

As it comes, that class asks for a token in each of sixteen threads, sends the caller's headers along with the secret,
recurses a thousand times on a lasting 401, returns an answer 400 as if it were a result, knows no time-out, follows
redirects, sends GETs with a body, opens a connection a call and logs tokens. It is unmaintained: this file is the only
one that knows it.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import paypalrestsdk
import paypalrestsdk.exceptions as sdk
import requests
from urllib3.exceptions import ConnectTimeoutError

from handlers.inbox import MalformedDelivery
from handlers.paypal.reading import words
from handlers.strict_json import JsonObject, children, integer, parse

CONNECT_TIMEOUT_S = 5.0
TOKEN_MARGIN_S = 120.0  # a token is not used when it may end on the way
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A success. `sent_at` is PayPal's clock."""

    body: JsonObject
    sent_at: datetime | None


class NotSentError(Exception):
    """The request did not reach PayPal: nothing was executed."""

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s


class LostError(Exception):
    """The request may have reached PayPal, and there is no answer that can be read."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class WrongCredentialError(Exception):
    """PayPal gives no token for the client id and secret."""


class RejectedError(Exception):
    """An answer that is no success. `codes` are PayPal's names for the reason, the most precise first."""

    def __init__(self, status: int, codes: tuple[str, ...], message: str = "", path: str = "") -> None:
        super().__init__(f"{status} {' '.join(codes)}")
        self.status = status
        self.codes = codes
        self.message = message
        self.path = path
        self.retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    until: float


class PayPalApi(paypalrestsdk.Api):  # type: ignore[misc]  # the SDK has no types
    """`get(path)` and `post(path, body, headers)`; each gives a Reply or raises one of the errors above.

    May be used from many threads. `api_base` is https, or plain http on loopback.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        api_base: str,
        timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(mode="live", endpoint=_base(api_base), client_id=client_id, client_secret=client_secret)
        self._timeout_s = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        self._monotonic = monotonic
        self._token: _Token | None = None
        self._token_lock = threading.Lock()
        self._of_thread = threading.local()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        for session in self._sessions:
            session.close()

    def request(
        self,
        url: str,
        method: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        refresh_token: object = None,  # noqa: ARG002  the SDK's get and post pass it
    ) -> Reply:
        """What `get` and `post` call. A 401 renews the token and is tried a second time, never a third."""
        token = self._current_token()
        try:
            return self._answered(url, method, body, headers, token)
        except sdk.UnauthorizedAccess:
            with self._token_lock:
                if self._token is token:
                    self._token = None
        except sdk.ConnectionError as error:
            raise _rejected(error) from None
        try:
            return self._answered(url, method, body, headers, self._current_token())
        except sdk.ConnectionError as error:
            raise _rejected(error) from None

    def http_call(self, url: str, method: str, **kwargs: object) -> Reply:
        """One exchange. Raises the SDK's own exception for any status but a success; logs nothing."""
        try:
            response = self._session().request(
                method,
                url,
                timeout=self._timeout_s,
                allow_redirects=False,
                **kwargs,  # type: ignore[arg-type]
            )
        except requests.RequestException as error:
            if _before_sending(error):
                raise NotSentError("no connection to PayPal") from None
            raise LostError("the connection to PayPal broke") from None
        if not 200 <= response.status_code <= 299:
            self.handle_response(response, response.content.decode("utf-8", "replace"))
        try:
            return Reply(parse(response.content) if response.content else {}, _date(response))
        except MalformedDelivery:
            raise LostError("PayPal's answer cannot be read") from None

    def _answered(self, url: str, method: str, body: object, headers: Mapping[str, str] | None, token: _Token) -> Reply:
        sent = {
            **(headers or {}),
            "Authorization": token.header,
            "Accept": "application/json",
            "User-Agent": self.user_agent,
        }
        if method == "GET":
            return self.http_call(url, method, headers=sent)
        sent["Content-Type"] = "application/json"
        return self.http_call(url, method, headers=sent, data=json.dumps(body).encode())

    def _current_token(self) -> _Token:
        # Whoever comes while a token is being asked for waits for that one.
        with self._token_lock:
            if self._token is None or self._token.until <= self._monotonic():
                self._token = self._new_token()
            return self._token

    def _new_token(self) -> _Token:
        asked_at = self._monotonic()
        headers = {
            "Authorization": f"Basic {self.basic_auth()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "User-Agent": self.user_agent,
        }
        url = f"{self.endpoint}/v1/oauth2/token"
        try:
            answer = self.http_call(url, "POST", headers=headers, data=b"grant_type=client_credentials").body
            token, lifetime_s = words(answer, "access_token"), integer(answer, "expires_in")
        except (LostError, MalformedDelivery):
            # Without a token the request itself was not sent.
            raise NotSentError("PayPal gave no token") from None
        except sdk.ConnectionError as error:
            rejected = _rejected(error)
            if rejected.status in {400, 401, 403}:
                raise WrongCredentialError("PayPal does not know the client id and secret") from None
            raise NotSentError("PayPal gave no token", rejected.retry_after_s) from None
        if not token or not token.isascii() or lifetime_s is None:
            raise NotSentError("PayPal gave no token")
        return _Token(f"Bearer {token}", asked_at + lifetime_s - TOKEN_MARGIN_S)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = requests.Session()
            # No proxies, no .netrc, no certificate bundles from whatever the environment says.
            session.trust_env = False
            self._of_thread.session = session
            self._sessions.append(session)
        return session


def _base(api_base: str) -> str:
    parts = urlsplit(api_base)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    # A slash at the end would double every path in the SDK.
    if not (parts.scheme == "https" or plain) or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError("PayPal's base address is https://host, or http on loopback")
    return api_base.rstrip("/")


def _before_sending(error: requests.RequestException) -> bool:
    """Whether no byte of the request left for certain: no address, no connection, or not PayPal's certificate."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, ConnectTimeoutError):
        return True
    cause = reason.args[0] if isinstance(reason, Exception) and reason.args else None
    return isinstance(cause, ssl.SSLCertVerificationError)


def _rejected(error: sdk.ConnectionError) -> RejectedError:
    response: requests.Response = error.response
    names: list[str | None] = []
    message = ""
    try:
        body = parse(response.content)
        names = [*(words(detail, "issue") for detail in children(body, "details")), words(body, "name")]
        names.append(words(body, "error"))
        message = words(body, "message") or words(body, "error_description") or ""
    except MalformedDelivery:
        pass  # an error page: the status alone speaks
    codes = tuple(name[:100] for name in names if name)
    rejected = RejectedError(response.status_code, codes, message[:200], urlsplit(response.url).path)
    rejected.retry_after_s = _retry_after_s(response)
    return rejected


def _retry_after_s(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdecimal() and len(value) < 7 else None


def _date(response: requests.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
