"""The made-up merchant on both databases: the same verdict and the same report, whichever keeps the books."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.worker.conftest import Clock
from worker import handling, judging, report
from worker.engine import reading
from worker.roster.row import Bundles, row
from worker.runtime import Runtime
from worker.sandbox.roster_lines import roster_line
from worker.sandbox.stories import World, world
from worker.sandbox.truth import verdict
from worker.store import listings
from worker.store.recording import NewDelivery, record
from worker.store.roster import import_memberships


def _take_in(runtime: Runtime, made: World) -> None:
    bundles = Bundles(runtime.rules.policy.versions.keys(), runtime.settings.policy)
    now = runtime.clock()
    deliveries = [
        NewDelivery(told.provider, runtime.inboxes[told.provider].envelope(told.body), told.body, "import", now)
        for told in made.told
    ]
    with runtime.engine.begin() as conn:
        rows = [row(roster_line(member), bundles) for member in made.members]
        import_memberships(conn, runtime.keyring, rows, now)
        record(conn, runtime.keyring, deliveries)


def test_the_books_come_out_right_and_the_report_ties(runtime: Runtime, clock: Clock, tmp_path: Path) -> None:
    # Of the made-up members many are charged wrongly: an ordinary merchant's breaker would rightly trip.
    unbroken = runtime.settings.model_copy(update={"breaker_percent": Decimal(100)})
    runtime = replace(runtime, settings=unbroken)
    made = world(45, 6, 9)
    clock.now = made.end - timedelta(hours=1)
    _take_in(runtime, made)
    handling.drain(runtime)
    judging.reconcile_all(runtime, made.last_day, everything=True)
    with reading(runtime.engine).begin() as conn:
        outcome = verdict(made.planted, listings.findings(conn))
    assert outcome.perfect, (outcome.missed, outcome.false_alarms, outcome.wrong_money, outcome.wrongly_held)

    page = report.write(runtime, made.last_day, tmp_path / "new" / "folder")
    told = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["ties"] is True
    assert {owed["currency"]: owed["owed"] for owed in told["owed"] if owed["owed"]} == dict(outcome.owed_true)
    assert sum(kind["count"] for kind in told["kinds"]) == len(made.planted)
    assert sum(control["charges"] for control in told["controls"]) == told["charges"]
    again = report.write(runtime, made.last_day, tmp_path)
    assert again.read_bytes() == page.read_bytes()
