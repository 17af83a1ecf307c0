"""Signatures as the providers make them, with keys made for one run and kept nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PAYPAL_SIGNER = "messageverificationcerts.sandbox.paypal.com"


def stripe_headers(body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """Headers with which Stripe would deliver `body` at `now`."""
    sent = int(now.timestamp())
    mac = hmac.new(secret.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={sent},v1={mac}", "Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class PayPalSigner:
    """A certificate authority of our own and a leaf named like PayPal's. `root_pem` goes into `PAYPAL_CERT_ROOTS`."""

    webhook_id: str
    key: rsa.RSAPrivateKey
    root_pem: bytes
    leaf_pem: bytes
    path: str

    def headers(self, body: bytes, transmission: str, now: datetime, cert_url: str) -> dict[str, str]:
        """Headers with which PayPal would deliver `body` at `now`."""
        sent = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        message = f"{transmission}|{sent}|{self.webhook_id}|{zlib.crc32(body)}".encode()
        signature = self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": sent,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": cert_url,
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-AUTH-VERSION": "v2",
            "Content-Type": "application/json",
        }


def paypal_signer(webhook_id: str, now: datetime) -> PayPalSigner:
    """A new signer, valid around `now`."""
    root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaf_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "makegood sandbox root")])
    root = (
        _certificate(root_name, root_name, root_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PAYPAL_SIGNER)]), root_name, leaf_key.public_key(), now
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(PAYPAL_SIGNER)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    digest = leaf.fingerprint(hashes.SHA256()).hex()
    pem = serialization.Encoding.PEM
    return PayPalSigner(
        webhook_id=webhook_id,
        key=leaf_key,
        root_pem=root.public_bytes(pem),
        leaf_pem=leaf.public_bytes(pem),
        path=f"/v1/notifications/certs/CERT-{digest[:8]}-{digest[8:16]}-{digest[16:24]}",
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, public_key: rsa.RSAPublicKey, now: datetime
) -> x509.CertificateBuilder:
    # The serial number comes from the key, which is new each run, so two runs never share one.
    serial = int.from_bytes(hashlib.sha256(public_key.public_numbers().n.to_bytes(256, "big")).digest()[:16], "big")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial >> 1 or 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )


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


@contextmanager
def certificate_host(signer: PayPalSigner) -> Iterator[str]:
    """Serve the leaf certificate on loopback while the block runs; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        pages: ClassVar[dict[str, bytes]] = {signer.path: signer.leaf_pem}

        def do_GET(self) -> None:
            page = self.pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "application/x-pem-file")
            self.send_header("Content-Length", str(len(page or b"")))
            self.send_header("Cache-Control", "public,max-age=86400")
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's names
            """Say nothing: the demo's output is for people."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="sandbox-certificates", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{signer.path}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
