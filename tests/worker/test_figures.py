"""The figures: what /metrics says of the whole is true of the database, cheap, and nobody's data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # as in benchmarks/stack.py
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import event, insert

from tests.conftest import ROOT
from tests.worker import world as w
from tests.worker.conftest import Clock
from worker.handling import drain
from worker.runtime import Runtime
from worker.schema import notices, outbox, runs
from worker.store import heartbeats
from worker.store.switches import Switch, set_switch
from worker.web.figures import Figures
from worker.web.metrics import Metrics

MONITORING = ROOT / "docs" / "monitoring"


@pytest.fixture
def plain(runtime: Runtime) -> Runtime:
    return w.plain_inboxes(runtime)


def scraped(runtime: Runtime) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(Figures(runtime))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def busy(runtime: Runtime, clock: Clock) -> None:
    """A day on which everything that is counted happened."""
    w.take_in(runtime, w.row("M-1", w.stripe(), email="someone@example.test"))
    twice = [w.charge(name, w.START, customer="cus_1") for name in ("ch_1", "ch_2")]
    w.deliver(runtime, w.body(*twice), b"malformed", w.body())
    clock.now = w.at(w.later(w.START, 5))
    drain(runtime)
    w.deliver(runtime, w.body(w.charge("ch_3", w.START)))
    clock.advance(timedelta(seconds=90))
    heartbeats.beat(runtime.engine, "work@elsewhere", clock.now - timedelta(seconds=30))
    with runtime.engine.begin() as conn:
        set_switch(conn, Switch(True, "someone", "a drill", clock.now))
        tripped = {"name": "a run", "noted_at": clock.now, "charges": 9, "checked_at": clock.now, "verdict": "too many"}
        conn.execute(insert(runs).values(tripped))
        told = {"key": "k", "channel": "c", "urgent": True, "message": {}, "state": "waiting", "tries": 1}
        conn.execute(insert(outbox).values(at=clock.now - timedelta(minutes=9), next_at=clock.now, **told))
        lost = {"key": "receipt:C-1", "kind": "receipt", "membership": "M-1", "subject": "C-1", "state": "failed"}
        conn.execute(insert(notices).values(at=clock.now, tries=5, **lost))


def test_the_figures_are_those_of_the_database(plain: Runtime, clock: Clock) -> None:
    busy(plain, clock)
    found = scraped(plain)
    told = {
        'makegood_deliveries_handled_total{kind="facts",outcome="done",provider="stripe"}': 1,
        'makegood_deliveries_handled_total{kind="facts",outcome="passed_over",provider="stripe"}': 1,
        'makegood_deliveries_handled_total{kind="facts",outcome="set_aside",provider="stripe"}': 1,
        'makegood_facts_told_total{kind="charge",provider="stripe"}': 2,
        "makegood_deliveries_waiting": 1,
        "makegood_deliveries_failed": 1,
        "makegood_oldest_delivery_seconds": 90,
        'makegood_findings{kind="duplicate_charge",status="open"}': 1,
        'makegood_remedies{kind="refund",state="queued"}': 1,
        'makegood_money_minor{currency="USD",standing="owed"}': w.PRICE.minor,
        "makegood_money_stopped": 1,
        "makegood_breaker_trips_total": 1,
        'makegood_heartbeat_seconds{process="work"}': 30,
        'makegood_processes{process="work"}': 1,
        'makegood_processes{process="clock"}': 0,
        'makegood_notices{state="failed"}': 1,
        "makegood_outbox_waiting": 1,
        "makegood_outbox_seconds": 540,
    }
    assert {name: found.get(name) for name in told} == told


def test_tallies_outlive_the_process_that_counted_and_add_up_over_several(plain: Runtime) -> None:
    for n in range(2):
        w.deliver(plain, w.body(w.charge(f"ch_{n}", w.START)), event_ids=[f"evt_{n}"])
        drain(plain)
    assert scraped(plain)['makegood_facts_told_total{kind="charge",provider="stripe"}'] == 2


def test_scraping_often_costs_one_look(plain: Runtime) -> None:
    asked: list[str] = []
    event.listen(plain.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    figures = Figures(plain)
    list(figures.collect())
    first = len(asked)
    list(figures.collect())
    assert 0 < first == len(asked)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # Postgres would scan what is nearly empty
def test_a_look_reads_no_table_that_grows_with_the_traffic_in_full(plain: Runtime, clock: Clock) -> None:
    """Deliveries, facts and memberships are counted off indexes that hold only what is unfinished."""
    busy(plain, clock)
    asked: list[tuple[str, tuple[Any, ...]]] = []
    event.listen(plain.engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    list(Figures(plain).collect())
    with plain.engine.connect() as conn:
        looks = [one for one in asked if one[0].startswith("SELECT")]
        assert len(looks) > 5
        for query, values in looks:
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
            steps = " ".join(str(step[3]) for step in plan)
            assert not re.search(r"SCAN (deliveries|facts|memberships|audit)(?! USING)", steps), (query, steps)


def test_nothing_of_a_member_is_in_the_figures(plain: Runtime, clock: Clock) -> None:
    busy(plain, clock)
    said = Metrics(plain).text().decode()
    assert "makegood_findings{" in said
    for theirs in ("M-1", "cus_1", "ch_1", "someone", "example.test", "elsewhere"):
        assert theirs not in said


def _named(text: str) -> Iterator[str]:
    yield from re.findall(r"\bmakegood_[a-z_]+", text)


def test_whatever_dashboard_and_alerts_name_is_at_metrics(plain: Runtime, clock: Clock) -> None:
    busy(plain, clock)
    metrics = Metrics(plain)
    metrics.request("stripe", "stored")
    metrics.took("stripe", 0.01)
    metrics.kept("stripe", new=True)
    metrics.suspect("stripe")
    there = {line.split()[2] for line in metrics.text().decode().splitlines() if line.startswith("# TYPE")}
    there |= {name + end for name in there for end in ("_bucket", "_count")}
    there |= {"makegood_night_seconds", "makegood_night_age_seconds", "makegood_night_complete"}  # once there was one
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    drawn = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = [
        rule for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"] for rule in group["rules"]
    ]
    assert len(drawn) > 15
    assert len(rules) > 12
    for expression in [*drawn, *(rule["expr"] for rule in rules)]:
        assert set(_named(expression)) <= there, expression
