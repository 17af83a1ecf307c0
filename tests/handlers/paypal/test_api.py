"""The transport: one token, no leaks, no loops, no guesses about what was sent."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from handlers.paypal.api import LostError, NotSentError, PayPalApi, RejectedError, WrongCredentialError
from tests.answering import Answered, serving
from tests.handlers.paypal.fake import CAPTURE_ID, CLIENT_ID, CLIENT_SECRET, SALE_ID, FakePayPal, answer, refused, world

SALE = f"/v1/payments/sale/{SALE_ID}"
CAPTURE = f"/v2/payments/captures/{CAPTURE_ID}"
REFUND = {"amount": {"total": "1.00", "currency": "USD"}}


@contextmanager
def api(fake: FakePayPal, timeout_s: float = 20.0, secret: str = CLIENT_SECRET) -> Iterator[PayPalApi]:
    with serving(fake) as base, closing(PayPalApi(CLIENT_ID, secret, base, timeout_s)) as paypal:
        yield paypal


def test_sixteen_threads_ask_for_one_token() -> None:
    fake = world()
    with api(fake) as paypal:
        threads = [threading.Thread(target=paypal.get, args=(SALE,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(fake.of("GET", SALE)) == 16
    assert fake.tokens == 1


def test_a_token_is_renewed_before_it_ends() -> None:
    fake = world()
    fake.expires_in_s = 1000
    now_s = 5000.0
    with serving(fake) as base:
        paypal = PayPalApi(CLIENT_ID, CLIENT_SECRET, base, 5.0, lambda: now_s)
        paypal.get(SALE)
        now_s += 870
        paypal.get(SALE)
        assert fake.tokens == 1
        now_s += 20
        paypal.get(SALE)
    assert fake.tokens == 2


def test_the_token_is_asked_for_without_the_callers_headers() -> None:
    fake = world()
    with api(fake) as paypal:
        paypal.post(f"{SALE}/refund", REFUND, {"PayPal-Request-Id": "key-1", "Prefer": "return=representation"})
    token, refund = fake.asked
    assert token.path == "/v1/oauth2/token"
    assert "paypal-request-id" not in token.headers
    assert "prefer" not in token.headers
    assert refund.headers["paypal-request-id"] == "key-1"
    assert refund.headers["authorization"] == "Bearer token-1"


def test_a_get_has_no_body() -> None:
    fake = world()
    with api(fake) as paypal:
        assert paypal.get(SALE).body["id"] == SALE_ID
    (asked,) = fake.of("GET")
    assert asked.body == b""
    assert "content-type" not in asked.headers


def test_a_revoked_token_is_renewed_once() -> None:
    fake = world()
    with api(fake) as paypal:
        paypal.get(SALE)
        fake.revoked.add("Bearer token-1")
        assert paypal.get(SALE).body["id"] == SALE_ID
    assert fake.tokens == 2


def test_a_lasting_401_is_tried_exactly_twice() -> None:
    fake = world()
    fake.say("/refund", *[refused(401, "AUTHENTICATION_FAILURE")] * 9)
    with api(fake) as paypal, pytest.raises(RejectedError) as caught:
        paypal.post(f"{SALE}/refund", REFUND, {"PayPal-Request-Id": "key-1"})
    assert caught.value.status == 401
    assert len(fake.of("POST")) == 2
    assert fake.tokens == 2


def test_a_late_401_does_not_throw_away_the_token_that_replaced_it() -> None:
    fake = world()
    late = refused(401, "AUTHENTICATION_FAILURE")
    late.wait_s = 0.7
    with api(fake) as paypal:
        paypal.get(SALE)
        fake.revoked.add("Bearer token-1")
        fake.say(CAPTURE, late)
        slow = threading.Thread(target=paypal.get, args=(CAPTURE,))
        slow.start()
        while not fake.of("GET", CAPTURE):
            time.sleep(0.01)
        paypal.get(SALE)
        slow.join()
    assert fake.tokens == 2


def test_sixteen_threads_renew_a_revoked_token_once() -> None:
    fake = world()
    with api(fake) as paypal:
        paypal.get(SALE)
        fake.revoked.add("Bearer token-1")
        threads = [threading.Thread(target=paypal.get, args=(SALE,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert fake.tokens == 2


@pytest.mark.parametrize(
    "status", [400, 402, 403, 404, 405, 409, 410, 415, 422, 429, 500, 502, 503, 301, 302, 307, 308]
)
def test_every_status_but_success_is_raised(status: int) -> None:
    fake = world()
    fake.say(SALE, refused(status, "SOME_NAME", "SOME_ISSUE", Location="/elsewhere"))
    with api(fake) as paypal, pytest.raises(RejectedError) as caught:
        paypal.get(SALE)
    assert (caught.value.status, caught.value.codes) == (status, ("SOME_ISSUE", "SOME_NAME"))
    assert len(fake.of("GET")) == 1  # redirects are not followed


def test_an_error_page_is_raised_too() -> None:
    fake = world()
    fake.say(SALE, Answered(400, b"<html>\xff"))
    with api(fake) as paypal, pytest.raises(RejectedError) as caught:
        paypal.get(SALE)
    assert (caught.value.status, caught.value.codes) == (400, ())


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b'{"id": NaN}', b'{"id": 1, "id": 2}'])
def test_a_success_that_cannot_be_read_is_lost(body: bytes) -> None:
    fake = world()
    fake.say(SALE, Answered(200, body))
    with api(fake) as paypal, pytest.raises(LostError):
        paypal.get(SALE)


def test_an_answer_that_does_not_come_in_time_is_lost() -> None:
    fake = world()
    fake.say("/refund", Answered(201, b"{}", wait_s=60))
    began = time.monotonic()
    with api(fake, timeout_s=1.0) as paypal, pytest.raises(LostError):
        paypal.post(f"{SALE}/refund", REFUND)
    assert time.monotonic() - began < 20
    assert len(fake.of("POST")) == 1


def test_a_connection_that_breaks_after_sending_is_lost() -> None:
    fake = world()
    fake.say("/refund", Answered(hang_up=True))
    with api(fake) as paypal, pytest.raises(LostError):
        paypal.post(f"{SALE}/refund", REFUND)
    assert len(fake.of("POST")) == 1


def test_what_finds_no_connection_was_not_sent() -> None:
    with serving(world()) as base:
        gone = base
    with pytest.raises(NotSentError):
        PayPalApi(CLIENT_ID, CLIENT_SECRET, gone, 5.0).post(f"{SALE}/refund", REFUND)


@pytest.mark.parametrize(
    "token",
    [
        Answered(hang_up=True),
        Answered(200, b"<html>"),
        answer(200, {"access_token": "t"}),
        answer(200, {"expires_in": 100}),
        answer(500, {}),
        answer(302, {}, Location="/"),
        refused(429, "RATE_LIMIT_REACHED"),
    ],
)
def test_without_a_token_nothing_is_sent(token: Answered) -> None:
    fake = world()
    fake.say("oauth2", token)
    with api(fake) as paypal, pytest.raises(NotSentError):
        paypal.post(f"{SALE}/refund", REFUND)
    assert fake.of("POST") == []


def test_a_wrong_secret_is_said_without_repeating_it() -> None:
    fake = world()
    with api(fake, secret="a-wrong-secret") as paypal, pytest.raises(WrongCredentialError) as caught:
        paypal.get(SALE)
    assert "a-wrong-secret" not in repr(caught.value)
    assert len(fake.asked) == 1


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    fake = world()
    fake.say("/refund", refused(400, "VALIDATION_ERROR"))
    with caplog.at_level(logging.DEBUG), api(fake) as paypal:
        paypal.get(SALE)
        with pytest.raises(RejectedError):
            paypal.post(f"{SALE}/refund", REFUND, {"PayPal-Request-Id": "key-1"})
    for secret in (CLIENT_SECRET, CLIENT_ID, "token-1", "Basic", "key-1"):
        assert secret not in caplog.text


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with api(world()) as paypal:
        assert paypal.get(SALE).body["id"] == SALE_ID


@pytest.mark.parametrize(
    "base",
    [
        "http://api-m.paypal.com",
        "http://10.0.0.1:8080",
        "ftp://api-m.paypal.com",
        "https://user:pass@api-m.paypal.com",
        "https://api-m.paypal.com?x=1",
        "https://",
        "api-m.paypal.com",
    ],
)
def test_a_base_address_that_is_not_safe_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="base address"):
        PayPalApi(CLIENT_ID, CLIENT_SECRET, base, 5.0)


def test_a_slash_at_the_end_of_the_base_address_does_no_harm() -> None:
    fake = world()
    with serving(fake) as base:
        PayPalApi(CLIENT_ID, CLIENT_SECRET, f"{base}/", 5.0).get(SALE)
    assert [each.path for each in fake.asked] == ["/v1/oauth2/token", SALE]


def test_a_body_is_plain_json() -> None:
    fake = world()
    with api(fake) as paypal:
        paypal.post(f"{SALE}/refund", REFUND, {"PayPal-Request-Id": "key-1"})
    (asked,) = fake.of("POST")
    assert json.loads(asked.body) == REFUND
    assert asked.headers["content-type"] == "application/json"
