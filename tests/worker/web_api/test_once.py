"""A write under an Idempotency-Key: done once, answered again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select

from tests.worker.web_api.stands import SMALL, Api, Stand
from worker.schema import api_answers, audit
from worker.store.answers import Kept, begin

CANCEL = {"kind": "cancel", "at": "2026-02-20T09:00:00-06:00", "channel": "portal"}
KEY = {"Idempotency-Key": "one"}


def test_the_same_request_again_is_answered_and_not_done(called: Api) -> None:
    first, again = (
        called("POST", f"/remedies/{SMALL}/waive", json={"reason": "by hand"}, headers=KEY) for _ in range(2)
    )

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    with called.runtime.engine.begin() as conn:
        count = select(func.count()).select_from(audit).where(audit.c.action == "remedy_waived")
        assert conn.scalar(count) == 1


def test_an_answer_comes_again_with_its_status_and_etag(called: Api) -> None:
    row = {"started_on": "2026-01-08", "plan": {"price": 9900, "currency": "USD"}, "member": {"email": "a@example.com"}}
    first, again = (called("PUT", "/memberships/M-7", json=row, headers=KEY) for _ in range(2))

    assert (again.status_code, again.headers["etag"]) == (201, '"1"')
    assert first.content == again.content
    with called.runtime.engine.begin() as conn:
        assert not any("example.com" in str(value) for kept in conn.execute(select(api_answers)) for value in kept)


def test_another_request_under_the_key_is_422(called: Api) -> None:
    called("POST", "/memberships/M-1/notices", json=CANCEL, headers=KEY)
    other = called("POST", "/memberships/M-1/notices", json={**CANCEL, "channel": "email"}, headers=KEY)
    elsewhere = called("POST", "/memberships/M-2/notices", json=CANCEL, headers=KEY)

    assert {other.status_code, elsewhere.status_code} == {422}
    assert other.json()["type"] == "urn:makegood:problem:other-request"
    assert called.get("/memberships/M-2")["notices"] == []


def test_keys_are_each_holders_own(called: Api) -> None:
    done = [called("POST", "/memberships/M-1/notices", who, json=CANCEL, headers=KEY) for who in ("clerk", "all")]

    assert [one.json()["outcome"] for one in done] == ["changed", "unchanged"]


def test_a_refusal_is_not_kept(called: Api) -> None:
    assert called("POST", "/memberships/nobody/notices", json=CANCEL, headers=KEY).status_code == 404
    assert called("POST", "/memberships/M-1/notices", json=CANCEL, headers=KEY).status_code == 200


def test_at_once_it_is_done_once(called: Api) -> None:
    def send(_: int) -> tuple[int, bytes]:
        done = called("POST", f"/remedies/{SMALL}/waive", json={"reason": "by hand"}, headers=KEY)
        return done.status_code, done.content if done.status_code == 200 else b""

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))

    assert {status for status, _ in answers} <= {200, 409}
    assert len({body for status, body in answers if status == 200}) == 1
    with called.runtime.engine.begin() as conn:
        count = select(func.count()).select_from(audit).where(audit.c.action == "remedy_waived")
        assert conn.scalar(count) == 1


def test_one_under_way_is_409_until_its_holder_is_given_up(called: Api, stand: Stand) -> None:
    runtime = called.runtime
    now = runtime.clock()
    body = b'{"kind":"reactivate","on":"2026-03-10"}'
    address = b"/api/v1/memberships/M-1/notices?"
    request = runtime.keyring.keyed(b"\n".join([b"POST", address, body]))
    with runtime.engine.begin() as conn:
        assert begin(conn, Kept("All", "one", request, now, now + timedelta(seconds=60)), now) is None
    headers = {**KEY, "Content-Type": "application/json"}

    busy = called("POST", "/memberships/M-1/notices", content=body, headers=headers)
    stand.clock.advance(timedelta(seconds=61))
    done = called("POST", "/memberships/M-1/notices", content=body, headers=headers)

    assert (busy.status_code, busy.headers["retry-after"]) == (409, "1")
    assert busy.json()["type"] == "urn:makegood:problem:in-flight"
    assert done.status_code == 200


def test_answers_are_kept_for_thirty_days(called: Api, stand: Stand) -> None:
    called("POST", "/memberships/M-1/notices", json=CANCEL, headers=KEY)
    stand.clock.advance(timedelta(days=29))
    again = called("POST", "/memberships/M-1/notices", json=CANCEL, headers=KEY)
    stand.clock.advance(timedelta(days=1, seconds=1))
    with called.runtime.engine.begin() as conn:
        now = called.runtime.clock()
        begin(conn, Kept("All", "two", "x", now, now), now - timedelta(days=30))
        left = conn.scalars(select(api_answers.c.key)).all()

    assert again.headers["idempotency-replayed"] == "true"
    assert left == ["two"]


def test_a_key_that_cannot_be_one_is_named(called: Api) -> None:
    for key in ("", "a b", "x" * 256):
        refused = called("POST", "/memberships/M-1/notices", json=CANCEL, headers={"Idempotency-Key": key})
        assert (refused.status_code, refused.json()["field"]) == (422, "Idempotency-Key"), key
