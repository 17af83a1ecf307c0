"""The only place where things are put together, and the only one that asks what time it is."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from config.settings import Settings, SettingsError
from handlers.inbox import Inbox
from reconcile.policy import Policy, Rules
from worker.crypt import Keyring, keys_for
from worker.engine import at_head, make_engine

if TYPE_CHECKING:
    from handlers.paypal.certificates import Roots

# Notices count business days up to a renewal; no membership reaches further than this.
HOLIDAY_YEARS = range(2000, 2061)


@dataclass(frozen=True)
class Runtime:
    """What every actor, command and page is handed. `clock` gives an aware UTC instant."""

    settings: Settings
    engine: Engine
    keyring: Keyring
    inboxes: Mapping[str, Inbox]
    rules: Rules
    clock: Callable[[], datetime]

    def prepare(self) -> None:
        """Make ready what needs a migrated database. `build` has done it where it could; call it after `migrate`."""
        self.keyring.ready(self.engine)

    def close(self) -> None:
        """Give the database's connections back."""
        self.engine.dispose()


def build(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> Runtime:
    """Put the product together from its settings. Reaches the database to learn whether it is migrated; one that is
    not is left as it is. Raises SettingsError, and SQLAlchemy's OperationalError where there is no database."""
    engine = make_engine(settings.database_url)
    runtime = Runtime(
        settings=settings,
        engine=engine,
        keyring=keys_for(settings).keyring,
        inboxes=inboxes(settings),
        rules=rules(settings, _policy(settings)),
        clock=clock or utc_now,
    )
    if at_head(engine):
        runtime.prepare()
    return runtime


def _policy(settings: Settings) -> Policy:
    """All bundles. A membership whose row names none is under those of the setting, so each of these must be there."""
    from config import policies

    policy = policies.load(own=settings.policy_folder)
    if any(name not in policy.versions for name in settings.policy):
        known = ", ".join(sorted(policy.versions))
        raise SettingsError(
            f"MAKEGOOD_POLICY is malformed: expected names of policy bundles ({known}), comma-separated"
        )
    return policy


def rules(settings: Settings, policy: Policy) -> Rules:
    """The merchant's settings as the core takes them."""
    return Rules(
        policy=policy,
        zone=settings.time_zone,
        holidays=PublicHolidays(settings.country),
        dunning_days=settings.dunning_days,
        credit_instead=settings.refund_or_credit == "credit",
        refund_max_minor=settings.refund_max_minor,
        approve_above_minor=settings.approve_above_minor,
        cancel_unasked=settings.cancel_unasked,
        judge_from=settings.judge_from,
    )


class PublicHolidays(AbstractSet[date]):
    """A country's public holidays, worked out when first asked for: most commands never ask."""

    def __init__(self, country: str) -> None:
        self._country = country

    @cached_property
    def _days(self) -> frozenset[date]:
        import holidays  # slow to load, and most commands never ask

        return frozenset(holidays.country_holidays(self._country, years=HOLIDAY_YEARS))

    def __contains__(self, day: object) -> bool:
        return day in self._days

    def __iter__(self) -> Iterator[date]:
        return iter(self._days)

    def __len__(self) -> int:
        return len(self._days)


def inboxes(settings: Settings) -> dict[str, Inbox]:
    """The incoming side of every provider. One without its secret still reads exports; it authenticates nothing."""
    from handlers.paypal.inbox import PayPalInbox
    from handlers.stripe import StripeInbox

    stripe = [secret.get_secret_value() for secret in settings.stripe_webhook_secrets]
    webhooks = settings.paypal_webhook_id
    paypal = PayPalInbox(
        webhook_ids=webhooks.get_secret_value().split(",") if webhooks else [_nobodys()],
        cert_hosts=settings.paypal_cert_hosts,
        roots=None if settings.paypal_cert_roots is None else _roots(settings.paypal_cert_roots),
    )
    return {inbox.name: inbox for inbox in (StripeInbox(stripe or [_nobodys()]), paypal)}


def _nobodys() -> str:
    """A secret that nobody has: nothing can be signed with it."""
    return secrets.token_hex(32)


def _roots(file: Path) -> Roots:
    from handlers.paypal.certificates import Roots

    try:
        return Roots.from_pem(file.read_bytes())
    except OSError:
        raise SettingsError(f"MAKEGOOD_PAYPAL_CERT_ROOTS names {file}, which cannot be read") from None
    except ValueError:
        raise SettingsError(f"MAKEGOOD_PAYPAL_CERT_ROOTS names {file}: expected root certificates as PEM") from None


def utc_now() -> datetime:
    return datetime.now(UTC)
