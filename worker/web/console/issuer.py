"""The company's OpenID provider: what it says of itself, where a person is sent, and what it vouches for afterwards.

Authorization code with PKCE. What the provider answers is believed for its signature alone, by a key that it publishes
at that moment (a new key is known at once), of the kinds below and no other: `none`, and whatever is signed with a
shared secret, is nothing. authlib comes with the extra `oidc` and is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from config.kinds import is_loopback
from config.settings import Settings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
CONNECT_S, READ_S = 3.0, 5.0
CLOCKS_APART_S = 60
# Strangers may ask for the way to the provider as often as they like: it is not asked each time.
_KNOWN_FOR = timedelta(minutes=10)
_known: dict[str, tuple[datetime, Issuer]] = {}


class IssuerError(Exception):
    """The provider did not answer as one does. One line for the log, with nothing in it of what was answered."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """What the provider says of itself."""

    name: str
    authorization: str
    token: str
    keys: str
    basic: bool  # whether it takes the client's secret in a header


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way of a browser to the provider and back."""

    state: str
    nonce: str
    verifier: str


def discover(settings: Settings, now: datetime) -> Issuer:
    """What the provider says of itself, some minutes old at most. Raises IssuerError."""
    address = settings.oidc_issuer or ""
    kept = _known.get(address)
    if kept is not None and timedelta(0) <= now - kept[0] < _KNOWN_FOR:
        return kept[1]
    told = _json(f"{address}/.well-known/openid-configuration")
    name = told.get("issuer")
    if not isinstance(name, str) or name.rstrip("/") != address:
        raise IssuerError("its configuration is that of another issuer")
    ways = told.get("token_endpoint_auth_methods_supported")
    found = Issuer(
        name,
        _endpoint(told, "authorization_endpoint", address),
        _endpoint(told, "token_endpoint", address),
        _endpoint(told, "jwks_uri", address),
        basic=not isinstance(ways, list) or "client_secret_basic" in ways or "client_secret_post" not in ways,
    )
    _known[address] = now, found
    return found


def way_there(settings: Settings, issuer: Issuer, attempt: Attempt) -> str:
    """Where the browser goes to sign in."""
    with _client(settings, issuer) as client:
        to, _ = client.create_authorization_url(
            issuer.authorization, state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier
        )
    return str(to)


def claims(settings: Settings, issuer: Issuer, attempt: Attempt, code: str, now: datetime) -> Mapping[str, Any]:
    """What the provider vouches for in return for the code. Raises IssuerError for anything that is not as it ought
    to be."""
    from authlib.common.errors import AuthlibBaseError
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        with _client(settings, issuer) as client:
            answer = client.fetch_token(
                issuer.token,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.verifier,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
            )
        told = answer.get("id_token")
        if not isinstance(told, str):
            raise IssuerError("it gave no id token")
        keys = KeySet(_keys(_json(issuer.keys)))
        token = jwt.decode(told, keys, algorithms=ALGORITHMS)
        options = {
            "iss": {"essential": True, "value": issuer.name},
            "aud": {"essential": True, "value": settings.require_oidc_client()[0]},
            "sub": {"essential": True},
        }
        params = {
            "nonce": attempt.nonce,
            "client_id": settings.require_oidc_client()[0],
            "access_token": answer.get("access_token"),
        }
        vouched = CodeIDToken(token.claims, token.header, options, params)
        vouched.validate(now=int(now.timestamp()), leeway=CLOCKS_APART_S)
    except (AuthlibBaseError, JoseError, requests.RequestException, ValueError, TypeError, AttributeError) as error:
        raise IssuerError(f"it vouches for nobody: {type(error).__name__}") from None
    return dict(vouched)


def _client(settings: Settings, issuer: Issuer) -> Any:  # noqa: ANN401 - authlib has no types
    from authlib.integrations.requests_client import OAuth2Session

    client_id, secret = settings.require_oidc_client()
    return OAuth2Session(
        client_id,
        secret,
        token_endpoint_auth_method="client_secret_basic" if issuer.basic else "client_secret_post",
        scope=settings.oidc_scopes,
        redirect_uri=f"{settings.console_url}/console/sign-in/oidc/back",
        code_challenge_method="S256",
    )


def _keys(told: Mapping[str, Any]) -> list[Any]:
    """The keys that check signatures. One of a kind that is not known here is for somebody else."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    kinds: Mapping[str, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    found = []
    for key in told.get("keys", []):
        if key.get("kty") not in kinds or key.get("use", "sig") != "sig":
            continue
        try:
            found.append(kinds[key["kty"]].import_key(key))
        except (JoseError, ValueError):
            continue
    return found


def _endpoint(told: Mapping[str, Any], name: str, address: str) -> str:
    """One of its addresses. Nobody in between reads what is sent there."""
    value = told.get(name)
    url = urlsplit(value if isinstance(value, str) else "")
    here = url.scheme == "http" and is_loopback(url.hostname) and is_loopback(urlsplit(address).hostname)
    if not url.hostname or not (url.scheme == "https" or here):
        raise IssuerError(f"its {name} is no https address")
    return url.geturl()


def _json(address: str) -> Mapping[str, Any]:
    try:
        answer = requests.get(address, timeout=(CONNECT_S, READ_S), allow_redirects=False)
        told = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError) as error:
        raise IssuerError(f"it did not answer: {type(error).__name__}") from None
    if not isinstance(told, dict):
        raise IssuerError("it answered something else than was asked for")
    return told
