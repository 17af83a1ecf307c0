"""What people decide about remedies here: the same acts as the commands, in the name of who is signed in, on what they
had before their eyes."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from starlette.responses import Response

from worker.money import decisions
from worker.money.decisions import DecisionError, Seen
from worker.web.console import guard
from worker.web.console.desk import Desk, RefusedError
from worker.web.console.rendering import link

_SEEN = ("kind", "amount_minor", "currency", "clause", "held_because")


def approve(desk: Desk) -> Response:
    """Let a held remedy go."""
    return _done(desk, "approved", lambda key: decisions.approve(desk.runtime, key, desk.name, _seen(desk)))


def prepare(desk: Desk) -> Response:
    """Say that one has looked at it, and that it may be approved: by somebody else."""
    return _done(desk, "prepared", lambda key: decisions.prepare(desk.runtime, key, desk.name, _seen(desk)))


def waive(desk: Desk) -> Response:
    """Give it up."""
    reason = desk.form.get("reason", "")
    return _done(desk, "waived", lambda key: decisions.waive(desk.runtime, key, desk.name, reason))


def retry(desk: Desk) -> Response:
    """Send it once more."""
    return _done(desk, "retried", lambda key: decisions.retry(desk.runtime, key, desk.name))


def seen_of(row: object) -> str:
    """What a page shows of a remedy, for its form to carry."""
    return json.dumps([getattr(row, name) for name in _SEEN])


def read_seen(told: str) -> Seen:
    """The same, read back. Raises RefusedError for anything that no page of ours sends."""
    try:
        kind, minor, currency, clause, held = json.loads(told)
    except ValueError:
        raise RefusedError(400, "This form is not one of ours") from None
    return Seen(kind, minor, currency, clause, held)


def _seen(desk: Desk) -> Seen:
    return read_seen(desk.form.get("seen", ""))


def _done(desk: Desk, word: str, act: Callable[[str], str]) -> Response:
    key = desk.form.get("key", "")
    try:
        state = act(key)
    except DecisionError as error:
        return desk.page(
            "refused.html.jinja", status=409, heading="That was not done", text=plainly(str(error)), back=_back(desk)
        )
    word = "held" if (word, state) == ("retried", "held") else word
    return desk.go(link(_back(desk), {"done": word, "key": key}))


def plainly(error: str) -> str:
    """A decision's error for somebody who knows no options of a command."""
    return error.replace("--reason: one line of text", "Reason: one line of text").replace(": use retry", "")


def _back(desk: Desk) -> str:
    """Where it was decided; and of a list the place where one was."""
    path = guard.within(desk.form.get("back", ""))
    return path if path != "/console" else f"/console/cases/{quote(desk.form.get('key', ''), safe='')}"
