"""What a page is handed: who asks, what for, and how to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from sqlalchemy import Connection
from starlette.responses import HTMLResponse, RedirectResponse, Response

from worker.accounts.roles import Permission
from worker.accounts.signing_in import Person
from worker.engine import reading
from worker.judging import today
from worker.runtime import Runtime
from worker.schema import Row
from worker.store.nights import open_gaps
from worker.store.switches import switch
from worker.web.console.rendering import render

Values = Mapping[str, str]


class RefusedError(Exception):
    """The answer is a page that says why not."""

    def __init__(self, status: int, heading: str, text: str = "") -> None:
        super().__init__(heading)
        self.status = status
        self.heading = heading
        self.text = text


def missing(what: str) -> RefusedError:
    return RefusedError(404, f"There is no such {what}", "The address may be mistyped, or be of another installation.")


@dataclass(frozen=True)
class Desk:
    """One request. `asked` are the parts of its path, `query` those behind the question mark, `form` what was sent (a
    field that was sent several times is in `many`), `under_way` what the browser holds of a sign-in at the provider."""

    runtime: Runtime
    person: Person | None
    path: str
    token: str
    cookie: str = ""
    under_way: str = ""
    host: str = ""
    asked: Values = field(default_factory=dict)
    query: Values = field(default_factory=dict)
    form: Values = field(default_factory=dict)
    many: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Who does what is done here."""
        if self.person is None:
            raise RefusedError(403, "Sign in first")
        return self.person.name

    def may(self, permission: str) -> bool:
        return self.person is not None and self.person.may(Permission(permission))

    @cached_property
    def today(self) -> date:
        """In the merchant's zone."""
        return today(self.runtime)

    @cached_property
    def state(self) -> Row:
        """What every page says above all else: whether money is stopped, and whether anything is sent at all."""
        with self.reading() as conn:
            return {"stopped": switch(conn), "shadow": self.runtime.settings.mode == "shadow", "gaps": open_gaps(conn)}

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with reading(self.runtime.engine).begin() as conn:
            yield conn

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - a template's
        """The page of this template."""
        return HTMLResponse(render(template, self.runtime.rules.zone, desk=self, **values), status_code=status)

    def go(self, to: str) -> Response:
        """On to another page, so that a reload does nothing twice."""
        return RedirectResponse(to, status_code=303)
