"""What `makegood doctor` looks at, one thing after the other. It changes nothing, and each thing that is wrong says
what to mend."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path

from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from config import policies
from config.settings import Settings, SettingsError, load, unknown_names
from worker.accounts.by_provider import needs_of_sign_in
from worker.engine import head, make_engine, reading, version
from worker.runtime import utc_now

CLOCK_OFF_MAX = timedelta(seconds=30)
WAITING_MAX = timedelta(minutes=10)
NIGHT_MAX = timedelta(hours=26)  # a day, and an hour each for a change of the clocks and for the night itself


class State(IntEnum):
    """How a thing stands; the greatest of all is how the whole stands."""

    FINE = 0
    NOTE = 1  # as it should be by default, and worth knowing
    MEND = 2
    UNREACHABLE = 3


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at."""

    what: str
    state: State
    said: str


def examine(clock: Callable[[], datetime] = utc_now) -> Iterator[Found]:
    """Everything, in an order in which the first thing that is wrong is the first to mend."""
    try:
        settings = load()
    except SettingsError as error:
        yield Found("settings", State.MEND, str(error))
        return
    unknown = unknown_names()
    told = f"no setting is called {', '.join(unknown)}: correct or remove it" if unknown else "read"
    yield Found("settings", State.MEND if unknown else State.FINE, told)
    yield _mode(settings)
    yield from _bundles(settings)
    yield from _providers(settings)
    yield _encryption(settings)
    yield _queue(settings)
    yield _alerts(settings)
    yield from _sign_in(settings)
    yield from _database(settings, clock)


def _mode(settings: Settings) -> Found:
    if settings.mode == "live":
        return Found("mode", State.NOTE, "live: remedies that are due are sent")
    return Found("mode", State.NOTE, "shadow: remedies are decided and queued, nothing is sent")


def _bundles(settings: Settings) -> Iterator[Found]:
    try:
        known = policies.load(own=settings.policy_folder).versions
    except policies.PolicyError as error:
        for fault in error.faults:
            yield Found("policy bundles", State.MEND, str(fault))
        return
    missing = [name for name in settings.policy if name not in known]
    if missing:
        said = f"MAKEGOOD_POLICY names {', '.join(missing)}; there are {', '.join(sorted(known))}"
        yield Found("policy bundles", State.MEND, said)
    else:
        yield Found("policy bundles", State.FINE, f"{', '.join(settings.policy)} of {len(known)} bundles")


def _providers(settings: Settings) -> Iterator[Found]:
    if settings.stripe_webhook_secrets:
        yield Found("stripe webhooks", State.FINE, f"{len(settings.stripe_webhook_secrets)} signing secrets")
    else:
        yield Found("stripe webhooks", State.MEND, "set MAKEGOOD_STRIPE_WEBHOOK_SECRETS to receive Stripe's webhooks")
    if settings.paypal_webhook_id is not None:
        yield Found("paypal webhooks", State.FINE, "the webhook's id is set")
    else:
        yield Found("paypal webhooks", State.MEND, "set MAKEGOOD_PAYPAL_WEBHOOK_ID to receive PayPal's webhooks")
    yield _roots(settings.paypal_cert_roots)
    for name, there in (
        ("stripe", settings.stripe_api_key is not None),
        ("paypal", settings.paypal_client_id is not None and settings.paypal_client_secret is not None),
    ):
        yield _credentials(settings, name, there=there)


def _credentials(settings: Settings, name: str, *, there: bool) -> Found:
    wanted = {"stripe": "MAKEGOOD_STRIPE_API_KEY", "paypal": "MAKEGOOD_PAYPAL_CLIENT_ID and ..._CLIENT_SECRET"}[name]
    if there:
        return Found(f"{name} credentials", *_asked(settings, name, wanted))
    state = State.MEND if settings.mode == "live" else State.NOTE
    return Found(f"{name} credentials", state, f"set {wanted} before money can go back through {name}")


def _asked(settings: Settings, name: str, wanted: str) -> tuple[State, str]:
    """Whether the provider takes them: it is asked for what the night asks it for, of the last hour."""
    from handlers.gateway import NoCredential, Refused
    from handlers.listing import Listed
    from handlers.paypal.listing import PayPalListing
    from handlers.stripe.listing import StripeListing

    listing: StripeListing | PayPalListing
    timeout_s, now = settings.request_timeout_seconds, utc_now()
    if name == "stripe":
        listing = StripeListing(settings.require_stripe_api_key(), settings.stripe_api_base, timeout_s)
    else:
        given = settings.require_paypal_credentials()
        listing = PayPalListing(*given, settings.paypal_api_base, timeout_s, lambda _name: ())
    with closing(listing):
        answer = listing.list_since(now - timedelta(hours=1), now, None)
    match answer:
        case Listed():
            return State.FINE, f"{name} takes them"
        case NoCredential():
            return State.MEND, f"correct {wanted}, or give it the right to list: {answer.why}"
        case Refused():
            return State.MEND, f"{name} refuses to list: {answer.code} {answer.message}".rstrip()
        case _:
            return State.UNREACHABLE, f"{name} cannot be asked: {answer.why}"


