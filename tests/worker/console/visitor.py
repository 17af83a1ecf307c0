"""A visitor of the console over real HTTP: what a browser sends of itself, sent by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2

from worker.accounts.signing_in import new_session_id
from worker.runtime import Runtime
from worker.store import accounts
from worker.store.accounts import User
from worker.web.console import guard


class Visitor:
    """One browser. It has a session where a role is given."""

    def __init__(self, base: str, runtime: Runtime, *roles: str, name: str = "") -> None:
        self.base = base
        self.client = httpx2.Client(base_url=base, follow_redirects=False)
        self.cookie = ""
        self.name = name or f"{'-'.join(roles).capitalize()} Example"
        if roles:
            self.cookie = _session(runtime, self.name, roles)
            self.client.cookies.set("makegood", self.cookie)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """A form as our own page sends it, unless told otherwise."""
        sent = {"origin": self.base, "sec-fetch-site": "same-origin"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent["content-type"] = "application/x-www-form-urlencoded"
        fields = {"token": guard.token_for(self.cookie), **(form or {})}
        body = urlencode(fields, doseq=True)
        return self.client.post(path, content=body, headers={n: v for n, v in sent.items() if v})


def _session(runtime: Runtime, name: str, roles: tuple[str, ...]) -> str:
    """Signed in without the tenth of a second that a password takes; signing in has tests of its own."""
    from worker.accounts.signing_in import _hash

    session_id, now = new_session_id(), runtime.clock()
    who = User(name.casefold(), name, roles, "nobody's", disabled=False, tries=0, locked_until=None, made_at=now)
    with runtime.engine.begin() as conn:
        accounts.add(conn, who)
        accounts.begin_session(conn, _hash(session_id), who.id, now)
    return session_id


def text(answer: httpx2.Response) -> str:
    """The page as it is read: without its marks, spaces made one."""
    bare = re.sub(r"<(style|script|svg).*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", bare).split())
