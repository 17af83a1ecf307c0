"""One JSON stream, whoever speaks, and nothing personal or secret in it."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config.logging import KEYS, REDACTED, configure, luhn, scrub
from tests.conftest import ROOT

CARD = "4242424242424242"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure("DEBUG", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_ours_and_theirs_are_one_stream(stream: io.StringIO) -> None:
    structlog.get_logger("worker.web").warning("forged_delivery", provider="stripe", count=3)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("dramatiq.worker").error("Failed to process %s", "message")
    found = lines(stream)
    assert [line["event"] for line in found] == [
        "forged_delivery",
        "Started server process [7]",
        "Failed to process message",
    ]
    assert [line["level"] for line in found] == ["warning", "info", "error"]
    assert (found[0]["provider"], found[0]["count"]) == ("stripe", 3)
    assert all(str(line["timestamp"]).endswith("Z") for line in found)


def test_every_key_that_is_logged_anywhere_is_on_the_list() -> None:
    """Otherwise the line is there, and what it was written for is not."""
    used: dict[str, str] = {}
    for file in (path for room in ("config", "handlers", "worker") for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
                used |= {word.arg: f"{file.name}:{node.lineno}" for word in node.keywords if word.arg}
    assert len(used) > 20
    assert {key: place for key, place in used.items() if key not in KEYS} == {}


def test_unknown_keys_are_redacted(stream: io.StringIO) -> None:
    structlog.get_logger().info("imported", email="canary+7f3@example.test", surname="Canary", rows=4)
    (line,) = lines(stream)
    assert (line["email"], line["surname"], line["rows"]) == (REDACTED, REDACTED, 4)


def test_nothing_secret_gets_through(stream: io.StringIO) -> None:
    secrets = [
        "canary+7f3@example.test",
        CARD,
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "378282246310005",
        "sk_live_canary",
        "rk_test_canary",
        "whsec_canary",
        "Bearer canary.canary",
        "Basic Y2FuYXJ5",
        "redis://:canarypass@mq:6379",
        "postgresql://makegood:canarypass@db/x",
    ]
    for secret in secrets:
        structlog.get_logger().info(f"it said {secret}!", why=[f"<{secret}>", {"a": secret}])
        try:
            known: dict[str, str] = {}
            known[secret]
        except KeyError:
            logging.getLogger("uvicorn.error").exception("boom %s", secret)
    text = stream.getvalue()
    assert len(lines(stream)) == 2 * len(secrets)
    assert "canary" not in text
    for secret in secrets[1:5]:
        assert secret not in text


def test_what_is_no_secret_stays() -> None:
    for text in (
        "evt_1PqRsT4242424242424242",
        "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "2026-11-02T12:00:00Z",
        "9900",
        "I-BW452GLLEP1G",
    ):
        assert scrub(text) == text
    assert not luhn("4242424242424241")
    assert scrub("4242424242424241") == "4242424242424241"


@given(st.text())
def test_one_line_a_record_and_always_json(text: str) -> None:
    out = io.StringIO()
    configure("INFO", out)
    structlog.get_logger().info(text, why=text)
    assert len(out.getvalue().splitlines()) == 1
    json.loads(out.getvalue())
    logging.getLogger().handlers.clear()
    structlog.reset_defaults()


def test_people_get_readable_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    configure("INFO", out)
    structlog.get_logger().info("stored", provider="stripe")
    assert "stored" in out.getvalue()
    assert not out.getvalue().startswith("{")
    logging.getLogger().handlers.clear()
    structlog.reset_defaults()
