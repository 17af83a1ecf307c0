"""The back-fill: what webhooks missed, asked of the provider's API, list by list and page by page.

Each page is one transaction: what it told and how far the list has come are kept together, so that a run that ends at
any moment is resumed without loss and without asking for everything again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from handlers.gateway import NoCredential, NotExecuted, Refusal, Refused, Uncertain
from handlers.listing import Listed
from worker.engine import reading
from worker.runtime import Runtime
from worker.store import backfills
from worker.store.backfills import BACKFILL, Origin, Window, note_origin
from worker.store.sql import run
from worker.store.tellings import Told

if TYPE_CHECKING:
    from handlers.listing import Listing, NotListed

KINDS = {
    "stripe": ("charges", "refunds", "disputes", "invoices", "subscriptions"),
    "paypal": ("transactions", "disputes", "subscriptions"),
}
# Well below what the providers allow (Stripe 25 a second a list; PayPal publishes no figure): the merchant's own
# programs share the limit.
PAUSE_S = {"stripe": 0.1, "paypal": 0.2}
TRIES = 6
WAIT_MAX_S = 300.0
AGREEMENTS_A_PAGE = 20

_log = structlog.get_logger(__name__)

Wait = Callable[[float], None]
T = TypeVar("T")


class BackfillError(ConnectionError):
    """The provider did not answer, after several tries, or refused. What was listed so far is kept, and the next run
    goes on."""


class RefusedError(BackfillError):
    """The provider will not tell it in this way. `gone`: because it does not know what was named."""

    def __init__(self, what: str, refused: Refused) -> None:
        said = ": ".join(word for word in (refused.code, refused.message) if word)
        super().__init__(f"{what} cannot be asked for in this way: {said}")
        self.gone = refused.refusal is Refusal.NOT_FOUND


class NoCredentialError(RuntimeError):
    """The provider refuses the key, or the key lacks a right."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a back-fill listed: how many facts, and why some objects could not be read."""

    objects: int = 0
    unreadable: tuple[str, ...] = ()

    def __add__(self, other: Filled) -> Filled:
        return Filled(self.objects + other.objects, self.unreadable + other.unreadable)


def backfill(
    runtime: Runtime,
    provider: str,
    since: date,
    until: date | None = None,
    *,
    wait: Wait = time.sleep,
    progress: Callable[[int], None] = lambda _: None,
) -> Filled:
    """Store all that the provider knows of the days `since` to `until` (today), in the merchant's zone. Judges nothing:
    what it touched is marked. Raises SettingsError, NoCredentialError or BackfillError."""
    first, end = _bounds(runtime, since, until)
    total = Filled()
    with listing_of(runtime, provider) as listing:
        now = runtime.clock()
        wanted = [Window(provider, kind, first, end, now) for kind in KINDS[provider]]
        for window in run(runtime.engine, partial(backfills.begin, wanted=wanted)):
            for filled in _pages(runtime, listing, window, wait):
                total += filled
                progress(total.objects)
    return total


@contextmanager
def listing_of(runtime: Runtime, provider: str) -> Iterator[Listing]:
    """The provider's lists with the merchant's key; a missing one is a SettingsError."""
    settings = runtime.settings
    timeout_s = settings.request_timeout_seconds
    if provider == "stripe":
        from handlers.stripe.listing import StripeListing

        with closing(StripeListing(settings.require_stripe_api_key(), settings.stripe_api_base, timeout_s)) as stripe:
            yield stripe
    else:
        from handlers.paypal.listing import PayPalListing

        client_id, secret = settings.require_paypal_credentials()
        known = _agreements(runtime)
        with closing(PayPalListing(client_id, secret, settings.paypal_api_base, timeout_s, known)) as paypal:
            yield paypal


def _agreements(runtime: Runtime) -> Callable[[str], Sequence[str]]:
    def after(name: str) -> Sequence[str]:
        with reading(runtime.engine).begin() as conn:
            return backfills.agreements_after(conn, "paypal", name, AGREEMENTS_A_PAGE)

    return after


