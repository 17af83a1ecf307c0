"""python -m benchmarks.gate [--measure]

Whether a change made makegood slow: a few ratios to something that changes of makegood leave as it is, each against the
one in `floors.json`. Ends with 1 where one has fallen by a third. `--measure` writes that file anew.

All of it runs in this process and on SQLite, and what is compared is processor time: who else is at work on the machine
hardly shows. What only Postgres would show is for `benchmarks.intake` and the others to find."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import stripe

from benchmarks import bodies, lab
from benchmarks.charges import AS_OF, lives
from benchmarks.handling import handle_all, import_roster, keep, runtime_on
from benchmarks.intake import environment
from benchmarks.loading import forget_judgements, load
from benchmarks.obvious import handle_each, note, tables
from benchmarks.peers import PlainCharge, plainly
from config import logging
from worker.codec import membership_to_plain
from worker.judging import reconcile_all
from worker.runtime import Runtime, utc_now
from worker.store.recording import NewDelivery, ready

FLOORS = Path(__file__).with_name("floors.json")
KEPT = 2 / 3
ROUNDS = 3
MEMBERSHIPS = 1000  # of ten charges each

Pair = tuple[float, float]  # seconds for each: the other's way, and ours


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("--measure", action="store_true", help="write down what later runs have to keep")
    measuring = parser.parse_args().measure
    logging.configure("WARNING")
    found = {name: round(statistics.median(theirs / ours for theirs, ours in pairs), 2) for name, pairs in _measured()}
    if measuring:
        FLOORS.write_text(json.dumps(found, indent=4) + "\n", encoding="utf-8")
    floors = json.loads(FLOORS.read_text(encoding="utf-8"))
    fallen = [name for name, ratio in found.items() if ratio < floors[name] * KEPT]
    for name, ratio in found.items():
        lab.say(f"{name}: {ratio:.2f}, was {floors[name]:.2f}{'  FALLEN BY MORE THAN A THIRD' * (name in fallen)}")
    return 1 if fallen else 0


def _measured() -> Iterator[tuple[str, list[Pair]]]:
    with tempfile.TemporaryDirectory(prefix="makegood-gate-") as name:
        url = f"sqlite:///{Path(name) / 'makegood.db'}"
        import_roster(environment(url, ""), 2500)
        runtime = runtime_on(url)
        yield "an event checked by its provider's library / checked, scrubbed and encrypted", _rounds(_intake, runtime)
        yield "an event noted by an ORM / a delivery made a bound fact", _rounds(_handling, runtime)
        runtime.engine.dispose()
    with tempfile.TemporaryDirectory(prefix="makegood-gate-") as name:
        runtime = runtime_on(f"sqlite:///{Path(name) / 'makegood.db'}")
        load(runtime.engine, lives(MEMBERSHIPS))
        yield "memberships judged plainly in memory / judged in the database", _rounds(_judging, runtime)
        runtime.engine.dispose()


def _rounds(measure: Callable[[Runtime, int], Pair], runtime: Runtime) -> list[Pair]:
    measure(runtime, 0)  # what is done but once is not counted
    return [measure(runtime, n) for n in range(1, ROUNDS + 1)]


def _intake(runtime: Runtime, n: int, events: int = 1000) -> Pair:
    told = [(body, bodies.signature(body)) for body in map(bodies.event, range(n * events, (n + 1) * events))]
    inbox, now = runtime.inboxes["stripe"], utc_now()

    def ours() -> None:
        for body, signed in told:
            envelope = inbox.authenticate({"stripe-signature": signed}, body, now)
            ready(runtime.keyring, NewDelivery("stripe", envelope, body, "webhook", now))

    def theirs() -> None:
        for body, signed in told:
            stripe.Webhook.construct_event(body, signed, bodies.SECRET)

    return _spent(theirs) / events, _spent(ours) / events


def _handling(runtime: Runtime, n: int, events: int = 500, noted: int = 150) -> Pair:
    keep(runtime, range(n * events, (n + 1) * events))
    with tempfile.TemporaryDirectory(prefix="makegood-gate-") as folder:
        engine = tables(f"sqlite:///{Path(folder) / 'obvious.db'}")
        ids = note(engine, noted)
        theirs = _spent(lambda: handle_each(engine, ids))
        engine.dispose()
    return theirs / noted, _spent(lambda: handle_all(runtime, events)) / events


def _judging(runtime: Runtime, _n: int) -> Pair:
    forget_judgements(runtime.engine)
    everyone = list(lives(MEMBERSHIPS))
    rosters = {life.membership.ref: membership_to_plain(life.membership) for life in everyone}
    taken = {life.membership.ref: [one.charge for one in life.taken] for life in everyone}
    by = {ref: [PlainCharge(str(c.ref), c.amount.minor, c.taken_at) for c in many] for ref, many in taken.items()}
    return _spent(lambda: plainly(rosters, by)), _spent(lambda: reconcile_all(runtime, AS_OF, everything=True))


def _spent(work: Callable[[], object]) -> float:
    """Processor time in seconds."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())
