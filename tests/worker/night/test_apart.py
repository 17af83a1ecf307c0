"""Killed at any moment the night resumes to the same summary; and of several at once, one has it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from tests.worker import world as w
from tests.worker.alerts.endpoints import Chat
from tests.worker.cli.world import environment
from tests.worker.conftest import ENCRYPTION_KEYS, Clock
from tests.worker.night.apart import DID_NOT, HAD_IT, POINTS
from tests.worker.night.eve import AFTER, NIGHT, deliver_all
from worker.audit import verify
from worker.nightly import run_night
from worker.runtime import Runtime
from worker.schema import outbox, shown
from worker.store import nights as rows

ROOT = Path(__file__).parents[3]


def apart(runtime: Runtime, what: str, **order: int) -> list[int]:
    """How the processes ended."""
    alerts = [secret.get_secret_value() for secret in runtime.settings.alert_urls]
    told = {
        "database": runtime.settings.database_url,
        "key": ENCRYPTION_KEYS,
        "reports": str(runtime.settings.report_dir),
    }
    argv = [
        sys.executable,
        "-m",
        "tests.worker.night.apart",
        json.dumps({"what": what, "alerts": alerts, **told, **order}),
    ]
    done = subprocess.run(argv, cwd=ROOT, env=environment({}), capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    ends: list[int] = json.loads(done.stdout)
    return ends


def summary(runtime: Runtime) -> str:
    with runtime.engine.begin() as conn:
        night = rows.load(conn, NIGHT)
    assert night is not None
    assert night.state == rows.DONE
    assert night.summary is not None
    return night.summary


def test_killed_at_every_point_it_resumes_to_the_same_summary_and_is_told_once(
    eve: Runtime, clock: Clock, slack: Chat
) -> None:
    reports = eve.settings.report_dir
    ends = apart(eve, "killed")
    # Killed after its last step, the night is done; what was left is the alert, which is the clock's.
    assert ends == [-signal.SIGKILL] * len(POINTS) + [DID_NOT]
    resumed, page = summary(eve), (reports / f"report-{NIGHT}.html").read_bytes()
    with eve.engine.begin() as conn:
        assert len(conn.execute(select(outbox)).all()) == 1
        shown_once = sorted(conn.scalars(select(shown.c.finding)))
        assert verify(conn) is None

    w.wipe(eve)
    clock.now = AFTER
    deliver_all(eve)
    assert run_night(eve, NIGHT) is not None
    assert resumed == summary(eve)
    assert page == (reports / f"report-{NIGHT}.html").read_bytes()
    with eve.engine.begin() as conn:
        assert shown_once == sorted(conn.scalars(select(shown.c.finding)))
    assert len(slack.got) == 1


def test_of_several_processes_at_once_one_has_the_night(eve: Runtime, slack: Chat) -> None:
    ends = apart(eve, "racing", racers=4)
    assert ends == [HAD_IT] + [DID_NOT] * 3
    assert len(slack.got) == 1
    with eve.engine.begin() as conn:
        night = rows.load(conn, NIGHT)
    assert night is not None
    assert night.attempt == 1
