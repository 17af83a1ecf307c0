"""A write under an Idempotency-Key is done once. Its answer is kept and given again; a refusal is not kept, for it has
changed nothing and may be mended under the same key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from starlette.responses import Response

from worker.runtime import Runtime
from worker.store import answers
from worker.store.answers import Kept
from worker.store.sql import run
from worker.store.tokens import Token
from worker.tables import Row, as_json
from worker.web.api.problems import Refused
from worker.web.api.sent import JSON, Sent

KEEP = timedelta(days=30)
LEASE = timedelta(seconds=60)
REPLAYED = "idempotency-replayed"


def written(row: Row, status: int = 200, **headers: str) -> Response:
    """The answer to a write. Nothing personal may stand in it: it may be kept."""
    return Response(as_json(row), status, headers, JSON)


def once(runtime: Runtime, token: Token, sent: Sent, act: Callable[[], Response]) -> Response:
    """Do it, or give the answer that it got before. Raises Refused where the key belongs to another request, or the
    same one is under way."""
    if sent.key is None:
        return act()
    now, key = runtime.clock(), sent.key
    request = runtime.keyring.keyed(b"\n".join([sent.method.encode(), sent.address.encode(), sent.body]))
    known = run(
        runtime.engine,
        lambda conn: answers.begin(conn, Kept(token.name, key, request, now, now + LEASE), now - KEEP),
    )
    if known is not None:
        return _again(known, request)
    try:
        response = act()
    except BaseException:
        run(runtime.engine, lambda conn: answers.forget(conn, token.name, key, now + LEASE))
        raise
    told = {name: value for name, value in response.headers.items() if name in {"etag", "location"}}
    body = bytes(response.body).decode()
    run(runtime.engine, lambda conn: answers.keep(conn, token.name, key, response.status_code, told, body))
    return response


def _again(known: Kept, request: str) -> Response:
    if known.request != request:
        said = "Idempotency-Key: another request had this key; a new key is expected for a new request"
        raise Refused(422, "other-request", said, field="Idempotency-Key")
    if known.status is None or known.body is None:
        said = "a request with this key is being answered: send it again in a moment"
        raise Refused(409, "in-flight", said, headers={"retry-after": "1"})
    return Response(known.body, known.status, {**known.headers, REPLAYED: "true"}, JSON)
