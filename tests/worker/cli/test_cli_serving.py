"""`up`, and `web`, `work` and `clock` apart: what is posted is handled, and a signal ends it gracefully."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.watched import free_port
from tests.worker.cli.world import DAYS, LEAST, Command, charge_event, environment
from tests.worker.conftest import STRIPE_SECRET
from tests.worker.stripe_sender import signature

KEY = base64.b64encode(bytes(32)).decode()
PATIENCE_S = 60.0


@contextmanager
def running(folder: Path, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process; at the end it is told to stop and ends with 0."""
    errors = folder / f"{arguments[0]}.log"
    with errors.open("wb") as log:
        command = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", *arguments],
            cwd=folder,
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=log,
        )
    with command:
        try:
            yield command
            command.send_signal(signal.SIGTERM)
            assert command.wait(30) == 0, errors.read_text()
            assert "Traceback" not in errors.read_text()
        finally:
            command.kill()


def until_ready(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                assert answer.status == 200
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail("the receiver did not become ready")


def post(port: int, event: object) -> int:
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": signature(body, datetime.now(UTC)), "Content-Type": "application/json"}
    sent = urllib.request.Request(f"http://127.0.0.1:{port}/webhooks/stripe", body, headers)
    with urllib.request.urlopen(sent, timeout=10) as answer:  # noqa: S310 - as above
        status: int = answer.status
        return status


def until_handled(makegood: Command, **settings: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        rows = makegood.apart("deliveries", "--json", **settings).rows
        if rows and all(row["state"] == "done" for row in rows):
            return
    pytest.fail("the deliveries were not handled")


def test_up_receives_handles_judges_and_stops(makegood: Command) -> None:
    settings = {"STRIPE_WEBHOOK_SECRETS": STRIPE_SECRET}
    makegood.apart("import", "roster", makegood.file("r.jsonl", [LEAST]))
    port = free_port()
    with running(makegood.folder, "up", "--port", str(port), **settings):
        until_ready(port)
        for event in (charge_event("ch_1", DAYS[0]), charge_event("ch_2", DAYS[0])):
            assert post(port, event) == 200
        until_handled(makegood)
    kinds = [row["finding"] for row in makegood.apart("findings", "--kind", "duplicate_charge", "--json").rows]
    assert kinds == ["duplicate_charge"]


def test_web_work_and_clock_apart_do_the_same(makegood: Command, postgres_url: str, redis_url: str) -> None:
    settings = {"DATABASE_URL": postgres_url, "BROKER_URL": redis_url, "ENCRYPTION_KEYS": KEY}
    settings["STRIPE_WEBHOOK_SECRETS"] = STRIPE_SECRET
    assert makegood.apart("migrate", **settings).code == 0
    port = free_port()
    with ExitStack() as stack:
        for command in (["web", "--port", str(port)], ["work", "--threads", "2"], ["clock"]):
            stack.enter_context(running(makegood.folder, *command, **settings))
        until_ready(port)
        assert post(port, charge_event("ch_1", DAYS[0])) == 200
        until_handled(makegood, **settings)
        # What the composition asks of each container; no executor runs in shadow mode.
        alive = {part: makegood.apart("doctor", "--alive", part, **settings) for part in ("work", "clock", "executor")}
        assert {part: ran.code for part, ran in alive.items()} == {"work": 0, "clock": 0, "executor": 1}


@pytest.mark.parametrize("command", ["web", "work", "clock"])
def test_apart_they_need_a_queue_that_reaches_the_others(makegood: Command, command: str) -> None:
    ran = makegood.apart(command, STRIPE_WEBHOOK_SECRETS=STRIPE_SECRET)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "MAKEGOOD_BROKER_URL" in ran.err


@pytest.mark.parametrize("command", ["work", "clock"])
def test_a_queue_that_is_away_is_3(makegood: Command, command: str) -> None:
    ran = makegood.apart(command, BROKER_URL="redis://127.0.0.1:1/0")
    assert (ran.code, len(ran.err.splitlines())) == (3, 1)


def test_a_receiver_needs_a_secret(makegood: Command) -> None:
    ran = makegood.apart("up")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "MAKEGOOD_STRIPE_WEBHOOK_SECRETS" in ran.err


def test_a_port_that_is_taken_is_3(makegood: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = makegood.apart("up", "--port", port, STRIPE_WEBHOOK_SECRETS=STRIPE_SECRET)
    assert ran.code == 3
    assert ran.err.splitlines()[-1] == f"makegood: 127.0.0.1:{port} cannot be listened on"


def test_a_defect_that_ends_a_service_is_one_line_of_its_log(tmp_path: Path) -> None:
    """In the very way in which the commands run, with a defect in place of what they do."""
    program = """
import sys
from worker.cli.running import guarded
from worker.cli.serving import _serving

def defective():
    with _serving():
        raise RuntimeError("of the card 4242 4242 4242 4242")

sys.exit(guarded(defective))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment({}), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    crashed = [json.loads(line) for line in ended.stderr.splitlines()][-1]
    assert (crashed["event"], crashed["level"]) == ("crashed", "error")
    assert "RuntimeError: of the card" in crashed["exception"]
    assert "4242" not in ended.stderr
