"""The receiver over real sockets: what is answered 200 is stored, and no bytes bring it down."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, text

from tests.worker.conftest import Clock
from tests.worker.stripe_sender import event, signature
from worker.handling import drain
from worker.runtime import Runtime
from worker.schema import deliveries
from worker.store.deliveries import claim, open_body
from worker.web.app import create_app
from worker.web.serve import serving

MIB = 1024 * 1024


@pytest.fixture
def address(runtime: Runtime) -> Iterator[tuple[str, int]]:
    with serving(create_app(runtime, read_s=0.5)) as base:
        parts = urlsplit(base)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


class Sender:
    def __init__(self, address: tuple[str, int], clock: Clock) -> None:
        self._address = address
        self._clock = clock

    def post(self, body: bytes, path: str = "/webhooks/stripe", **headers: str) -> HTTPResponse:
        given = {"Stripe-Signature": signature(body, self._clock()), "Content-Type": "application/json"}
        return self.request("POST", path, body, {**given, **{k.replace("_", "-"): v for k, v in headers.items()}})

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        connection = HTTPConnection(*self._address, timeout=15)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    def raw(self, sent: bytes) -> bytes:
        """Send exactly these bytes; what comes back until an answer is complete, or all is silent."""
        with socket.create_connection(self._address, timeout=1.5) as conn:
            answer = b""
            try:
                conn.sendall(sent)
                while not answer.endswith(b"}") and (part := conn.recv(65536)):
                    answer += part
            except (TimeoutError, ConnectionError):
                pass
            return answer


@pytest.fixture
def sender(address: tuple[str, int], clock: Clock) -> Sender:
    return Sender(address, clock)


def test_what_is_answered_200_is_stored(sender: Sender, runtime: Runtime) -> None:
    body = event(1)
    assert sender.post(body).status == 200
    with runtime.engine.begin() as conn:
        (kept,) = claim(conn, 10, runtime.clock())
    assert (kept.provider, kept.event_id, kept.event_type, kept.source) == (
        "stripe",
        "evt_000001",
        "charge.succeeded",
        "webhook",
    )
    assert kept.received_at == runtime.clock()
    assert open_body(runtime.keyring, kept) == body
    assert kept.body is not None
    assert b"evt_" not in kept.body


def test_a_repeat_is_200_and_counted(sender: Sender, runtime: Runtime) -> None:
    assert [sender.post(event(1)).status for _ in range(3)] == [200, 200, 200]
    with runtime.engine.connect() as conn:
        assert conn.execute(select(deliveries.c.event_id, deliveries.c.seen)).all() == [("evt_000001", 3)]


def test_a_signature_that_does_not_hold_is_401(sender: Sender, clock: Clock) -> None:
    body = event(1)
    assert sender.post(body, Stripe_Signature=signature(body, clock(), "whsec_another")).status == 401
    assert sender.post(body + b" ", Stripe_Signature=signature(body, clock())).status == 401
    assert sender.request("POST", "/webhooks/stripe", body).status == 401
    assert sender.request("POST", "/webhooks/paypal", body).status in {400, 401}


NO_EVENTS = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"not json",
    b"\xff\xfe{}",
    b'{"id": "\xe9"}',
    b'{"id":"evt_1","id":"evt_2","object":"event"}',
    b"[" * 100_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"id":"evt_1","object":"event","type":"x","created":1e400}',
    b'{"id":"evt_1","object":"event","type":"x","created":' + b"9" * 5000 + b"}",
    b'{"id":"evt_\\ud800","object":"event","type":"x","created":1793620000}',
    b'{"id":"evt_\\u0000","object":"event","type":"x","created":1793620000}',
    b'{"id":"evt_1\\nlevel=error","object":"event","type":"x","created":1793620000}',
    b"\x00" * 1000,
]


def test_what_is_no_event_is_400(sender: Sender) -> None:
    assert {body[:60]: sender.post(body).status for body in NO_EVENTS} == {body[:60]: 400 for body in NO_EVENTS}


def test_an_event_with_a_fault_inside_is_kept_and_set_aside(sender: Sender, runtime: Runtime) -> None:
    body = event(1).replace(b'"object": "charge"', b'"object": "charge", "amount": 1, "amount": 2')
    assert sender.post(body).status == 200
    assert drain(runtime).failed == 1
    with runtime.engine.connect() as conn:
        assert conn.scalar(select(deliveries.c.note)) == "an object in the body has a key twice"


def test_more_than_a_mebibyte_is_413(sender: Sender) -> None:
    assert sender.post(b" " * MIB).status == 400
    assert sender.post(b" " * (MIB + 1)).status == 413
    said = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MIB + 1)
    assert b" 413 " in sender.raw(said).splitlines()[0]
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    chunked = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 17
    assert b" 413 " in sender.raw(chunked).splitlines()[0]
    assert sender.post(b" " * (4 * MIB)).status == 413


def test_a_content_encoding_is_415(sender: Sender) -> None:
    assert sender.post(event(1), Content_Encoding="gzip").status == 415
    assert sender.post(event(1), Content_Encoding="identity").status == 200


def test_a_body_that_does_not_come_is_408(sender: Sender, address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=5) as conn:
        conn.sendall(b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert b" 408 " in conn.recv(1000).splitlines()[0]
    assert sender.request("GET", "/healthz").status == 200


def test_other_methods_and_pages(sender: Sender) -> None:
    refused = sender.request("GET", "/webhooks/stripe")
    assert (refused.status, refused.getheader("allow")) == (405, "POST")
    for path in ("/", "/webhooks/stripe/", "/webhooks/square", "/webhooks", "/docs", "/../etc/passwd"):
        assert sender.request("POST", path).status == 404


RAW = [
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: t=1,v1=\xe9\xff\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /webhooks/paypal HTTP/1.1\r\nHost: x\r\nPAYPAL-CERT-URL: \xe9\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: \xff\r\nContent-Length: 3\r\n\r\n\xff\xfe\x00",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.0\r\n\r\n{}",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n{}",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
    b"POST /webhooks/stripe?\xff=%zz HTTP/1.1\r\nHost: \xff\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n" + b"Stripe-Signature: t=1,v1=aa\r\n" * 50 + b"\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00" * 100,
    b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
]


def test_no_bytes_get_a_5xx(sender: Sender) -> None:
    for sent in RAW:
        answer = sender.raw(sent)
        for line in answer.splitlines():
            if line.startswith(b"HTTP/1.1 "):
                assert line.split()[1].startswith(b"4"), (sent[:100], answer)
        assert sender.request("GET", "/healthz").status == 200


def test_503_when_it_cannot_store(sender: Sender, runtime: Runtime) -> None:
    with runtime.engine.begin() as conn:
        conn.execute(text("ALTER TABLE deliveries RENAME TO elsewhere"))
    refused = sender.post(event(1))
    assert refused.status == 503
    assert int(refused.getheader("retry-after") or 0) > 0
    with runtime.engine.begin() as conn:
        conn.execute(text("ALTER TABLE elsewhere RENAME TO deliveries"))
    assert sender.post(event(1)).status == 200


def test_health_and_figures(sender: Sender, address: tuple[str, int]) -> None:
    sender.post(event(1))
    sender.post(event(1))
    sender.post(event(1), Stripe_Signature="t=1,v1=aa")
    assert sender.request("GET", "/readyz").status == 200
    connection = HTTPConnection(*address, timeout=5)
    connection.request("GET", "/metrics")
    figures = connection.getresponse().read().decode()
    connection.close()
    assert 'makegood_webhook_requests_total{outcome="stored",provider="stripe"} 2.0' in figures
    assert 'makegood_webhook_requests_total{outcome="forged",provider="stripe"} 1.0' in figures
    assert 'makegood_deliveries_kept_total{kind="new",provider="stripe"} 1.0' in figures
    assert 'makegood_webhook_seconds_count{provider="stripe"} 3.0' in figures
    assert "makegood_deliveries_waiting 1.0" in figures
    assert "makegood_database_up 1.0" in figures


def test_not_ready(runtime: Runtime) -> None:
    with ExitStack() as stack:
        base = stack.enter_context(serving(create_app(runtime, queue_reachable=lambda: False)))
        connection = HTTPConnection(urlsplit(base).netloc, timeout=5)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        assert (response.status, response.read()) == (503, b'{"database":"ok","queue":"not reachable"}')
        with runtime.engine.begin() as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        assert response.status == 503
        assert b"makegood migrate" in response.read()
        connection.close()
