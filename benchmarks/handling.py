"""python -m benchmarks.handling [--rounds N] [--events N]

How many stored deliveries a second become facts in one process, beside an ORM transaction for each; and how many
webhooks a second go the whole way, from HTTP to judged memberships, with receiver, worker, database and sender on the
same cores."""

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
from pathlib import Path

from sqlalchemy.orm import Session

from benchmarks import bodies, lab
from benchmarks.intake import MASTER_KEY, RATE_MAX, driven, environment, makegood, receiver, wrk
from benchmarks.lab import Postgres, say, started, undisturbed
from benchmarks.obvious import Event, handle, tables
from config import policies
from config.settings import Settings
from tests import servers
from worker.crypt import Keyring
from worker.engine import make_engine
from worker.handling import store_pending
from worker.runtime import Runtime, inboxes, rules, utc_now
from worker.store.recording import NewDelivery, record

ORM_EVENTS = 1500


def roster(folder: Path) -> Path:
    """A membership for every customer of the events."""
    file = folder / "roster.jsonl"
    with file.open("w") as out:
        for n in range(bodies.MEMBERS):
            plan = {"code": "dialer", "price": 9900, "currency": "USD"}
            agreement = {"provider": "stripe", "customer": f"cus_{n:010}", "from": "2026-10-02"}
            row = {"membership": f"M-{n:010}", "started_on": "2026-10-02", "plan": plan, "agreements": [agreement]}
            out.write(json.dumps(row) + "\n")
    return file


def import_roster(env: dict[str, str]) -> None:
    """The whole roster into the database of this environment."""
    subprocess.run(makegood("migrate"), check=True, env=env, capture_output=True)  # noqa: S603 - our own words
    with tempfile.TemporaryDirectory() as folder:
        argv = makegood("import", "roster", str(roster(Path(folder))))
        subprocess.run(argv, check=True, env=env, capture_output=True)  # noqa: S603 - as above


def to_facts(server: Postgres, events: int, first: int) -> float:
    """Stored deliveries to facts, bound to their memberships and marked for judgement, a second; in this process."""
    engine, keyring = make_engine(server.url), Keyring((base64.b64decode(MASTER_KEY),))
    settings = Settings.model_validate({"database_url": server.url, "encryption_keys": MASTER_KEY})
    runtime = Runtime(settings, engine, keyring, inboxes(settings), rules(settings, policies.load()), utc_now)
    runtime.prepare()
    inbox, now = runtime.inboxes["stripe"], utc_now()
    for start in range(first, first + events, 500):
        told = [bodies.event(number) for number in range(start, start + 500)]
        with engine.begin() as conn:
            record(conn, keyring, [NewDelivery("stripe", inbox.envelope(b), b, "webhook", now) for b in told])
    server.run("VACUUM ANALYZE", "CHECKPOINT")
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as `makegood work` does
    with undisturbed():
        begun, handled = time.perf_counter(), 0
        while total := store_pending(runtime).total:
            handled += total
        taken = time.perf_counter() - begun
    engine.dispose()
    if handled != events:
        raise lab.CannotMeasureError(f"{handled} of {events} deliveries were handled")
    return handled / taken


def by_orm(server: Postgres) -> float:
    """The obvious way: an ORM transaction for each event, which only notes the payment."""
    engine = tables(driven(server.url))
    ids = []
    with Session(engine) as orm, orm.begin():
        for number in range(1, ORM_EVENTS + 1):
            body = bodies.event(number)
            ids.append(json.loads(body)["id"])
            orm.add(Event(event_id=ids[-1], kind="charge.succeeded", at=utc_now(), body=body))
    with undisturbed():
        begun = time.perf_counter()
        for event_id in ids:
            handle(engine, event_id)
        taken = time.perf_counter() - begun
    engine.dispose()
    return ORM_EVENTS / taken


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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handling")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=5)
    told = parser.parse_args()
    facts, orm, whole = [], [], []
    with lab.postgres() as server, servers.valkey() as broker_url:
        import_roster(environment(server.url, broker_url))
        for n in range(told.rounds):
            facts.append(to_facts(server, told.events, 1 + n * told.events))
            orm.append(by_orm(server))
            say(f"to facts {facts[-1]:.0f}/s, by an ORM {orm[-1]:.0f}/s")
    for n in range(told.rounds):
        whole.append(whole_way(told.seconds, 1 + n * RATE_MAX * told.seconds))
        say(f"the whole way {whole[-1]:.0f}/s")
    mine, theirs = statistics.median(facts), statistics.median(orm)
    lines = [
        lab.machine(),
        "",
        "| | events/s | x ORM |",
        "|---|---:|---:|",
        f"| stored delivery to bound fact, one process | {mine:,.0f} | {mine / theirs:.1f} |",
        f"| an ORM transaction an event | {theirs:,.0f} | 1.0 |",
        f"| HTTP to judged membership, everything on the same cores | {statistics.median(whole):,.0f} | |",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
