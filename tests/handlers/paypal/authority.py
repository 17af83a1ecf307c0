"""A certificate authority of our own and a PayPal that signs with it."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from handlers.paypal.certificates import LIVE_NAME

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WEBHOOK_ID = "5GP028458E2496506"
CERT_URL = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-00000001"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(_name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same name: making them is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True)
class Authority:
    """A root that vouches for whom it is told to."""

    name: str = "Example Root"

    @property
    def pem(self) -> bytes:
        """The root's own certificate."""
        key = rsa_key(self.name)
        builder = _builder(self.name, self.name, key.public_key(), NOW - timedelta(days=900), NOW + timedelta(days=900))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)

    def certificate(
        self,
        key: Key,
        name: str = LIVE_NAME,
        valid_from: datetime = NOW - timedelta(days=30),
        valid_until: datetime = NOW + timedelta(days=30),
    ) -> bytes:
        """A certificate for `name`."""
        root = rsa_key(self.name)
        builder = _builder(name, self.name, key.public_key(), valid_from, valid_until)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
        return builder.add_extension(issuer, critical=False).sign(root, SHA256()).public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class Signer:
    """Signs deliveries as PayPal does."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa_key("signer"))
    webhook_id: str = WEBHOOK_ID
    cert_url: str = CERT_URL

    def headers(self, body: bytes, sent_at: datetime = NOW, transmission_id: str = "t-1") -> dict[str, str]:
        """The headers of a delivery of `body`."""
        time = f"{sent_at:%Y-%m-%dT%H:%M:%SZ}"
        signed = f"{transmission_id}|{time}|{self.webhook_id}|{zlib.crc32(body)}".encode()
        signature = self.key.sign(signed, padding.PKCS1v15(), SHA256())
        return {
            "paypal-transmission-id": transmission_id,
            "paypal-transmission-time": time,
            "paypal-transmission-sig": base64.b64encode(signature).decode(),
            "paypal-cert-url": self.cert_url,
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-auth-version": "v2",
        }


def _builder(
    subject: str, issuer: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, *validity: datetime
) -> x509.CertificateBuilder:
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    builder = x509.CertificateBuilder(issuer_name=named[1], subject_name=named[0], public_key=key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(validity[0]).not_valid_after(validity[1])
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
