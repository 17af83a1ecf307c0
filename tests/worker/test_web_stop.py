"""Stopping the receiver: what was taken in is answered, and stored, before it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from tests.worker.stripe_sender import event, signature
from worker.runtime import Runtime, utc_now
from worker.schema import deliveries

PROGRAM = """
import sys
from config.settings import load
from worker.runtime import build
from worker.web.app import create_app
from worker.web.serve import serve
runtime = build(load())
serve(create_app(runtime), "127.0.0.1", int(sys.argv[1]))
"""


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_sigterm_answers_what_is_under_way(runtime: Runtime, unused_port: int, tmp_path: Path) -> None:
    settings = runtime.settings
    environment = {
        "PATH": os.environ["PATH"],
        "MAKEGOOD_DATABASE_URL": settings.database_url,
        "MAKEGOOD_STRIPE_WEBHOOK_SECRETS": settings.stripe_webhook_secrets[0].get_secret_value(),
        "MAKEGOOD_ENCRYPTION_KEYS": settings.encryption_keys[0].get_secret_value(),
    }
    root = Path(__file__).parents[2]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(unused_port)], env=environment, cwd=root, stderr=log, stdout=log
        )
    try:
        _wait_until_ready(unused_port, process)
        assert _sent_while_stopping(runtime, unused_port, process) == 200
        assert process.wait(20) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()
    with runtime.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(deliveries)).scalar_one() == 1


def _sent_while_stopping(runtime: Runtime, port: int, process: subprocess.Popen[bytes]) -> int:
    """Send a delivery that has to wait for a lock, stop the receiver meanwhile, let go; the answer's status."""
    status: list[int] = []

    def send() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        body = event(1)
        stamp = signature(body, utc_now())  # the other process has the real time
        connection.request("POST", "/webhooks/stripe", body, {"Stripe-Signature": stamp})
        status.append(connection.getresponse().status)
        connection.close()

    sender = threading.Thread(target=send)
    with runtime.engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("LOCK TABLE deliveries IN EXCLUSIVE MODE"))
        sender.start()
        time.sleep(0.5)
        process.terminate()
        time.sleep(0.5)
        assert status == []
    sender.join(20)
    return status[0]


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except ConnectionError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail("the receiver did not start")