def _roots(roots: Path | None) -> Found:
    from cryptography.x509 import load_pem_x509_certificates

    if roots is None:
        return Found("paypal roots", State.FINE, "the roots that come with makegood")
    try:
        count = len(load_pem_x509_certificates(roots.read_bytes()))
    except (OSError, ValueError):
        return Found("paypal roots", State.MEND, f"MAKEGOOD_PAYPAL_CERT_ROOTS: {roots} holds no certificates")
    return Found("paypal roots", State.FINE, f"{count} certificates in {roots}")


def _encryption(settings: Settings) -> Found:
    if settings.encryption_keys:
        return Found("encryption keys", State.FINE, f"{len(settings.encryption_keys)} in the settings")
    if not settings.is_sqlite:
        return Found("encryption keys", State.MEND, "set MAKEGOOD_ENCRYPTION_KEYS: it is required on Postgres")
    file = Path(f"{make_url(settings.database_url).database}.keys")
    if not file.exists():
        return Found("encryption keys", State.NOTE, f"one will be made in {file}: keep a copy of it elsewhere")
    if file.stat().st_mode & 0o077:
        return Found("encryption keys", State.MEND, f"others can read {file}: chmod 600 it")
    return Found("encryption keys", State.NOTE, f"made by makegood, in {file}: keep a copy of it elsewhere")


def _queue(settings: Settings) -> Found:
    from worker.broker import close, make_broker, reachable

    if settings.broker_url.startswith("memory://"):
        return Found("queue", State.FINE, "within one process (makegood up)")
    broker = make_broker(settings)
    try:
        if reachable(broker):
            return Found("queue", State.FINE, "reachable")
        return Found("queue", State.UNREACHABLE, "MAKEGOOD_BROKER_URL names a Redis that does not answer")
    finally:
        close(broker)


def _alerts(settings: Settings) -> Found:
    from worker.alerts import channels

    try:
        known = channels.build(settings)
    except SettingsError as error:
        return Found("alerts", State.MEND, str(error))
    if not known:
        return Found("alerts", State.NOTE, "set MAKEGOOD_ALERT_URLS to be told each morning what was found")
    return Found("alerts", State.FINE, f"{len(known)} channels")


def _sign_in(settings: Settings) -> Iterator[Found]:
    try:
        if needs_of_sign_in(settings):
            yield Found("console sign-in", State.FINE, f"through {settings.oidc_issuer}")
    except SettingsError as error:
        yield Found("console sign-in", State.MEND, str(error))


def _database(settings: Settings, clock: Callable[[], datetime]) -> Iterator[Found]:
    kind = "SQLite" if settings.is_sqlite else "Postgres"
    file = make_url(settings.database_url).database
    if settings.is_sqlite and file and not Path(file).exists():
        # To connect would make the file; a doctor leaves nothing behind.
        folder = Path(file).resolve().parent
        if os.access(folder, os.W_OK):
            yield Found("database", State.NOTE, f"SQLite: {file} will be made at the first use")
        else:
            yield Found("database", State.UNREACHABLE, f"SQLite: {folder} cannot be written")
        return
    engine = make_engine(settings.database_url)
    try:
        had = version(engine)
        yield Found("database", State.FINE, f"{kind} is reachable")
        yield _schema(settings, had)
        yield _clock(engine, clock, timedelta(seconds=settings.lease_seconds))
        if had == head():
            yield _backlog(engine, clock)
            yield from _beats(engine, clock, live=settings.mode == "live")
            yield _last_night(engine, clock)
            yield _untold(engine)
            yield _switch(engine)
    except SQLAlchemyError as error:
        yield Found("database", State.UNREACHABLE, f"{kind} does not answer ({type(error).__name__})")
    finally:
        engine.dispose()


def _schema(settings: Settings, had: str | None) -> Found:
    if had == head():
        return Found("schema", State.FINE, "current")
    if had is not None and had > head():
        return Found("schema", State.MEND, "made by a later makegood: install that one, or restore a copy from before")
    if settings.is_sqlite:
        return Found("schema", State.NOTE, "not current: the next command brings it up to date")
    return Found("schema", State.MEND, "not current: run makegood migrate")


