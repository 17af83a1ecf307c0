"""A roster from the provider: memberships as its subscriptions and prices state them, all of them or none.

What a roster of the merchant's own states already is never overruled: the provider is the one that is to be checked.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from handlers.roster import LeftOut, Stated
from worker.backfill import AGREEMENTS_A_PAGE, PAUSE_S, Wait, told
from worker.engine import lift_limits, reading
from worker.runtime import Runtime
from worker.store import backfills, roster
from worker.store.roster import Imported, RosterRow

if TYPE_CHECKING:
    from handlers.roster import RosterSource

SLICE = 1000

STATED_ALREADY = "a roster of your own states it already"
SEVERAL = "several subscriptions name the same membership, and which one holds is not said"


@dataclass(slots=True)
class Built:
    """What an import from a provider came to; `left_out` counts agreements by the reason why they gave nothing."""

    imported: Imported = field(default_factory=Imported)
    left_out: Counter[str] = field(default_factory=Counter)


def take_in(
    runtime: Runtime, provider: str, *, wait: Wait = time.sleep, progress: Callable[[int], None] = lambda _: None
) -> Built:
    """Import the provider's agreements as memberships, marked as stated by it. Raises SettingsError, NoCredentialError
    or BackfillError; nothing is imported then."""
    built = Built()
    stated: list[Stated] = []
    with source_of(runtime, provider) as source:
        cursor, more = None, True
        while more:
            page = told(runtime, f"{provider}'s agreements", partial(source.page, cursor), wait)
            stated += [one for one in page.stated if isinstance(one, Stated)]
            built.left_out.update(one.why for one in page.stated if isinstance(one, LeftOut))
            cursor, more = page.cursor, page.cursor is not None
            progress(len(stated))
            if more:
                wait(PAUSE_S[provider])
    with runtime.engine.begin() as conn:
        lift_limits(conn)
        rows = _rows(conn, runtime, provider, stated, built.left_out)
        for at in range(0, len(rows), SLICE):
            part = roster.import_memberships(conn, runtime.keyring, rows[at : at + SLICE], runtime.clock())
            built.imported = _sum(built.imported, part)
    return built


@contextmanager
def source_of(runtime: Runtime, provider: str) -> Iterator[RosterSource]:
    """The provider's agreements with the merchant's key; a missing one is a SettingsError."""
    settings = runtime.settings
    timeout_s, zone = settings.request_timeout_seconds, runtime.rules.zone
    if provider == "stripe":
        from handlers.stripe.roster import StripeRoster

        with closing(StripeRoster(settings.require_stripe_api_key(), settings.stripe_api_base, timeout_s, zone)) as it:
            yield it
    else:
        from handlers.paypal.api import PayPalApi
        from handlers.paypal.roster import PayPalRoster

        client_id, secret = settings.require_paypal_credentials()
        api = PayPalApi(client_id, secret, settings.paypal_api_base, timeout_s)
        with closing(PayPalRoster(api, zone, partial(_charged, runtime))) as paypal:
            yield paypal


def _charged(runtime: Runtime, after: str) -> Sequence[str]:
    with reading(runtime.engine).begin() as conn:
        return backfills.agreements_charged(conn, "paypal", after, AGREEMENTS_A_PAGE)


def _rows(
    conn: Connection, runtime: Runtime, provider: str, stated: Sequence[Stated], left_out: Counter[str]
) -> list[RosterRow]:
    """The rows to import, in order of their references, without what is not the provider's to say."""
    by_ref: dict[str, list[Stated]] = {}
    for one in stated:
        by_ref.setdefault(one.membership.ref, []).append(one)
    known = roster.by_ref(conn, sorted(by_ref))
    names = [agreement.subscription or "" for one in stated for agreement in one.membership.agreements]
    members = backfills.memberships_of(conn, provider, names)
    rows = []
    for ref, found in sorted(by_ref.items()):
        theirs = {agreement.subscription or "" for agreement in found[0].membership.agreements}
        others = frozenset().union(*(members.get(name, frozenset()) for name in theirs)) - {ref}
        if len(found) > 1:
            left_out[SEVERAL] += len(found)
        elif others or (ref in known and not known[ref].stated_by_provider):
            left_out[STATED_ALREADY] += 1
        else:
            theirs_now = found[0].membership
            # What the merchant told of it since stays: a subscription states no notices and no agreed changes.
            before = known.get(ref, theirs_now)
            policy = tuple(runtime.settings.policy)
            membership = replace(theirs_now, policy=policy, notices=before.notices, changes=before.changes)
            rows.append(RosterRow(membership, dict(found[0].personal) or None))
    return rows


def _sum(first: Imported, second: Imported) -> Imported:
    return Imported(first.added + second.added, first.changed + second.changed, first.unchanged + second.unchanged)
