"""The certificates that PayPal signs with: where they may come from, whom they must name, who must vouch for them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from handlers.inbox import ForgedDelivery

LIVE_HOSTS = frozenset({"api.paypal.com", "api-m.paypal.com"})
SANDBOX_HOSTS = frozenset({"api.sandbox.paypal.com", "api-m.sandbox.paypal.com"})
LIVE_NAME = "messageverificationcerts.paypal.com"
SANDBOX_NAME = "messageverificationcerts.sandbox.paypal.com"

# One plain path segment: no userinfo, query, fragment, escape or dot that two parsers could read in two ways.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]{1,253})(?P<port>:[0-9]{1,5})?"
    r"/v1/notifications/certs/[A-Za-z0-9_-]{1,128}",
    re.ASCII,
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
CHAIN_MAX = 5
_PEM_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CertificateAddress:
    """An address that certificates may be fetched from. `live` is None for a sandbox of our own on loopback."""

    url: str
    names: tuple[str, ...]  # of these the certificate must carry one
    live: bool | None


def allowed_address(url: str, hosts: Iterable[str]) -> CertificateAddress:
    """The address `url`, if it is one of `hosts` over https (or over http on loopback, where its port may be named).

    Raises ForgedDelivery for any other: what a stranger's header names is never looked up.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise ForgedDelivery("the certificate's address is out of form")
    host, port = found["host"], found["port"] or ""
    allowed = frozenset(hosts)
    if found["scheme"] == "http":
        if host not in _LOOPBACK or not {host, host + port} & allowed:
            raise ForgedDelivery("the certificate's address is not allowed")
        return CertificateAddress(url, (LIVE_NAME, SANDBOX_NAME), None)
    if port or host not in allowed:
        raise ForgedDelivery("the certificate's address is not allowed")
    live = not host.endswith(".sandbox.paypal.com")
    return CertificateAddress(url, (LIVE_NAME if live else SANDBOX_NAME,), live)


class Roots:
    """Who vouches for a signing certificate: trusted roots, and intermediates that may stand between.

    Revocation is not checked, as nothing that verifies webhooks does: PayPal withdraws a certificate by its address.
    """

    def __init__(self, anchors: list[x509.Certificate], intermediates: list[x509.Certificate]) -> None:
        if not anchors:
            raise ValueError("no root certificate (one issued by itself) to trust PayPal's signing certificates by")
        self._store = Store(anchors)
        self._intermediates = intermediates

    @staticmethod
    def from_pem(pem: bytes) -> Roots:
        """Those of a PEM file: the ones issued by themselves are the roots. Raises ValueError for anything else."""
        return Roots(*_sorted_out([x509.load_pem_x509_certificate(block) for block in _PEM_BLOCK.findall(pem)]))

    @staticmethod
    def default() -> Roots:
        """The public roots of certifi, and the DigiCert pair under which PayPal's have stood so far.

        Its root has left the public bundles; paypalrestsdk still carries it.
        """
        data = Path(str(distribution("paypalrestsdk").locate_file("paypalrestsdk/data")))
        digicert = b"".join(path.read_bytes() for path in sorted(data.glob("*.pem")))
        blocks = _PEM_BLOCK.findall(Path(certifi.where()).read_bytes() + b"\n" + digicert)
        return Roots(*_sorted_out([each for block in blocks if (each := _load_if_sound(block))]))

    def signing_key(self, chain: list[x509.Certificate], names: Iterable[str], at: datetime) -> RSAPublicKey:
        """The key of `chain`'s first certificate, if at that time it was vouched for and carried one of `names`."""
        if not any(self._vouches(chain, name, at) for name in names):
            raise ForgedDelivery("the signing certificate is not vouched for")
        try:
            key = chain[0].public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise ForgedDelivery("the signing certificate's key cannot be read") from None
        if not isinstance(key, RSAPublicKey):
            raise ForgedDelivery("the signing certificate's key is not RSA")
        return key

    def _vouches(self, chain: list[x509.Certificate], name: str, at: datetime) -> bool:
        verifier = PolicyBuilder().store(self._store).time(at).build_server_verifier(x509.DNSName(name))
        try:
            verifier.verify(chain[0], [*chain[1:], *self._intermediates])
        except (VerificationError, ValueError, UnsupportedAlgorithm):
            return False
        return True


def read_chain(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file, the signing one first. Raises ForgedDelivery where there is none."""
    blocks = _PEM_BLOCK.findall(pem)
    if not 1 <= len(blocks) <= CHAIN_MAX:
        raise ForgedDelivery("what lies at the certificate's address is no certificate")
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError:
        raise ForgedDelivery("the signing certificate cannot be read") from None


def _load_if_sound(block: bytes) -> x509.Certificate | None:
    # A serial number that is not positive is still loaded by this version with a warning, by the next no more.
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        try:
            return x509.load_pem_x509_certificate(block)
        except (ValueError, CryptographyDeprecationWarning):
            return None


def _sorted_out(certificates: list[x509.Certificate]) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    anchors = [each for each in certificates if each.subject == each.issuer]
    return anchors, [each for each in certificates if each.subject != each.issuer]
