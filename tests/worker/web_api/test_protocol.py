"""What any program may send: every refusal is a problem that names the place, and nothing is ever a 5xx of ours."""

from __future__ import annotations

import socket
from dataclasses import replace
from urllib.parse import urlsplit

from sqlalchemy import text

from tests.worker.web_api.stands import LARGE, Api
from worker.engine import make_engine
from worker.web import api
from worker.web.api.address import PREFIX
from worker.web.app import create_app
from worker.web.serve import serving

MIB = 1024 * 1024
CLAIMS = "/claims"


def raw(called: Api, head: str, body: bytes = b"") -> bytes:
    """Exactly these bytes; what comes back until the other side has no more."""
    parts = urlsplit(called.base)
    lines = f"{head}\r\nHost: x\r\nAuthorization: Bearer {called.tokens['all']}\r\nConnection: close\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=15) as conn:
        conn.sendall(lines.encode() + body)
        answer = b""
        while part := conn.recv(65536):
            answer += part
        return answer


NO_OBJECTS = [
    b"",
    b"[]",
    b"null",
    b"not json",
    b"\xff\xfe{}",
    b'{"claim": "C-1", "claim": "C-2"}',
    b"[" * 100_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"a": NaN}',
    b'{"a": 1e400}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "\\ud800"}',
]


def test_what_is_no_json_object_is_400(called: Api) -> None:
    kind = {"Content-Type": "application/json"}
    for body in NO_OBJECTS:
        refused = called("POST", CLAIMS, content=body, headers=kind)
        assert (refused.status_code, refused.json()["type"]) == (400, "urn:makegood:problem:not-json"), body[:60]


def test_another_type_or_an_encoding_is_415(called: Api) -> None:
    for headers in (
        {"Content-Type": "text/plain"},
        {},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ):
        refused = called("POST", CLAIMS, content=b"{}", headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (415, "urn:makegood:problem:media-type")
    assert (
        called("POST", CLAIMS, content=b"{}", headers={"Content-Type": "Application/JSON; charset=utf-8"}).status_code
        == 422
    )


def test_more_than_a_mebibyte_is_413_and_the_sender_sees_it(called: Api) -> None:
    for size in (MIB + 1, 4 * MIB):
        refused = called("POST", CLAIMS, content=b" " * size, headers={"Content-Type": "application/json"})
        assert refused.status_code == 413
        assert refused.headers["connection"] == "close"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = "POST /api/v1/claims HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
    assert raw(called, head, b"\r\n" + chunk * 17 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_a_large_body_without_a_token_is_401_and_the_sender_sees_it(called: Api) -> None:
    assert called("POST", CLAIMS, None, content=b" " * 4 * MIB).status_code == 401


def test_head_and_options_are_answered(called: Api) -> None:
    head, get = called("HEAD", "/findings"), called("GET", "/findings")
    options = called("OPTIONS", "/memberships/M-1", None)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    assert "access-control-allow-origin" not in options.headers
    assert called("HEAD", "/findings", None).status_code == 401


def test_other_methods_and_addresses(called: Api) -> None:
    refused = called("DELETE", "/memberships/M-1")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    refused = called("GET", f"/remedies/{LARGE}/approve")
    assert (refused.status_code, refused.headers["allow"]) == (405, "OPTIONS, POST")
    for path in ("", "/", "/docs", "/redoc", "/webhooks/stripe"):
        refused = called("GET", path)
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:makegood:problem:no-address")


def test_nothing_is_stored_between_or_guessed(called: Api) -> None:
    for response in (called("GET", "/findings"), called("GET", "/findings", None), called("GET", "/nowhere")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


def test_without_a_database_it_is_503_and_says_when_to_come_again(called: Api) -> None:
    nowhere = make_engine("postgresql://nobody:hunter2@127.0.0.1:1/nothing")
    away = replace(called.runtime, engine=nowhere)
    with serving(create_app(away, routes=api.routes(away, lambda: None))) as base:
        refused = called("GET", f"{base}{PREFIX}/findings")
    nowhere.dispose()

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.json()["type"] == "urn:makegood:problem:busy"
    assert "hunter2" not in refused.text


def test_a_fault_of_ours_says_nothing_of_what_stands_behind(called: Api) -> None:
    with called.runtime.engine.begin() as conn:
        conn.execute(text("ALTER TABLE findings RENAME TO elsewhere"))
    try:
        refused = called("GET", "/findings")
    finally:
        with called.runtime.engine.begin() as conn:
            conn.execute(text("ALTER TABLE elsewhere RENAME TO findings"))
    assert refused.status_code in {500, 503}
    assert refused.headers["content-type"] == "application/problem+json"
    assert "findings" not in refused.text.replace("/findings", "")


RAW = [
    ("GET /api/v1/findings?%00=%ff&cursor=%ed%a0%80 HTTP/1.1", b"\r\n"),
    ("GET /api/v1/findings/%00 HTTP/1.1", b"\r\n"),
    ("GET /api/v1/findings/%ff%fe HTTP/1.1", b"\r\n"),
    ("GET /api/v1/explain/%ed%a0%80:%00 HTTP/1.1", b"\r\n"),
    ("GET /api/v1/claims/" + "x" * 5000 + " HTTP/1.1", b"\r\n"),
    ("GET /api/v1/nights/9999-99-99 HTTP/1.1", b"\r\n"),
    ("GET /api/v1/reports/2026-03-20/../../etc/passwd HTTP/1.1", b"\r\n"),
    (
        "PUT /api/v1/memberships/x HTTP/1.1\r\nIf-Match: \xff\r\nContent-Type: application/json\r\nContent-Length: 2",
        b"\r\n\r\n{}",
    ),
    (
        "POST /api/v1/claims HTTP/1.1\r\nIdempotency-Key: \xff\r\nContent-Type: application/json\r\nContent-Length: 2",
        b"\r\n\r\n{}",
    ),
    (
        "POST /api/v1/claims HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue",
        b"\r\n\r\n{}",
    ),
    ("POST /api/v1/remedies//approve HTTP/1.1\r\nContent-Length: 0", b"\r\n\r\n"),
    ("TRACE /api/v1/claims HTTP/1.1", b"\r\n"),
    ("BREW /api/v1/claims HTTP/1.1", b"\r\n"),
]


def test_no_bytes_get_a_5xx(called: Api) -> None:
    for head, body in RAW:
        answer = raw(called, head, body)
        statuses = [line.split()[1] for line in answer.splitlines() if line.startswith(b"HTTP/1.1 ")]
        assert statuses, head
        assert all(status[:1] in b"14" for status in statuses), (head, answer)
    assert called("GET", "/findings").status_code == 200
