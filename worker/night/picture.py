"""What the night learns of the providers: it asks them for what webhooks missed, and says whether anything is missing
still. A provider that is away costs the night its completeness, not itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from config.settings import Settings
from reconcile.stints import local_date
from reconcile.summary import DayTold
from worker.completeness import Day, completeness
from worker.engine import lift_limits, reading
from worker.faults import where
from worker.missed import missed_webhooks
from worker.runtime import Runtime
from worker.store import nights
from worker.store.days import anything_of, first_webhook
from worker.store.nights import Night
from worker.store.sql import TRANSIENT, run
from worker.store.switches import raise_alarm

# Facts may be told late, and a search may lag: each night asks again for the days before.
OVERLAP = timedelta(days=3)
# However long the picture was incomplete: further back is for a person, with `makegood backfill`.
REACH = timedelta(days=120)
DAYS_NAMED = 3
NOT_ASKABLE = "it could not be asked: there are no credentials"
PROVIDERS = ("paypal", "stripe")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """`gaps`: providers of which something is known to be missing, and what. `unchecked`: those that could not be
    asked, for there are no credentials; what webhooks lost there, nobody can know. `days`: what came how."""

    gaps: Mapping[str, str]
    unchecked: Sequence[str]
    days: Sequence[DayTold]


def providers(settings: Settings) -> dict[str, bool]:
    """The providers that the merchant uses, and whether they can be asked: there are credentials."""
    stripe, paypal = settings.stripe_api_key is not None, settings.paypal_client_id is not None
    used = {"stripe": stripe or bool(settings.stripe_webhook_secrets)}
    used["paypal"] = paypal or settings.paypal_webhook_id is not None
    askable = {"stripe": stripe, "paypal": paypal and settings.paypal_client_secret is not None}
    return {name: askable[name] for name in sorted(used) if used[name]}


def ask(runtime: Runtime, night: Night) -> dict[str, str]:
    """Ask every provider for what webhooks missed since the picture was last complete. Gives what kept any from
    answering."""
    since = _since(runtime, night)
    askable = [provider for provider, can in providers(runtime.settings).items() if can]
    found = {provider: _asked(runtime, provider, since, night) for provider in askable}
    return {provider: why for provider, why in found.items() if why}


def look(runtime: Runtime, night: Night, failed: Mapping[str, str]) -> Picture:
    """How complete what is known is. `failed` is what kept providers from being asked tonight."""
    since = _since(runtime, night)
    known = providers(runtime.settings)
    found, told, unasked = dict(failed), list[DayTold](), list[str]()
    with reading(runtime.engine).begin() as conn:
        lift_limits(conn)
        for provider in PROVIDERS:
            seen = completeness(conn, provider, since, night.night, runtime.rules.zone)
            askable = known.get(provider, False)
            if provider in known or anything_of(conn, provider):
                told += [_told(day, askable=askable) for day in seen]
                unasked += [] if askable else [provider]
            if askable and provider not in found and (missing := [said for day in seen if (said := day.said())]):
                more = [f"and {len(missing) - DAYS_NAMED} more days"] if len(missing) > DAYS_NAMED else []
                found[provider] = "; ".join([*missing[:DAYS_NAMED], *more])
    return Picture(found, unasked, told)


def _told(day: Day, *, askable: bool) -> DayTold:
    return DayTold(
        day.provider,
        day.day,
        webhook=day.by_webhook.total(),
        listed=day.by_poll.total(),
        report=day.by_report.total(),
        no_webhook=day.not_by_webhook.total(),
        missing=day.said().removeprefix(f"{day.day}: ") if askable else NOT_ASKABLE,
    )


def missed(runtime: Runtime, night: Night) -> list[tuple[str, str, int]]:
    """Make findings of what no webhook told, and count it by provider and kind of object."""
    zone, at = runtime.rules.zone, runtime.clock()
    first = run(runtime.engine, lambda conn: nights.is_first(conn, night.night))
    since = _opening(runtime, night) if first else night.since
    return run(runtime.engine, lambda conn: missed_webhooks(conn, since, night.night, zone=zone, at=at))


def follow_up(runtime: Runtime) -> None:
    """What people had approved and a dispute then held goes out once it is over. Refunds that are on their way are
    looked at by whoever issues them, each at its own time."""
    from worker.money.decisions import reopen_disputed

    reopen_disputed(runtime)


def _since(runtime: Runtime, night: Night) -> date:
    last = run(runtime.engine, lambda conn: nights.complete_before(conn, night.night))
    begin = _opening(runtime, night) if last is None else min(night.since, last + timedelta(days=1))
    return max(begin, night.night - REACH) - OVERLAP


def _opening(runtime: Runtime, night: Night) -> date:
    """The day of the first webhook: what was lost since then no night has made up for, until one was complete."""
    with reading(runtime.engine).begin() as conn:
        came = [at for name in providers(runtime.settings) if (at := first_webhook(conn, name)) is not None]
    return min([night.since, *(local_date(at, runtime.rules.zone) for at in came)])


def _asked(runtime: Runtime, provider: str, since: date, night: Night) -> str:
    """Ask one provider. Whatever keeps it from answering, the night goes on, and says that it is incomplete."""
    from worker.backfill import NoCredentialError, backfill

    try:
        backfill(runtime, provider, since, night.as_of)
    except TRANSIENT:
        raise
    except NoCredentialError as fault:
        told = str(fault)
        key = f"credential:{provider}:{night.night}"
        run(runtime.engine, lambda conn: raise_alarm(conn, "credential", provider, told, runtime.clock(), key=key))
        return "it refuses our credentials"
    except Exception as fault:  # noqa: BLE001 - as above
        _log.warning("backfill_failed", provider=provider, fault=where(fault))
        return f"it could not be asked for what is missing ({type(fault).__name__})"
    return ""
