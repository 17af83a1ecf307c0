"""How long each page of the console takes with a million charges: `python -m benchmarks.console [CHARGES]`.

A real Postgres is filled by its own SQL (a member for twelve charges, a finding for twenty-five, ten audit entries a
finding), around a small world that is told and judged as usual; then every page is asked for over HTTP and timed."""

from __future__ import annotations

import base64
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from config import policies
from config.settings import Settings
from reconcile.money import Money
from tests import servers
from tests.worker import world as w
from tests.worker.conftest import MASTER_KEY, Clock
from tests.worker.console.visitor import Visitor
from worker.crypt import Keyring
from worker.engine import make_engine, migrate
from worker.judging import judge_changed
from worker.runtime import Runtime, inboxes, rules
from worker.store.facts import store_facts
from worker.web.app import create_app
from worker.web.console.routes import routes
from worker.web.serve import serving

NOW = datetime(2026, 3, 20, 17, 0, tzinfo=UTC)
TIMES = 7
PAGES = (
    "/console",
    "/console/cases",
    "/console/cases?where=all&order=largest",
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
                             confidence, status, because, first_seen, published)
       SELECT 'finding:stripe:ch_f' || n,
              (ARRAY['overcharge', 'duplicate_charge', 'post_cancellation_charge'])[n % 3 + 1],
              'F-' || (n % :members + 1), 'stripe:ch_f' || n, 9900 + n % 9000, 9900, n % 9000, 'USD', 'certain',
              (ARRAY['settled', 'settled', 'settled', 'open'])[n % 4 + 1], '["because"]',
              date '2026-03-20' - n % 700, true
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
    "ANALYZE",
)


def main(charges: int) -> None:
    with servers.postgres() as server:
        engine = make_engine(server.url(server.create_database()))
        migrate(engine)
        runtime = _runtime(engine)
        _small_world(runtime)
        _say(f"filling in {charges} charges")
        _fill(engine, charges)
        with serving(create_app(runtime, routes=routes(runtime))) as base:
            visitor = Visitor(base, runtime, "clerk", "approver", "auditor")
            visitor.client.timeout = 60
            for path, took in _timed(visitor):
                _say(f"{statistics.median(took):7.1f} ms median  {max(took):7.1f} ms most  {path}")
            visitor.client.close()
        engine.dispose()


def _timed(visitor: Visitor) -> Iterator[tuple[str, list[float]]]:
    for path in PAGES:
        took = []
        for _ in range(TIMES + 1):
            begun = time.perf_counter()
            answer = visitor.get(path)
            took.append((time.perf_counter() - begun) * 1000)
            if answer.status_code not in {200, 303}:
                raise SystemExit(f"{path}: {answer.status_code}")
        yield path, took[1:]  # the first fills caches


def _runtime(engine: Engine) -> Runtime:
    settings = Settings.model_validate({"encryption_keys": base64.b64encode(MASTER_KEY).decode()})
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
        with engine.begin() as conn:
            conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
            names = {name: value for name, value in sizes.items() if f":{name}" in statement}
            conn.execute(text(statement), names)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