def _bounds(runtime: Runtime, since: date, until: date | None) -> tuple[datetime, datetime]:
    zone = ZoneInfo(runtime.rules.zone)
    last = until or runtime.clock().astimezone(zone).date()
    first, end = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (since, last + timedelta(days=1)))
    return first, end


def _pages(runtime: Runtime, listing: Listing, window: Window, wait: Wait) -> Iterator[Filled]:
    """List one kind to its end, a transaction a page."""
    if window.upper <= window.since:
        run(runtime.engine, lambda conn: backfills.advance(conn, replace(window, done=True)))
        return
    anew = False
    while not window.done:
        ask = partial(listing.list_since, window.since, window.upper, window.cursor or f"{window.kind}:")
        try:
            page = told(runtime, f"{window.provider}'s {window.kind}", ask, wait)
        except RefusedError as refused:
            if anew or not refused.gone or window.cursor is None:
                raise
            # Of an earlier run, perhaps with another key: where it had come to is not there any more.
            _log.warning("list_begun_anew", what=f"{window.provider}'s {window.kind}", why=str(refused))
            window, anew = replace(window, cursor=None, objects=0, unreadable=(), covered_until=None), True
            continue
        window = _after(window, page)
        run(runtime.engine, partial(_keep, runtime=runtime, window=window, page=page))
        yield Filled(len(page.facts), page.unreadable)
        wait(PAUSE_S[window.provider])


def told(runtime: Runtime, what: str, ask: Callable[[], T | NotListed], wait: Wait) -> T:
    """What the provider answers. A list can be asked again whatever came of the last time, each time later; what the
    provider refuses it would refuse again."""
    why = ""
    for attempt in range(TRIES):
        answer = ask()
        if isinstance(answer, NoCredential):
            raise NoCredentialError(f"the key is refused for {what}: {answer.why}")
        if isinstance(answer, Refused):
            raise RefusedError(what, answer)
        if not isinstance(answer, NotExecuted | Uncertain):
            return answer
        why = answer.why
        _log.warning("page_not_told", what=what, why=why, attempt=attempt)
        if attempt < TRIES - 1:
            wait(_delay_s(runtime, answer, attempt))
    raise BackfillError(f"{what} cannot be asked for: {why}")


def _delay_s(runtime: Runtime, page: NotExecuted | Uncertain, attempt: int) -> float:
    """What the provider asks for, else twice as long each time."""
    asked = page.retry_after_s
    return min(WAIT_MAX_S, runtime.settings.retry_base_seconds * 2**attempt if asked is None else asked)


def _after(window: Window, page: Listed) -> Window:
    """The window once this page is kept."""
    ends = page.cursor is None or page.cursor.partition(":")[0] != window.kind
    covered = [at for at in (window.covered_until, page.told_until) if at is not None]
    return replace(
        window,
        cursor=None if ends else page.cursor,
        objects=window.objects + len(page.facts),
        unreadable=(*window.unreadable, *page.unreadable),
        covered_until=min(covered, default=None),
        done=ends,
    )


def _keep(conn: Connection, runtime: Runtime, window: Window, page: Listed) -> None:
    name = f"backfill:{window.kind}:{window.since:%Y%m%dT%H%M%S%z}:{window.until:%Y%m%dT%H%M%S%z}"
    digest = sha256(f"{window.provider} {name}".encode()).hexdigest()
    note = f"{window.objects} facts" + (f", {len(window.unreadable)} unreadable" if window.unreadable else "")
    origin = Origin(window.provider, BACKFILL, name, f"backfill.{window.kind}", digest, note)
    delivery = note_origin(conn, origin, runtime.clock())
    backfills.amend_origin(conn, delivery, note)
    backfills.take_in(conn, runtime.keyring, [Told(fact, BACKFILL, delivery) for fact in page.facts])
    backfills.advance(conn, window)
