"""A PayPal webhook from the wire to the store: signed, its certificate fetched, its envelope kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from tests.worker.conftest import PAYPAL_WEBHOOK_ID
from worker.runtime import Runtime, inboxes
from worker.sandbox.signing import PayPalSigner, certificate_host, paypal_signer
from worker.schema import deliveries
from worker.web.app import create_app
from worker.web.serve import serving

Post = Callable[[bytes, str], int]


@pytest.fixture
def signer(clock: Callable[[], datetime]) -> PayPalSigner:
    return paypal_signer(PAYPAL_WEBHOOK_ID, clock())


@pytest.fixture
def post(runtime: Runtime, signer: PayPalSigner, tmp_path: Path) -> Iterator[Post]:
    """Sends a body under a transmission id to a receiver that trusts the test's own authority."""
    roots = tmp_path / "roots.pem"
    roots.write_bytes(signer.root_pem)
    with certificate_host(signer) as cert_url:
        hosts = (urlsplit(cert_url).netloc,)
        settings = runtime.settings.model_copy(update={"paypal_cert_hosts": hosts, "paypal_cert_roots": roots})
        trusting = replace(runtime, settings=settings, inboxes=inboxes(settings))
        with serving(create_app(trusting)) as base:

            def send(body: bytes, transmission: str, signed: bytes | None = None) -> int:
                headers = signer.headers(signed or body, transmission, runtime.clock(), cert_url)
                connection = HTTPConnection(urlsplit(base).netloc, timeout=15)
                connection.request("POST", "/webhooks/paypal", body, headers)
                status = connection.getresponse().status
                connection.close()
                return status

            yield send


def sale(event_id: str) -> bytes:
    return json.dumps(
        {
            "id": event_id,
            "event_type": "PAYMENT.SALE.COMPLETED",
            "create_time": "2026-11-02T11:59:00Z",
            "resource_type": "sale",
            "resource": {"id": "8XY", "amount": {"total": "99.00", "currency": "USD"}},
        }
    ).encode()


def test_it_is_kept_with_its_transmission(post: Post, runtime: Runtime) -> None:
    assert [post(sale("WH-1"), "t-1"), post(sale("WH-1"), "t-1"), post(sale("WH-2"), "t-2")] == [200, 200, 200]
    c = deliveries.c
    with runtime.engine.connect() as conn:
        rows = conn.execute(select(c.provider, c.event_id, c.transmission_id, c.seen, c.state).order_by(c.event_id))
        assert [tuple(row) for row in rows] == [
            ("paypal", "WH-1", "t-1", 2, "new"),
            ("paypal", "WH-2", "t-2", 1, "new"),
        ]


def test_another_body_under_a_known_transmission_is_kept_aside(post: Post, runtime: Runtime) -> None:
    assert [post(sale("WH-1"), "t-1"), post(sale("WH-2"), "t-1")] == [200, 200]
    c = deliveries.c
    with runtime.engine.connect() as conn:
        rows = conn.execute(select(c.event_id, c.state).order_by(c.event_id)).all()
    assert [tuple(row) for row in rows] == [("WH-1", "new"), ("WH-2", "failed")]


def test_an_unsigned_one_is_401(runtime: Runtime) -> None:
    with serving(create_app(runtime)) as base:
        connection = HTTPConnection(urlsplit(base).netloc, timeout=15)
        connection.request("POST", "/webhooks/paypal", sale("WH-1"))
        assert connection.getresponse().status in {400, 401}
        connection.close()


def test_a_provider_without_its_secret_asks_to_come_again(runtime: Runtime) -> None:
    settings = runtime.settings.model_copy(update={"paypal_webhook_id": None, "stripe_webhook_secrets": ()})
    with serving(create_app(replace(runtime, settings=settings, inboxes=inboxes(settings)))) as base:
        for provider in ("stripe", "paypal"):
            connection = HTTPConnection(urlsplit(base).netloc, timeout=15)
            connection.request("POST", f"/webhooks/{provider}", sale("WH-1"))
            response = connection.getresponse()
            assert response.status == 503
            assert int(response.getheader("retry-after") or 0) > 0
            connection.close()
