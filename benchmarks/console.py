"""How long each page of the console takes with a million charges: `python -m benchmarks.console [CHARGES]`.

A real Postgres is filled by its own SQL (a member for twelve charges, a finding for twenty-five, ten audit entries a
finding), around a small world that is told and judged as usual; then every page is asked for over HTTP and timed: what
it took, and what of it was work: the processor's time of the web process with its client, and of the database. That is
the same however busy the machine is."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.ratios import Ratio
from config import policies
from config.settings import Settings
from reconcile.money import Money
from tests import servers
from tests.worker import world as w
from tests.worker.conftest import ENCRYPTION_KEYS, MASTER_KEY, Clock
from tests.worker.console.visitor import Visitor
from worker.crypt import Keyring
from worker.engine import make_engine, migrate
from worker.judging import judge_changed
from worker.runtime import Runtime, inboxes, rules
from worker.store.facts import store_facts
from worker.web.app import create_app
from worker.web.console.asking import place
from worker.web.console.routes import routes
from worker.web.serve import serving

NOW = datetime(2026, 3, 20, 17, 0, tzinfo=UTC)
TIMES = 7
PAGES = (
    "/console",
    "/console/cases",
    "/console/cases?where=all&order=largest",
    "/console/cases?where=all&order=smallest",
    "/console/cases?where=all&order=newest",
    f"/console/cases?where=all&order=largest&after={place('USD 900', 'finding:stripe:ch_f900')}",
    "/console/cases?where=all&order=largest&provider=stripe&kind=overcharge",
    "/console/cases?where=waiting&kind=overcharge&least=50",
    "/console/cases?q=F-4242",
    "/console/cases/finding:stripe:ch_large",
    "/console/approvals",
    "/console/memberships",
    "/console/memberships?q=F-424",
    "/console/memberships/M-2",
    "/console/claims",
    "/console/policies/voip-fulfillment",
    "/console/nights",
    "/console/audit",
    "/console/audit?action=finding_opened",
    "/console/switch",
)

_FILL = (
    """INSERT INTO memberships (ref, version, roster, imported_at, touched, judged_as_of)
       SELECT 'F-' || n, 1, jsonb_set(roster, '{ref}', to_jsonb('F-' || n)), imported_at, false, '2026-03-20'
       FROM memberships, generate_series(1, :members) n WHERE ref = 'M-4'""",
    """INSERT INTO facts (provider, kind, object_id, membership, bound_by, customer, state, amount_minor, currency, at,
                          told_at, body)
       SELECT 'stripe', 'charge', 'ch_f' || n, 'F-' || (n % :members + 1), 'customer', 'cus_f' || (n % :members + 1),
              'taken', 9900, 'USD', timestamptz '2026-03-20' - n * interval '20 seconds', now(), body
       FROM facts, generate_series(1, :charges) n WHERE object_id = 'ch_4_1'""",
    """INSERT INTO findings (key, kind, membership, charge, charged_minor, expected_minor, excess_minor, currency,
                             confidence, status, because, first_seen, published, amount_minor, amount_currency)
       SELECT 'finding:stripe:ch_f' || n,
              (ARRAY['overcharge', 'duplicate_charge', 'post_cancellation_charge'])[n % 3 + 1],
              'F-' || (n % :members + 1), 'stripe:ch_f' || n, 9900 + n % 9000, 9900, n % 9000, 'USD', 'certain',
              (ARRAY['settled', 'settled', 'settled', 'open'])[n % 4 + 1], '["because"]',
              date '2026-03-20' - n % 700, true, n % 9000, 'USD'
       FROM generate_series(1, :findings) n""",
    """INSERT INTO remedies (key, finding, membership, charge, kind, amount_minor, currency, state, clause,
                             policy_version, cited, held_because, arithmetic, decided_at, touched_by_person, observed)
       SELECT replace(key, 'finding:', 'remedy:'), key, membership, charge, 'refund', excess_minor, 'USD',
              CASE status WHEN 'open' THEN 'held' ELSE 'settled' END, 'voip-fulfillment/FP-2', '1', '[]',
              CASE status WHEN 'open' THEN 'four_eyes' END, '', now(), false, false
       FROM findings WHERE membership LIKE 'F-%'""",
    """INSERT INTO audit (n, at, actor, action, subject, detail, prev_hash, hash)
       SELECT 1000000 + n, now(), 'makegood', (ARRAY['finding_opened', 'remedy_decided'])[n % 2 + 1],
              'finding:stripe:ch_f' || n, '{}', '', 'made up ' || n FROM generate_series(1, :entries) n""",
    "VACUUM ANALYZE",  # as autovacuum does by itself
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, in milliseconds."""

    took: float
    ours: float
    database: float


