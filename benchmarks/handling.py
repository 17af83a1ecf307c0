"""python -m benchmarks.handling [--rounds N] [--events N]

How many stored deliveries a second become facts in one process, beside an ORM transaction for each; and how many
webhooks a second go the whole way, from HTTP to judged memberships, with receiver, worker, database and sender on the
same cores. dj-stripe is fetched from PyPI into an environment of its own in ~/.cache and takes the same webhooks in
and makes rows of them, in process and with a Stripe that answers at once: it asks for each object again."""

from __future__ import annotations

import argparse
import base64
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import bodies, lab
from benchmarks.intake import MASTER_KEY, RATE_MAX, driven, environment, makegood, receiver, wrk
from benchmarks.lab import Postgres, say, started, undisturbed
from benchmarks.obvious import handle_each, note, tables
from benchmarks.ratios import Ratio, over
from benchmarks.venvs import python_with
from config import logging, policies
from config.settings import Settings
from tests import servers
from worker.crypt import Keyring
from worker.engine import make_engine, migrate
from worker.handling import store_all
from worker.runtime import Runtime, inboxes, rules, utc_now
from worker.store.recording import NewDelivery, record

ORM_EVENTS = 1500
DJ_STRIPE_EVENTS = 600


def roster(folder: Path, members: int) -> Path:
    """A membership for each of the first customers of the events."""
    file = folder / "roster.jsonl"
    with file.open("w") as out:
        for n in range(members):
            plan = {"code": "dialer", "price": 9900, "currency": "USD"}
            agreement = {"provider": "stripe", "customer": f"cus_{n:010}", "from": "2026-10-02"}
            row = {"membership": f"M-{n:010}", "started_on": "2026-10-02", "plan": plan, "agreements": [agreement]}
            out.write(json.dumps(row) + "\n")
    return file


def import_roster(env: dict[str, str], members: int = bodies.MEMBERS) -> None:
    """A roster of so many into the database of this environment."""
    subprocess.run(makegood("migrate"), check=True, env=env, capture_output=True)  # noqa: S603 - our own words
    with tempfile.TemporaryDirectory() as folder:
        argv = makegood("import", "roster", str(roster(Path(folder), members)))
        subprocess.run(argv, check=True, env=env, capture_output=True)  # noqa: S603 - as above


def runtime_on(url: str) -> Runtime:
    """What handles deliveries, on this database."""
    engine, keyring = make_engine(url), Keyring((base64.b64decode(MASTER_KEY),))
    migrate(engine)
    secrets = {"stripe_webhook_secrets": bodies.SECRET, "encryption_keys": MASTER_KEY}
    settings = Settings.model_validate({"database_url": url, **secrets})
    runtime = Runtime(settings, engine, keyring, inboxes(settings), rules(settings, policies.load()), utc_now)
    runtime.prepare()
    return runtime


def keep(runtime: Runtime, numbers: range) -> None:
    """The events of these numbers, stored and not yet handled."""
    inbox, now = runtime.inboxes["stripe"], utc_now()
    for start in range(0, len(numbers), 500):
        told = [bodies.event(number) for number in numbers[start : start + 500]]
        with runtime.engine.begin() as conn:
            record(conn, runtime.keyring, [NewDelivery("stripe", inbox.envelope(b), b, "webhook", now) for b in told])


def handle_all(runtime: Runtime, events: int) -> None:
    """All that is stored becomes facts. Raises where that were not so many."""
    handled, _ = store_all(runtime)
    if handled.total != events:
        raise lab.CannotMeasureError(f"{handled.total} of {events} deliveries were handled")


def to_facts(server: Postgres, events: int, first: int) -> float:
    """Stored deliveries to facts, bound to their memberships and marked for judgement, a second; in this process."""
    runtime = runtime_on(server.url)
    keep(runtime, range(first, first + events))
    server.run("VACUUM ANALYZE", "CHECKPOINT")
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as `makegood work` does
    with undisturbed():
        begun = time.perf_counter()
        handle_all(runtime, events)
        taken = time.perf_counter() - begun
    runtime.engine.dispose()
    return events / taken


def by_orm(server: Postgres) -> float:
    """The obvious way: an ORM transaction for each event, which only notes the payment."""
    engine = tables(driven(server.url))
    ids = note(engine, ORM_EVENTS)
    with undisturbed():
        begun = time.perf_counter()
        handle_each(engine, ids)
        taken = time.perf_counter() - begun
    engine.dispose()
    return ORM_EVENTS / taken