def _clock(engine: Engine, clock: Callable[[], datetime], lease: timedelta) -> Found:
    """The machine's clock against the database's: by a wrong one signatures are refused, and a call that another
    machine has under way is thought dead. The kill timer ends a call some time before its lease does: two machines,
    one too fast and one too slow, may use up that time between them."""
    if engine.dialect.name != "postgresql":
        return Found("clock", State.FINE, clock().isoformat(timespec="seconds"))
    from sqlalchemy import func, select

    from worker.money.executor import LEASE_PART

    most = min(CLOCK_OFF_MAX, lease * (1 - LEASE_PART) / 2)
    with reading(engine).begin() as conn:
        before = clock()
        theirs: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
        after = clock()
    off = max(before - theirs, theirs - after)
    if off > most:
        return Found("clock", State.MEND, f"{off.total_seconds():.1f} s apart from the database's: set it by NTP")
    return Found("clock", State.FINE, "agrees with the database's")


def _backlog(engine: Engine, clock: Callable[[], datetime]) -> Found:
    from worker.store import deliveries

    now = clock()
    with reading(engine).begin() as conn:
        waiting, oldest = deliveries.waiting(conn, now), deliveries.oldest_waiting(conn, now)
    if oldest is not None and now - oldest > WAITING_MAX:
        return Found("deliveries", State.MEND, f"{waiting} wait, the oldest since {oldest:%Y-%m-%d %H:%M}Z: run work")
    return Found("deliveries", State.FINE, f"{waiting} wait to be handled")


def _beats(engine: Engine, clock: Callable[[], datetime], *, live: bool) -> Iterator[Found]:
    """Whether somebody runs each part: without the clock nothing is judged that merely fell due."""
    from worker.store import heartbeats

    now = clock()
    with reading(engine).begin() as conn:
        seen = {role: (heartbeats.last_of(conn, role), heartbeats.alive(conn, role, now)) for role in heartbeats.ROLES}
    for role, (last, count) in seen.items():
        if role == "executor" and not live:
            continue
        starts = "makegood up, or makegood clock" if role == "clock" else "makegood up, or makegood work"
        if count:
            yield Found(f"{role} process", State.FINE, "alive" if count == 1 else f"alive on {count} machines")
        elif last is None:
            yield Found(f"{role} process", State.NOTE, f"has not run yet: {starts}")
        else:
            yield Found(f"{role} process", State.MEND, f"last alive {last:%Y-%m-%d %H:%M}Z: run {starts}")


def is_alive(settings: Settings, role: str) -> bool:
    """Whether this machine's process of a role has beaten lately: for a container's health check."""
    from worker.store import heartbeats

    engine = make_engine(settings.database_url)
    try:
        with reading(engine).connect() as conn:
            last = heartbeats.last_beat(conn, heartbeats.here(role))
    finally:
        engine.dispose()
    return last is not None and utc_now() - last < heartbeats.DEAD_AFTER


def _last_night(engine: Engine, clock: Callable[[], datetime]) -> Found:
    """Silence must not pass for good news."""
    from worker.store import nights

    with reading(engine).begin() as conn:
        last = nights.latest(conn, (clock() + timedelta(days=1)).date())  # whatever the merchant's zone
    if last is None or last.done_at is None:
        return Found("night", State.NOTE, "none has been run yet")
    if clock() - last.done_at > NIGHT_MAX:
        return Found("night", State.MEND, f"the last one was {last.night}: see the clock process and its log")
    said = "complete" if last.complete else "INCOMPLETE: see its summary, makegood night"
    return Found("night", State.FINE if last.complete else State.MEND, f"{last.night}, {said}")


def _untold(engine: Engine) -> Found:
    from worker.store import outbox

    with reading(engine).begin() as conn:
        waiting, why = outbox.waiting(conn), outbox.why_waiting(conn)
    if why is None:
        return Found("outbox", State.FINE, f"{waiting} messages wait to be told")
    return Found("outbox", State.MEND, f"{waiting} messages wait; the last try: {why}")


def _switch(engine: Engine) -> Found:
    from worker.store.switches import switch

    with reading(engine).begin() as conn:
        found = switch(conn)
    if found is None or not found.stopped:
        return Found("outgoing money", State.FINE, "not stopped")
    said = f"stopped by {found.by} at {found.at:%Y-%m-%d %H:%M}Z ({found.reason}): makegood resume, once it is over"
    return Found("outgoing money", State.NOTE, said)
