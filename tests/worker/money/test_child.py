"""The executor's own process: it works beside others, dies rather than wake up late, and outlives its sessions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from sqlalchemy import Connection, event, insert

from tests.conftest import ROOT
from tests.worker.money.house import House
from worker.breaker import Judging, Slice, note
from worker.sandbox.bank.bank import STRIPE_KEY
from worker.schema import run_decisions
from worker.store.sql import TRANSIENT

LATE = "import time; from worker.money.executor import mortal; exec('with mortal(0.2): time.sleep(30)')"


def test_what_takes_too_long_dies() -> None:
    ended = subprocess.run([sys.executable, "-c", LATE], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGALRM


def test_frozen_and_woken_it_dies_before_it_does_anything() -> None:
    script = LATE.replace("time.sleep(30)", "time.sleep(0.1); print(1, flush=True); [0 for _ in iter(int, 1)]")
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(child.pid, signal.SIGCONT)
        assert child.wait(10) == -signal.SIGALRM


def test_the_child_issues_and_ends_with_its_input(house: House) -> None:
    settings = house.runtime.settings
    key = house.overcharge()
    told = {
        "DATABASE_URL": settings.database_url,
        "ENCRYPTION_KEYS": settings.encryption_keys[0].get_secret_value(),
        "MODE": "live",
        "COOLING_HOURS": "0",
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_API_BASE": settings.stripe_api_base,
    }
    environment = {**os.environ, **{f"MAKEGOOD_{name}": value for name, value in told.items()}}
    arguments = [sys.executable, "-m", "worker.money.child"]
    with subprocess.Popen(arguments, cwd=ROOT, env=environment, stdin=subprocess.PIPE) as child:
        until = time.monotonic() + 30
        while house.state(key) != "settled" and time.monotonic() < until:
            time.sleep(0.1)
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(20) == 0
    assert house.state(key) == "settled"


@pytest.mark.parametrize("minutes", [5, 11])
def test_what_a_judge_decided_that_died_waits_until_its_run_was_looked_at(house: House, minutes: int) -> None:
    key = house.overcharge()
    with house.runtime.engine.begin() as conn:
        note(conn, Judging("cut off"), Slice(100, (), ()), house.clock())
        row = {"run": "cut off", "remedy": key, "finding_kind": "overcharge", "amount_minor": 1, "currency": "USD"}
        conn.execute(insert(run_decisions).values(row))
    house.issue()
    assert house.bank.posts == []
    house.later(minutes=minutes)
    house.issue()
    assert bool(house.bank.posts) == (minutes > 10)


@pytest.mark.parametrize("money_url", ["postgres"], indirect=True)
def test_whichever_of_its_sessions_the_server_takes_away_it_refunds_once(house: House) -> None:
    engine, begun, lost = house.runtime.engine, 0, 1

    def stand_still(conn: Connection) -> None:
        nonlocal begun
        begun += 1
        if begun == lost:  # longer than the server lets an open transaction wait
            conn.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
            time.sleep(0.1)

    while begun >= lost - 1:
        key = house.overcharge(lost)
        begun = 0
        event.listen(engine, "begin", stand_still)
        with suppress(*TRANSIENT):
            assert house.issue().failed == 0
        event.remove(engine, "begin", stand_still)
        house.rest()
        assert (house.state(key), len(house.bank.ours(f"ch_{lost}"))) == ("settled", 1)
        lost += 1
    assert lost > 8