def by_dj_stripe() -> float:
    """dj-stripe, once, through its own view: webhooks of a few customers, all known after the first tenth."""
    python = python_with("dj-stripe", "dj-stripe==2.11.0", "psycopg[binary]==3.3.9")
    with lab.postgres() as server, tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for n in range(1, DJ_STRIPE_EVENTS + 1):
            body = bodies.event(n % (DJ_STRIPE_EVENTS // 20) + n * bodies.MEMBERS)
            file.write(json.dumps([body.decode(), bodies.signature(body)]) + "\n")
        file.flush()
        argv = [python, "-P", str(lab.HERE / "dj_stripe.py"), server.url, bodies.SECRET, file.name]
        with undisturbed():
            done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words
    rate, calls = json.loads(done.stdout)
    say(f"dj-stripe {rate:.0f}/s, {calls:.1f} calls to Stripe an event")
    return float(rate)


def whole_way(seconds: int, first: int) -> float:
    """Webhooks a second from the first request until every membership that they touched is judged."""
    with lab.postgres() as server, servers.valkey() as broker_url:
        env = environment(server.url, broker_url)
        import_roster(env)
        with receiver(env) as port, started(makegood("work"), answers=lambda: True, env=env):
            time.sleep(3)  # the worker loads, and judges the roster's first day
            _wait_until_judged(server)
            before = time.perf_counter()
            wrk(port, 64, seconds, first)
            sending = time.perf_counter() - before
            _wait_until_judged(server)
            took = time.perf_counter() - before
            ((stored, findings),) = server.run(
                "SELECT (SELECT count(*) FROM deliveries), (SELECT count(*) FROM findings)"
            )
            say(f"{stored} webhooks, {findings} findings, in {took:.1f} s, {sending:.1f} s of it until all was sent")
            return int(str(stored)) / (took - (sending - seconds))


def _wait_until_judged(server: Postgres) -> None:
    deadline = time.monotonic() + 180
    query = (
        "SELECT EXISTS (SELECT FROM deliveries WHERE state = 'new') OR EXISTS (SELECT FROM memberships WHERE touched)"
    )
    while server.run(query) != [(False,)]:
        if time.monotonic() > deadline:
            raise lab.CannotMeasureError("not everything was judged within three minutes")
        time.sleep(0.1)


@dataclass(frozen=True)
class Rates:
    """Events a second."""

    facts: float
    orm: float
    whole: float
    dj_stripe: float | None = None
    why: str = ""  # dj-stripe was not measured


def measure(rounds: int, events: int, seconds: int) -> Rates:
    """Medians of so many rounds."""
    facts, orm, whole = [], [], []
    with lab.postgres() as server, servers.valkey() as broker_url:
        import_roster(environment(server.url, broker_url))
        for n in range(rounds):
            facts.append(to_facts(server, events, 1 + n * events))
            orm.append(by_orm(server))
            say(f"to facts {facts[-1]:.0f}/s, by an ORM {orm[-1]:.0f}/s")
    for n in range(rounds):
        whole.append(whole_way(seconds, 1 + n * RATE_MAX * seconds))
        say(f"the whole way {whole[-1]:.0f}/s")
    rates = Rates(*map(statistics.median, (facts, orm, whole)))
    try:
        return replace(rates, dj_stripe=by_dj_stripe())
    except (lab.CannotMeasureError, subprocess.CalledProcessError) as why:
        say(f"dj-stripe: {why}")
        return replace(rates, why=str(why))


def ratios(rates: Rates) -> Iterator[Ratio]:
    """What was measured, held against the targets."""
    yield Ratio("stored delivery to bound fact, one process", rates.facts, 10_000, unit="/s")
    yield over("of an ORM transaction an event", rates.facts, rates.orm, 35)
    yield Ratio("HTTP to judged membership, all on the same cores", rates.whole, 2000, unit="/s")
    what = "HTTP to judged membership, of dj-stripe in process"
    if rates.dj_stripe is None:
        yield Ratio(what, None, 70, why=rates.why)
    else:
        yield over(what, rates.whole, rates.dj_stripe, 70)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handling")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=5)
    told = parser.parse_args()
    logging.configure("WARNING")
    rates = measure(told.rounds, told.events, told.seconds)
    lines = [
        lab.machine(),
        "",
        "| | events/s | x ORM |",
        "|---|---:|---:|",
        f"| stored delivery to bound fact, one process | {rates.facts:,.0f} | {rates.facts / rates.orm:.1f} |",
        f"| an ORM transaction an event | {rates.orm:,.0f} | 1.0 |",
        f"| HTTP to judged membership, everything on the same cores | {rates.whole:,.0f} | |",
    ]
    if rates.dj_stripe is not None:
        ratio = rates.dj_stripe / rates.orm
        lines.append(
            f"| dj-stripe's view, in process, Stripe answering at once | {rates.dj_stripe:,.0f} | {ratio:.2f} |"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
