"""What the night learns of the providers: it asks them for what webhooks missed, and says whether anything is missing
still. A provider that is away costs the night its completeness, not itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module, util
from typing import Any

import structlog

from config.settings import Settings
from worker.engine import reading
from worker.faults import where
from worker.runtime import Runtime
from worker.store.sql import TRANSIENT, run

# Facts may be told late, and a search may lag: each night asks again for the days before.
OVERLAP_DAYS = 3

_log = structlog.get_logger(__name__)


def providers(settings: Settings) -> dict[str, bool]:
    """The providers that the merchant uses, and whether they can be asked: there are credentials."""
    stripe, paypal = settings.stripe_api_key is not None, settings.paypal_client_id is not None
    used = {"stripe": stripe or bool(settings.stripe_webhook_secrets)}
    used["paypal"] = paypal or settings.paypal_webhook_id is not None
    askable = {"stripe": stripe, "paypal": paypal and settings.paypal_client_secret is not None}
    return {name: askable[name] for name in sorted(used) if used[name]}


def ask(runtime: Runtime, since: date, until: date) -> dict[str, str]:
    """Ask every provider for what webhooks missed. Gives what kept any from answering."""
    failed = {}
    for provider, askable in providers(runtime.settings).items():
        if askable and (backfill := _door("worker.backfill", "backfill")) is not None:
            try:
                backfill(runtime, provider, since - timedelta(days=OVERLAP_DAYS), until)
            except TRANSIENT:
                raise
            except Exception as fault:  # noqa: BLE001 - whatever it was: the night goes on, and says that it is incomplete
                _log.warning("backfill_failed", provider=provider, fault=where(fault))
                failed[provider] = f"could not be asked for what is missing ({type(fault).__name__})"
    return failed


def _door(module: str, name: str) -> Any:  # noqa: ANN401 - a function of another room
    """A room's door, None where it is not built."""
    return getattr(import_module(module), name, None) if util.find_spec(module) else None


@dataclass(frozen=True, slots=True)
class Picture:
    """`gaps`: providers of which something is known to be missing, and what. `unchecked`: those that could not be
    asked, for there are no credentials; what webhooks lost there, nobody can know."""

    gaps: Mapping[str, str]
    unchecked: Sequence[str]


def look(runtime: Runtime, since: date, until: date, failed: Mapping[str, str]) -> Picture:
    """How complete what is known of these days is. `failed` is what kept providers from being asked tonight."""
    known = providers(runtime.settings)
    found = dict(failed)
    completeness = _door("worker.completeness", "completeness")
    if completeness is not None:
        with reading(runtime.engine).begin() as conn:
            for provider, askable in known.items():
                if askable and provider not in found and (said := _said(completeness(conn, provider, since, until))):
                    found[provider] = said
    return Picture(found, [provider for provider, askable in known.items() if not askable])


def missed(runtime: Runtime, since: date, until: date) -> list[tuple[str, str, int]]:
    """What no webhook told, by provider and event type."""
    door = _door("worker.completeness", "missed_webhooks")
    if door is None:
        return []
    return run(runtime.engine, lambda conn: [tuple(row) for row in door(conn, since, until)])


def follow_up(runtime: Runtime) -> None:
    """Look at refunds that are on their way, where the money room has it looked at by night."""
    if (door := _door("worker.money", "follow_up")) is not None:
        door(runtime)


def _said(complete: Any) -> str:  # noqa: ANN401 - as told by the room of completeness
    return "" if complete.complete else str(complete)