def main(charges: int) -> None:
    """Measure, and print each page as it is known."""
    _say(f"load {os.getloadavg()[0]:.0f}; median, worst and work in ms (work: ours and the database's)")
    for path, asked in measure(charges):
        middle = [statistics.median(getattr(one, name) for one in asked) for name in ("took", "ours", "database")]
        worst = max(one.took for one in asked)
        _say(f"{middle[0]:6.0f} {worst:6.0f} {middle[1]:6.1f} + {middle[2]:4.1f}  {path}")
    _say(f"load {os.getloadavg()[0]:.0f}")


def ratios(pages: Iterable[tuple[str, list[Asked]]]) -> Iterator[Ratio]:
    """What was measured, held against the target: the slowest page's median, in all and its work alone."""
    medians = {
        path: [statistics.median(times) for times in ([a.took for a in asked], [a.ours + a.database for a in asked])]
        for path, asked in pages
    }
    for n, name in enumerate(("", ", its work alone")):
        slowest = max(medians, key=lambda path: medians[path][n])
        yield Ratio(f"the slowest page ({slowest}){name}", medians[slowest][n], 100, at_most=True, unit=" ms")


def measure(charges: int) -> Iterator[tuple[str, list[Asked]]]:
    """Every page, asked for several times, beside so many charges."""
    # No helpers of a query: the work of the processes that are there is all of it.
    with servers.postgres(max_parallel_workers_per_gather="0") as server:
        engine = make_engine(server.url(server.create_database()))
        migrate(engine)
        runtime = _runtime(engine)
        _small_world(runtime)
        _say(f"filling in {charges} charges")
        _fill(engine, charges)
        with serving(create_app(runtime, routes=routes(runtime))) as base:
            visitor = Visitor(base, runtime, "clerk", "approver", "auditor")
            visitor.client.timeout = 60
            yield from _timed(visitor, engine)
            visitor.client.close()
        engine.dispose()


def _timed(visitor: Visitor, engine: Engine) -> Iterator[tuple[str, list[Asked]]]:
    for path in PAGES:
        visitor.get(path)  # fills caches
        yield path, [_asked(visitor, path, _backends(engine)) for _ in range(TIMES)]


def _asked(visitor: Visitor, path: str, backends: list[int]) -> Asked:
    database, ours, begun = _worked(backends), time.process_time(), time.perf_counter()
    answer = visitor.get(path)
    took, ours, database = time.perf_counter() - begun, time.process_time() - ours, _worked(backends) - database
    if answer.status_code not in {200, 303}:
        raise SystemExit(f"{path}: {answer.status_code}")
    return Asked(took * 1000, ours * 1000, database * 1000)


def _backends(engine: Engine) -> list[int]:
    with engine.connect() as conn:
        return list(conn.scalars(text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")))


def _worked(pids: list[int]) -> float:
    """Seconds on a processor."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


def _runtime(engine: Engine) -> Runtime:
    settings = Settings.model_validate({"encryption_keys": ENCRYPTION_KEYS})
    made = Runtime(
        settings, engine, Keyring((MASTER_KEY,)), inboxes(settings), rules(settings, policies.load()), Clock(NOW)
    )
    made.prepare()
    return made


def _small_world(runtime: Runtime) -> None:
    w.take_in(runtime, *(w.row(f"M-{n}", w.stripe(n)) for n in range(1, 5)))
    told = [
        w.charge(f"ch_{n}_{month}", w.month(month), customer=f"cus_{n}", kind="charge")
        for n in (1, 3, 4)
        for month in range(3)
    ]
    told.append(w.charge("ch_large", w.month(2), Money(39900, "USD"), customer="cus_2", kind="charge"))
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(*told))
    judge_changed(runtime)


def _fill(engine: Engine, charges: int) -> None:
    findings = charges // 25
    sizes = {"charges": charges, "members": charges // 12, "findings": findings, "entries": findings * 10}
    for statement in _FILL:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("SET statement_timeout = 0")
            names = {name: value for name, value in sizes.items() if f":{name}" in statement}
            conn.execute(text(statement), names)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
