"""python -m benchmarks.upheaval [--members N] [--rounds N] [--seed N]

The product as it runs: two `makegood work`, Postgres, Redis and the bank, and everything taken away from under them.
Executors and whole workers are killed (SIGKILL), the database server is stopped at once (`pg_ctl stop -m immediate`) or
loses one of its processes, Redis is emptied and killed, answers are lost; two executors are after the same remedies all
the time. What ended is started again, as a supervisor would. Then it is calm, and what became of each remedy is
counted: ends with 1 if any refund was doubled or lost, or if the two were not both at work at the end.

It kills servers, so it starts its own: TEST_DATABASE_URL and TEST_REDIS_URL must not be set."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field

import redis
from sqlalchemy import create_engine, select, text

from benchmarks.taking_away import Worker, crash, flush, kill, kill_redis, stop_postgres, working
from config.settings import Settings
from handlers.inbox import Envelope
from reconcile.facts import Charge
from reconcile.membership import Agreement
from tests import servers
from tests.handlers.stripe import bodies
from tests.worker import world as w
from tests.worker.conftest import ENCRYPTION_KEYS
from tests.worker.money.bank import CREDENTIALS, Bank, open_bank
from tests.worker.money.house import EXCESS
from worker.actors import declare
from worker.broker import make_broker
from worker.clock import tick
from worker.engine import migrate
from worker.judging import judge_changed
from worker.runtime import Runtime, build, utc_now
from worker.schema import remedies
from worker.store import deliveries
from worker.store.facts import store_facts
from worker.store.sql import TRANSIENT

# Nothing of which a key would have to be dead first: that takes a day, and this runs in real time.
FAULTS = ("ok", "ok", "ok", "lost", "lost", "dropped", "409", "done500")
CALM_S = 300.0
ROUND_S = 20.0
AWAY_S = 2.0  # how long a server that was killed stays away
WORKERS = 2


@dataclass
class Lived:
    """What was done to it, and what became of the remedies."""

    members: int
    done: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    lost: int = 0
    started_again: int = 0  # workers that ended, killed by us or for want of a server
    at_work: int = 0  # workers whose executor was alive at the end
    wrong: list[str] = field(default_factory=list)


def settings(runtime: Runtime, redis_url: str, bank: Bank) -> dict[str, str]:
    """Patience in seconds, where production has minutes."""
    told = {
        "DATABASE_URL": runtime.settings.database_url,
        "BROKER_URL": redis_url,
        "ENCRYPTION_KEYS": runtime.settings.encryption_keys[0].get_secret_value(),
        "MODE": "live",
        "COOLING_HOURS": "0",
        "BREAKER_PERCENT": "100",
        "REFUND_DAY_MAX_MINOR": "100000000",
        "REFUND_DAY_COUNT_MAX": "100000",
        "STRIPE_API_BASE": bank.urls["stripe"],
        "PAYPAL_API_BASE": bank.urls["paypal"],
        **{name.upper(): value for name, value in CREDENTIALS.items()},
        "REQUEST_TIMEOUT_SECONDS": "3",
        "LEASE_SECONDS": "5",
        "SETTLE_SECONDS": "1",
        "RETRY_BASE_SECONDS": "0.5",
        "LOG_LEVEL": "ERROR",
    }
    return {**os.environ, **{f"MAKEGOOD_{name}": value for name, value in told.items()}}


def live(runtime: Runtime, redis_url: str, *, members: int, rounds: int, seed: int = 7) -> Lived:
    """`runtime` is on an empty Postgres of ours, which is going to crash."""
    chance, lived = random.Random(seed), Lived(members)  # noqa: S311 - to be repeated
    engine = create_engine(runtime.settings.database_url)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        # A commit that was answered must be there after the crash, as it is in production.
        name = engine.url.database
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = on'))
        bank = stack.enter_context(open_bank(utc_now))
        bank.script.extend(chance.choice(FAULTS) for _ in range(3 * members))
        house, sweep = _Members(runtime, bank), _sweeping(runtime, redis_url)
        last = members * 3 // 4
        house.arrive(1, members // 2)
        environment = settings(runtime, redis_url, bank)
        workers = [stack.enter_context(working(environment)) for _ in range(WORKERS)]
        url = engine.url.render_as_string(hide_password=False)
        acts: list[tuple[str, Callable[[], None]]] = [
            ("executor killed", lambda: kill(*chance.choice(workers).executors())),
            ("Postgres stopped at once", lambda: stop_postgres(url)),
            ("Redis emptied", lambda: flush(redis_url)),
            ("worker killed", lambda: kill(chance.choice(workers).process.pid)),
            ("Postgres process killed", lambda: crash(url)),
            ("Redis killed", lambda: kill_redis(redis_url)),
        ]
        for n in range(rounds):
            until = time.monotonic() + ROUND_S
            while len(bank.posts) < 1 + members * n // (2 * rounds) and time.monotonic() < until:
                _keep_up(workers, sweep)
            if n == rounds // 2:
                _insist(lambda: house.arrive(members // 2 + 1, last))
            what, act = acts[n % len(acts)]
            _insist(act)
            lived.done[what] += 1
        _wait_until(lambda: all(worker.executors() for worker in workers), lambda: _keep_up(workers, sweep))
        _insist(lambda: house.arrive(last + 1, members))  # for two that are both at work
        bank.script.clear()
        _come_to_rest(runtime, lived, lambda: _keep_up(workers, sweep))
        lived.at_work = sum(bool(worker.executors()) for worker in workers)
        lived.started_again = sum(worker.again for worker in workers)
        _count(runtime, bank, lived)
    return lived


@dataclass
class _Members:
    runtime: Runtime
    bank: Bank

    def arrive(self, first: int, last: int) -> None:
        """Members charged too much: every other one at PayPal, and those at Stripe told of by a stored delivery."""
        stripe = []
        for n in range(first, last + 1):
            amount = w.PRICE.minor + EXCESS
            if n % 2:
                w.take_in(self.runtime, w.row(f"M-{n}", w.stripe(n)))
                self.bank.take(f"ch_{n}", amount, customer=f"cus_{n}").at = w.at(w.month(1))
                stripe.append(n)
                continue
            w.take_in(self.runtime, w.row(f"M-{n}", Agreement("paypal", f"I-{n}")))
            self.bank.take(f"SALE_{n}", amount, "paypal")
            told = [
                w.charge(f"SALE_{n}_first", w.START, w.PRICE, "paypal", subscription=f"I-{n}", kind="sale"),
                w.charge(f"SALE_{n}", w.month(1), w.Money(amount, "USD"), "paypal", subscription=f"I-{n}", kind="sale"),
            ]
            self._store(told)
        self._deliver(stripe)
        judge_changed(self.runtime)

    def _store(self, told: list[Charge]) -> None:
        with self.runtime.engine.begin() as conn:
            store_facts(conn, self.runtime.keyring, w.told(*told))

    def _deliver(self, members: list[int]) -> None:
        rows = []
        for n in members:
            for name, day, minor in (
                (f"ch_{n}_first", w.START, w.PRICE.minor),
                (f"ch_{n}", w.month(1), w.PRICE.minor + EXCESS),
            ):
                at = w.at(day)
                shown = bodies.charge(id=name, amount=minor, amount_captured=minor, created=int(at.timestamp()))
                shown |= {
                    "customer": f"cus_{n}",
                    "billing_details": {"email": None},
                    "payment_intent": None,
                    "livemode": False,
                }
                body = bodies.body(
                    "charge.succeeded", shown, id=f"evt_{name}", created=int(at.timestamp()), livemode=False
                )
                envelope: Envelope = self.runtime.inboxes["stripe"].envelope(body)
                rows.append(deliveries.NewDelivery("stripe", envelope, body, "webhook", utc_now()))
        with self.runtime.engine.begin() as conn:
            deliveries.record(conn, self.runtime.keyring, rows)


def _keep_up(workers: list[Worker], sweep: Callable[[], None]) -> None:
    for worker in workers:
        worker.keep_up()
    sweep()
    time.sleep(0.3)


def _insist(work: Callable[[], None]) -> None:
    """Until database and queue are back. What was done by then may be done once more."""
    while True:
        try:
            return work()
        except (*TRANSIENT, redis.ConnectionError):
            time.sleep(0.5)


def _sweeping(runtime: Runtime, redis_url: str) -> Callable[[], None]:
    """What `makegood clock` does each minute, for whoever has less time: ring for what is unfinished."""
    told = runtime.settings.model_copy(update={"broker_url": redis_url})
    ring = declare(runtime, make_broker(told)).ring

    def sweep() -> None:
        with suppress(*TRANSIENT):
            tick(runtime, ring)

    return sweep


def _come_to_rest(runtime: Runtime, lived: Lived, meanwhile: Callable[[], None]) -> None:
    def settled() -> bool:
        with suppress(*TRANSIENT):
            states = _states(runtime)
            return len(states) == lived.members and set(states.values()) == {"settled"}
        return False

    _wait_until(settled, meanwhile)


def _wait_until(done: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
    until = time.monotonic() + CALM_S
    while not done() and time.monotonic() < until:
        meanwhile()


def _states(runtime: Runtime) -> dict[str, str]:
    with runtime.engine.begin() as conn:
        return dict(conn.execute(select(remedies.c.key, remedies.c.state)).all())


def _count(runtime: Runtime, bank: Bank, lived: Lived) -> None:
    states = _states(runtime)
    for name, charge in bank.book.charges.items():
        key = f"remedy:{charge.provider}:{name}"
        made = bank.ours(name)
        if len(made) > 1 or bank.back(name) > EXCESS:
            lived.doubled += 1
        elif not made or states.get(key) != "settled":
            lived.lost += 1
        else:
            continue
        lived.wrong.append(f"{key}: {states.get(key)}, {[one.minor for one in made]}")
    lived.wrong += bank.violations
    if lived.at_work < WORKERS:
        lived.wrong.append(f"{lived.at_work} of {WORKERS} workers had a living executor at the end")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upheaval")
    parser.add_argument("--members", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=12, help="six acts in turn")
    parser.add_argument("--seed", type=int, default=7)
    told, begun = parser.parse_args(), time.monotonic()
    if taken := [name for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL") if name in os.environ]:
        parser.error(f"it would kill the server of {' and '.join(taken)}")
    with servers.postgres(again_s=AWAY_S) as server, servers.valkey(again_s=AWAY_S) as redis_url:
        known = Settings.model_validate(
            {
                "database_url": server.url(server.create_database()),
                "encryption_keys": ENCRYPTION_KEYS,
                "breaker_percent": 100,
            }
        )
        with closing(build(known)) as runtime:
            migrate(runtime.engine)
            runtime.prepare()
            lived = live(runtime, redis_url, members=told.members, rounds=told.rounds, seed=told.seed)
    done = ", ".join(f"{what} {times} times" for what, times in sorted(lived.done.items()))
    sys.stdout.write(
        f"{lived.members} remedies in {time.monotonic() - begun:.0f} s; {done}; workers started again "
        f"{lived.started_again} times, {lived.at_work} of {WORKERS} executors alive at the end: "
        f"{lived.doubled} doubled, {lived.lost} lost.\n"
    )
    for line in lived.wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if lived.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
