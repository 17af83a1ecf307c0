"""The line between makegood and a counterpart: it carries everything, and loses the answers that a test names."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests

from worker.sandbox.bank.wire import Answered, Asked, said, serving

KEY = "sk_test_counterpart"
Json = dict[str, Any]
_CARRIED = ("authorization", "idempotency-key", "stripe-version", "content-type")


@dataclass
class Line:
    """`script` holds what becomes of the next POSTs: "lost" (it arrives, its answer does not) or "cut" (it never
    arrives). `without` are fields that a counterpart does not know, `empty` lists that it does not have."""

    upstream: str
    without: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    script: deque[str] = field(default_factory=deque)
    posts: list[str] = field(default_factory=list)
    base: str = ""

    def __call__(self, asked: Asked) -> Answered:
        fate = ""
        if asked.method == "POST":
            self.posts.append(asked.headers.get("idempotency-key", ""))
            fate = self.script.popleft() if self.script else ""
        if fate == "cut":
            return Answered(how="silent")
        if asked.path in self.empty:
            return said(200, {"object": "list", "data": [], "has_more": False, "url": asked.path})
        body = asked.body.decode()
        if self.without and body:
            body = urlencode([pair for pair in parse_qsl(body) if pair[0] not in self.without])
        headers = {name: asked.headers[name] for name in _CARRIED if name in asked.headers}
        told = requests.request(
            asked.method, f"{self.upstream}{asked.path}", params=asked.query, data=body, headers=headers, timeout=20
        )
        if fate == "lost":
            return Answered(how="silent")
        kept = {name: value for name, value in told.headers.items() if name.lower().startswith(("idem", "request"))}
        return Answered(told.status_code, told.content, {"Content-Type": "application/json", **kept})

    def post(self, path: str, **form: str) -> Json:
        """Ask the counterpart directly, as the merchant's shop would."""
        told = requests.post(f"{self.upstream}/v1/{path}", data=form, auth=(KEY, ""), timeout=20)
        assert told.status_code == 200, told.text
        made: Json = told.json()
        return made

    def refunds(self, charge: str) -> list[Json]:
        """What the counterpart says went back."""
        params = {"charge": charge, "limit": "100"}
        told = requests.get(f"{self.upstream}/v1/refunds", params=params, auth=(KEY, ""), timeout=20)
        listed: list[Json] = told.json()["data"]
        return listed


@contextmanager
def line_to(upstream: str, *, without: Iterable[str] = (), empty: Iterable[str] = ()) -> Iterator[Line]:
    line = Line(upstream, frozenset(without), frozenset(empty))
    with serving(line, lambda: datetime.now(UTC)) as base:
        line.base = base
        yield line
