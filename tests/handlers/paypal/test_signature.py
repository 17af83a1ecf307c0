"""Only what PayPal signed for us gets in, byte for byte."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from handlers.inbox import CertificateUnavailable, ForgedDelivery, Inbox, MalformedDelivery
from handlers.paypal.certificates import LIVE_HOSTS, LIVE_NAME, SANDBOX_HOSTS, SANDBOX_NAME, Roots
from handlers.paypal.inbox import PayPalInbox
from tests.handlers.paypal.authority import CERT_URL, NOW, WEBHOOK_ID, Authority, Signer, rsa_key

ROOT = Authority()
BODY = b'{"id": "WH-1", "event_type": "CUSTOMER.PAYPAL", "create_time": "2026-03-01T11:59:00Z"}'
SIGNED = [
    "2015-05-18_PAYMENT.SALE.COMPLETED_sandbox",
    "2016-10-05_PAYMENT.SALE.COMPLETED_sandbox_custom",
    "2025-11-28_PAYMENT.CAPTURE.COMPLETED_simulator",
]


class Sample:
    """A delivery that PayPal itself signed."""

    def __init__(self, folder: Path, name: str) -> None:
        kept = json.loads((folder / "samples" / "paypal" / "signed" / f"{name}.json").read_text())
        self.headers: dict[str, str] = {key.lower(): value for key, value in kept["headers"].items()}
        self.body: bytes = kept["raw_body"].encode()
        self.webhook_id: str = kept["webhook_id"]
        self.certificate: bytes = kept["cert_pem"].encode()
        self.received_at = datetime.fromisoformat(self.headers["paypal-transmission-time"]) + timedelta(seconds=2)

    def inbox(self, roots: Roots | None = None, webhook_id: str | None = None) -> PayPalInbox:
        ids = ["AN-OLDER-WEBHOOK", webhook_id or self.webhook_id]
        return PayPalInbox(ids, LIVE_HOSTS | SANDBOX_HOSTS, roots, fetch=lambda _url: self.certificate)


@pytest.fixture(params=SIGNED)
def sample(shared_dir: Path, request: pytest.FixtureRequest) -> Sample:
    return Sample(shared_dir, str(request.param))


def test_what_paypal_signed_is_authentic(sample: Sample) -> None:
    envelope = sample.inbox().authenticate(sample.headers, sample.body, sample.received_at)
    assert envelope.event_id == json.loads(sample.body)["id"]
    assert envelope.live is False  # two from the sandbox, one from the simulator
    assert envelope.transmission_id == sample.headers["paypal-transmission-id"]


def test_one_changed_digit_is_noticed(sample: Sample) -> None:
    changed = sample.body.replace(b"0", b"1", 1)
    with pytest.raises(ForgedDelivery):
        sample.inbox().authenticate(sample.headers, changed, sample.received_at)


def test_the_same_json_written_again_is_not_what_was_signed(sample: Sample) -> None:
    again = json.dumps(json.loads(sample.body)).encode()
    assert json.loads(again) == json.loads(sample.body)
    with pytest.raises(ForgedDelivery):
        sample.inbox().authenticate(sample.headers, again, sample.received_at)


def test_what_was_signed_for_another_webhook_is_not_ours(sample: Sample) -> None:
    with pytest.raises(ForgedDelivery):
        sample.inbox(webhook_id="5GP028458E2496506").authenticate(sample.headers, sample.body, sample.received_at)


def test_paypals_certificate_is_refused_when_other_roots_are_configured(sample: Sample) -> None:
    with pytest.raises(ForgedDelivery, match="vouched"):
        sample.inbox(Roots.from_pem(ROOT.pem)).authenticate(sample.headers, sample.body, sample.received_at)


@pytest.mark.parametrize("later", [timedelta(days=4, minutes=1), -timedelta(minutes=6), timedelta(days=3000)])
def test_a_delivery_has_its_time(sample: Sample, later: timedelta) -> None:
    with pytest.raises(ForgedDelivery, match="old"):
        sample.inbox().authenticate(sample.headers, sample.body, sample.received_at + later)


def test_an_old_delivery_gets_in_where_the_age_is_configured(sample: Sample) -> None:
    inbox = PayPalInbox(
        [sample.webhook_id],
        LIVE_HOSTS | SANDBOX_HOSTS,
        fetch=lambda _url: sample.certificate,
        age_max=timedelta(days=36500),
    )
    assert inbox.authenticate(sample.headers, sample.body, NOW).event_id


def test_sandbox_certificates_are_fetched_only_where_the_sandbox_is_allowed(shared_dir: Path) -> None:
    sample = Sample(shared_dir, SIGNED[0])
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return sample.certificate

    with pytest.raises(ForgedDelivery, match="allowed"):
        PayPalInbox([sample.webhook_id], fetch=fetch).authenticate(sample.headers, sample.body, sample.received_at)
    assert asked == []


def test_our_own_authority_can_sign_where_it_is_configured() -> None:
    assert _inbox().authenticate(Signer().headers(BODY), BODY, NOW).live is True


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("paypal-transmission-id", "t-2"),
        ("paypal-transmission-id", "t|1"),
        ("paypal-transmission-id", "t" * 129),
        ("paypal-transmission-time", "2026-03-01T12:00:01Z"),
        ("paypal-transmission-time", "yesterday"),
        ("paypal-transmission-time", "2026-19-01T12:00:00Z"),
        ("paypal-transmission-sig", "AAAA"),
        ("paypal-transmission-sig", "not base64!"),
        ("paypal-transmission-sig", "A" * 2052),
        ("paypal-auth-algo", "SHA1withRSA"),
        ("paypal-auth-algo", "sha256withrsa"),
        ("paypal-cert-url", CERT_URL.replace("https", "http")),
        ("paypal-cert-url", "\u210cttps://api.paypal.com/v1/notifications/certs/CERT-1"),
    ],
)
def test_every_header_counts(header: str, value: str) -> None:
    with pytest.raises(ForgedDelivery):
        _inbox().authenticate(Signer().headers(BODY) | {header: value}, BODY, NOW)


@pytest.mark.parametrize("header", sorted(set(Signer().headers(BODY)) - {"paypal-auth-version"}))
def test_no_header_may_be_missing(header: str) -> None:
    headers = Signer().headers(BODY)
    del headers[header]
    with pytest.raises(ForgedDelivery):
        _inbox().authenticate(headers, BODY, NOW)


@pytest.mark.parametrize(
    "certificate",
    [
        pytest.param(Authority("Another Root").certificate(rsa_key("signer")), id="another root"),
        pytest.param(ROOT.certificate(rsa_key("signer"), "api.paypal.com"), id="another name"),
        pytest.param(ROOT.certificate(rsa_key("signer"), SANDBOX_NAME), id="the sandbox's name on a live host"),
        pytest.param(ROOT.certificate(rsa_key("signer"), f"evil.{LIVE_NAME}"), id="below the name"),
        pytest.param(ROOT.certificate(rsa_key("signer"), valid_until=NOW - timedelta(days=1)), id="expired"),
        pytest.param(ROOT.certificate(rsa_key("signer"), valid_from=NOW + timedelta(days=1)), id="not yet valid"),
        pytest.param(ROOT.certificate(rsa_key("somebody else")), id="another key"),
        pytest.param(ROOT.certificate(rsa_key("short", bits=1024)), id="a short key"),
        pytest.param(ROOT.certificate(ec.generate_private_key(ec.SECP256R1())), id="another kind of key"),
        pytest.param(ROOT.pem, id="the root itself"),
        pytest.param(b"<html>", id="no certificate"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="a broken certificate"),
        pytest.param(ROOT.certificate(rsa_key("signer")) * 6, id="too many"),
    ],
)
def test_a_bad_certificate_proves_nothing(certificate: bytes) -> None:
    with pytest.raises(ForgedDelivery):
        _inbox(certificate).authenticate(Signer().headers(BODY), BODY, NOW)


def test_the_chain_is_judged_at_the_time_of_sending() -> None:
    inbox = _inbox(ROOT.certificate(rsa_key("signer"), valid_until=NOW + timedelta(hours=1)))
    assert inbox.authenticate(Signer().headers(BODY), BODY, NOW + timedelta(days=2)).event_id == "WH-1"


def test_a_certificate_that_cannot_be_fetched_is_not_the_senders_fault() -> None:
    def fetch(_url: str) -> bytes:
        raise CertificateUnavailable("no network")

    inbox = PayPalInbox([WEBHOOK_ID], roots=Roots.from_pem(ROOT.pem), fetch=fetch)
    with pytest.raises(CertificateUnavailable):
        inbox.authenticate(Signer().headers(BODY), BODY, NOW)


def test_a_signed_body_that_is_no_event_is_malformed() -> None:
    for body in (b"", b"{}", b"\xff", b'{"id": "WH 1", "event_type": "X", "create_time": "2026-03-01T11:59:00Z"}'):
        with pytest.raises(MalformedDelivery):
            _inbox().authenticate(Signer().headers(body), body, NOW)


def test_the_time_of_transmission_stands_in_for_one_that_names_no_moment() -> None:
    body = b'{"id": "WH-1", "event_type": "X", "create_time": "2018-19-12T22:20:32.000Z"}'
    assert _inbox().authenticate(Signer().headers(body), body, NOW).occurred_at == NOW


def test_an_inbox_without_a_webhook_id_is_not_made() -> None:
    for ids in ([], [""]):
        with pytest.raises(ValueError, match="id"):
            PayPalInbox(ids)


def test_roots_without_a_root_are_refused() -> None:
    with pytest.raises(ValueError, match="root"):
        Roots.from_pem(ROOT.certificate(rsa_key("signer")))


def _inbox(certificate: bytes | None = None) -> Inbox:
    served = ROOT.certificate(rsa_key("signer")) if certificate is None else certificate
    return PayPalInbox([WEBHOOK_ID], roots=Roots.from_pem(ROOT.pem), fetch=lambda _url: served)
