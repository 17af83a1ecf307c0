"""Templates to text. Whatever a provider or a member wrote is escaped; no template holds a style or a script."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reconcile.outcome import REPORTED, owes_more
from worker.report import words
from worker.report.amounts import money as figures
from worker.report.amounts import written
from worker.report.shapes import shape

# The pages that the top of each page names: who lacks the permission is not shown the name.
PAGES = (
    ("Today", "/console", None),
    ("Cases", "/console/cases", "read:cases"),
    ("Approvals", "/console/approvals", "read:cases"),
    ("Memberships", "/console/memberships", "read:memberships"),
    ("Claims", "/console/claims", "read:cases"),
    ("Policies", "/console/policies", "read:policies"),
    ("Nights", "/console/nights", "read:reports"),
    ("Audit", "/console/audit", "read:audit"),
    ("Rights", "/console/rights", "read:exports"),
    ("Switch", "/console/switch", "read:cases"),
)
# What a page may say after it was done; nothing else that stands in an address is ever shown.
DONE = {
    "approved": "Approved. It goes out by itself when it is due.",
    "prepared": "Prepared. Somebody else can approve it now.",
    "waived": "Waived: nothing will be sent.",
    "retried": "It will be sent again.",
    "held": "It is large: somebody else has to approve it before it is sent again.",
    "last": "That was the last one.",
    "stopped": "Outgoing money is stopped.",
    "resumed": "Outgoing money goes out again.",
    "taken": "The claim was taken in and answered.",
}
_SENDS = frozenset({"approved", "retried"})

HERE = Path(__file__).parent
STATIC = HERE / "static"


def render(template: str, zone: str, **values: Any) -> str:  # noqa: ANN401 - a template's
    """The page as text, its times in `zone`."""
    here = ZoneInfo(zone)

    def when(at: datetime | None) -> Markup:
        return Markup("") if at is None else _moment(at.astimezone(here), at)

    return _environment().get_template(template).render(when=when, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        **words.FILTERS,
        "money": money,
        "written": written,
        "number": lambda count: f"{count:,}",
        "plain": plain,
        "twice": lambda word: (word, word),
        "shell": shlex.quote,
        "path": lambda text: quote(str(text), safe=""),
    }
    environment.globals |= {
        "asset": asset,
        "link": link,
        "pages": PAGES,
        "done": DONE,
        "sends": _SENDS,
        "reported": REPORTED,
        "owes_more": owes_more,
    }
    return environment


def money(minor: int | None, currency: str | None) -> Markup:
    """An amount, always with its currency."""
    if minor is None or currency is None:
        return Markup('<span class="none">no amount</span>')
    return shape('<span class="money">{} <span class="currency">{}</span></span>', figures(minor, currency), currency)


def plain(word: str | None) -> str:
    """`cancel_agreement` as people write it."""
    return "" if word is None else word.replace("_", " ")


def link(path: str, given: Mapping[str, object] | None = None, /, **more: object) -> str:
    """An address with what is asked for; what is empty is left out."""
    told = {**(given or {}), **more}
    query = urlencode({name: value for name, value in told.items() if value not in (None, "", ())}, doseq=True)
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def asset(name: str) -> str:
    """The address of a file of ours. It changes with what is in it, so that a browser may keep it for good."""
    return f"/console/static/{name}?{_digest(name)}"


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _moment(local: datetime, at: datetime) -> Markup:
    text = f"{local.day} {local:%b %Y, %H:%M} {local:%Z}"
    return shape('<time datetime="{}">{}</time>', at.isoformat(), text)


def age(since: date, today: date) -> str:
    """How long ago, in words."""
    days = (today - since).days
    return "today" if days <= 0 else "1 day" if days == 1 else f"{days:,} days"
