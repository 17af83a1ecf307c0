"""Each thing that Stripe or the network can do means what the money protocol takes it for, and is never raised."""

import contextlib
import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from handlers.gateway import CreditOrder, NoCredential, NotExecuted, Refusal, Refused, Uncertain
from handlers.stripe.gateway import StripeGateway
from reconcile.money import Money
from tests.handlers.stripe.bodies import refund
from tests.handlers.stripe.fake import KEY, ORDER, REMEDY, Reply, World, error

REFUSALS = [
    (error(400, code="charge_already_refunded"), Refusal.ALREADY_REFUNDED),
    (error(400, code="charge_disputed"), Refusal.DISPUTED),
    (error(400, code="refund_disputed_payment"), Refusal.DISPUTED),
    (error(400, param="amount", message="Refund amount ($25.00) is greater than unrefunded"), Refusal.EXCEEDS_CHARGE),
    (error(400, code="amount_too_large", param="amount"), Refusal.EXCEEDS_CHARGE),
    (error(400, code="parameter_invalid_integer", param="amount", message="greater than"), Refusal.UNKNOWN),
    (error(400, param="charge", message="greater than"), Refusal.UNKNOWN),
    (error(400, param="amount", message="Invalid integer"), Refusal.UNKNOWN),
    (error(404, code="resource_missing", param="charge"), Refusal.NOT_FOUND),
    (error(404), Refusal.NOT_FOUND),
    (error(400, code="balance_insufficient"), Refusal.NO_FUNDS),
    (error(400, code="insufficient_funds"), Refusal.NO_FUNDS),
    (error(400, code="account_closed"), Refusal.NOT_THIS_WAY),
    (error(400, type="idempotency_error"), Refusal.KEY_REUSED),
    (error(400, code="a_word_of_tomorrow"), Refusal.UNKNOWN),
    (error(402, type="card_error", code="card_declined"), Refusal.UNKNOWN),
    (error(400, code=7, message=["odd"]), Refusal.UNKNOWN),
]


@pytest.mark.parametrize(("reply", "refusal"), REFUSALS)
def test_a_final_no_is_told_by_its_reason(reply: Reply, refusal: Refusal, gateway: StripeGateway, world: World) -> None:
    world.first.append(reply)
    answer = gateway.refund(ORDER)
    assert isinstance(answer, Refused)
    assert answer.refusal is refusal
    assert answer.code
    assert refusal is not Refusal.KEY_REUSED or answer.code == "idempotency_error"


UNCERTAIN = [
    error(409, type="idempotency_error", code="idempotency_key_in_use"),
    error(409),
    error(429, code="lock_timeout"),
    error(400, code="lock_timeout"),
    error(500, type="api_error"),
    error(503, ("Retry-After", "7")),
    Reply(502, b"<html>Bad gateway</html>"),
    Reply(404, b"<html>Not found</html>"),
    Reply(400, b"[]"),
    Reply(400, b'{"error": []}'),
    Reply(302, b"", (("Location", "/v1/refunds"),)),
    Reply(307, b"", (("Location", "/v1/refunds"),)),
    Reply(200, b""),
    Reply(200, b"not JSON"),
    Reply(200, b"\xff\xfe"),
    Reply(200, b"[1]"),
    Reply(200, b"null"),
    Reply(200, b"[" * 100_000),
    Reply(200, b'{"id": "re_1"}'),
    Reply(200, json.dumps(refund(amount=25.0)).encode()),
    Reply(200, json.dumps(refund(currency="zzz")).encode()),
    Reply(200, json.dumps(refund(created="today")).encode()),
    Reply(200, json.dumps(refund(object="charge")).encode()),
    Reply(how="reset"),
    Reply(how="hang"),
]


@pytest.mark.parametrize("reply", UNCERTAIN)
def test_what_may_have_been_executed_is_uncertain_and_asked_once(
    reply: Reply, gateway: StripeGateway, world: World
) -> None:
    world.first.append(reply)
    answer = gateway.refund(ORDER)
    assert isinstance(answer, Uncertain), answer
    assert answer.retry_after_s == (7.0 if reply.status == 503 else None)
    assert len(world.asked) == 1


def test_a_rate_limit_was_not_executed(gateway: StripeGateway, world: World) -> None:
    world.first.extend(
        [error(429, ("Retry-After", "30"), code="rate_limit"), error(400, code="rate_limit"), error(429)]
    )
    assert gateway.refund(ORDER) == NotExecuted("rate limit (rate_limit)", 30.0)
    assert gateway.refund(ORDER) == NotExecuted("rate limit (rate_limit)")
    assert gateway.refund(ORDER) == NotExecuted("rate limit (429)")


@pytest.mark.parametrize("value", ["soon", "-1", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 30])
def test_a_wait_that_is_no_plain_number_of_seconds_is_not_told(
    value: str, gateway: StripeGateway, world: World
) -> None:
    world.first.append(error(429, ("Retry-After", value)))
    assert gateway.refund(ORDER) == NotExecuted("rate limit (429)", None)


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address on loopback at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_without_a_connection_nothing_was_executed(nowhere: str) -> None:
    gateway = StripeGateway(KEY, nowhere, timeout_s=0.5)
    assert isinstance(gateway.refund(ORDER), NotExecuted)
    assert isinstance(gateway.look("ch_1", "charge"), NotExecuted)
    gateway.close()


@pytest.mark.parametrize("reply", [error(401, message=f"Invalid API Key provided: {KEY}"), error(403), Reply(403)])
def test_a_wrong_key_stops_everything(reply: Reply, gateway: StripeGateway, world: World) -> None:
    calls = (
        lambda: gateway.refund(ORDER),
        lambda: gateway.look("ch_1", "charge"),
        lambda: gateway.credit(CreditOrder("cus_1", Money(100, "USD"), "k", REMEDY)),
        lambda: gateway.find_credit("cus_1", REMEDY),
        lambda: gateway.cancel("sub_1", "k"),
    )
    for call in calls:
        world.first.append(reply)
        assert isinstance(call(), NoCredential)


def test_no_answer_holds_the_key_or_a_body(world: World) -> None:
    gateway = StripeGateway("sk_live_verysecret", world.url, timeout_s=0.5)
    leaky = "sk_live_verysecret and whsec_verysecret in pi_1_secret"
    replies = [error(400, message=leaky, code=leaky), error(401, message=leaky), error(500, message=leaky)]
    replies += [Reply(200, leaky.encode()), Reply(404, leaky.encode()), Reply(how="reset")]
    world.first.extend(replies)
    for _ in replies:
        assert "verysecret" not in repr(gateway.refund(ORDER))
    assert "verysecret" not in repr(gateway)
    gateway.close()


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[str]:
    """A server on loopback whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "impostor")])
    day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(day).not_valid_after(day.replace(year=2099))
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(here, critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "impostor.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "impostor.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_shake_hands, args=(listening, context), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    thread.join(5)


def _shake_hands(listening: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        context.wrap_socket(connection, server_side=True).close()


def test_an_impostor_is_never_sent_the_key(impostor: str) -> None:
    gateway = StripeGateway(KEY, impostor, timeout_s=2)
    answer = gateway.refund(ORDER)
    assert isinstance(answer, NotExecuted)
    assert "SSLCertVerificationError" in answer.why
    gateway.close()
