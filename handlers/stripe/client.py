"""Stripe's SDK, set up so that one call is one request: no retries, no proxies or netrc from the environment, no
redirects, an explicit time-out, and the API version that this package reads."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
import stripe

API_VERSION = "2026-10-28.endive"

_CONNECT_TIMEOUT_S = 5.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def make_client(api_key: str, api_base: str | None, timeout_s: float, session: requests.Session) -> stripe.StripeClient:
    """A client for one key. `api_base` is another address than Stripe's own; plain HTTP only on this machine."""
    if not api_key:
        raise ValueError("Stripe's API key is empty")
    if api_base is not None:
        _refuse_unsafe(api_base)
    # Only a module-wide switch exists. It would report the time of each call to Stripe and mark this machine.
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={} if api_base is None else {"api": api_base.rstrip("/")},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=(min(_CONNECT_TIMEOUT_S, timeout_s), timeout_s), session=session),
    )


def make_session() -> requests.Session:
    """Connections that nothing in the environment, and no redirect, can divert."""
    session = requests.Session()
    # A netrc entry would replace our key; a proxy of the environment would see it.
    session.trust_env = False
    # A POST that follows a redirect becomes a GET, whose answer would be read as the refund's.
    session.max_redirects = 0
    return session


def _refuse_unsafe(api_base: str) -> None:
    parts = urlsplit(api_base)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return
    raise ValueError("Stripe's address must be https; plain http is accepted on loopback only")
