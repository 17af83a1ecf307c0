"""A small OpenID provider that remembers: whom it sent back, with which challenge, and that a code is good for once.

Its tokens are signed here by hand, so that what reads them is not what wrote them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.answering import Answered, Asked, serving

CLIENT_ID, CLIENT_SECRET = "makegood-of-tests", "a-client-secret-of-tests"
KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """What everybody can read of a key."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass
class Provider:
    """`person` is who signs in, `key` the number of the key that signs; `spoil` changes what would be said of them, and
    `header` how it is signed."""

    now: Callable[[], float]
    address: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    key: int = 0
    published: int | None = None  # another key than the one that signs
    spoil: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    secret: bytes = b""
    forgets: bool = False  # that a code was used
    down: set[str] = field(default_factory=set)
    configuration: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def sign_in(self, to: str) -> str:
        """What the browser is sent back with, after its person signed in at the address `to`."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(to).query).items()}
        assert to.startswith(f"{self.address}/authorize?")
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return urlencode({"code": code, "state": query["state"]})

    def __call__(self, asked: Asked) -> Answered:
        self.asked.append(asked)
        if asked.path in self.down:
            return Answered(503, b"not now")
        if asked.path == "/.well-known/openid-configuration":
            return _answer(200, self._configuration() | self.configuration)
        if asked.path == "/keys":
            number = self.key if self.published is None else self.published
            numbers = KEYS[number].public_key().public_numbers()
            key = {"kty": "RSA", "use": "sig", "kid": f"key-{number}", "n": _number(numbers.n), "e": _number(numbers.e)}
            return _answer(200, {"keys": [{"kty": "OKP", "crv": "X", "kid": "another"}, key]})
        return self._token(asked)

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
        }

    def _token(self, asked: Asked) -> Answered:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {basic}":
            return _answer(401, {"error": "invalid_client"})
        begun = self.codes.get(form["code"]) if self.forgets else self.codes.pop(form["code"], None)
        if begun is None or form["redirect_uri"] != begun["redirect_uri"]:
            return _answer(400, {"error": "invalid_grant"})
        if _text(hashlib.sha256(form["code_verifier"].encode()).digest()) != begun["code_challenge"]:
            return _answer(400, {"error": "invalid_grant"})
        return _answer(200, {"access_token": "at", "token_type": "Bearer", "id_token": self._signed(begun["nonce"])})

    def _signed(self, nonce: str) -> str:
        now = int(self.now())
        claims = {"iss": self.address, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {name: value for name, value in (claims | self.person | self.spoil).items() if value is not None}
        header = {"alg": "RS256", "kid": f"key-{self.key}"} | self.header
        said = f"{_text(json.dumps(header).encode())}.{_text(json.dumps(claims).encode())}"
        return f"{said}.{_text(self._signature(header['alg'], said.encode()))}"

    def _signature(self, kind: str, said: bytes) -> bytes:
        if kind == "none":
            return b""
        if kind == "HS256":
            return hmac.digest(self.secret, said, "sha256")
        return KEYS[self.key].sign(said, padding.PKCS1v15(), hashes.SHA256())


def _answer(status: int, body: object) -> Answered:
    return Answered(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


@contextmanager
def providing(now: Callable[[], float]) -> Iterator[Provider]:
    provider = Provider(now)
    with serving(provider) as address:
        provider.address = address
        yield provider
