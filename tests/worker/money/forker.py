"""An executor that can be killed: a process of one thread that forks a fresh executor for each order it reads.

What is imported once is shared, so that a run costs milliseconds and not a second, and a kill is a real SIGKILL of a
real process in the middle of its work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

import structlog
from sqlalchemy import event

import handlers.paypal.gateway
import handlers.stripe.gateway  # noqa: F401 - as above
from config import policies
from config.settings import Settings
from worker.crypt import Keyring
from worker.engine import make_engine
from worker.money.executor import issue_due
from worker.money.points import DIE_AT
from worker.runtime import Runtime, inboxes, rules

KILLED = -signal.SIGKILL
WARM = "nobody dies"  # done by the process that forks: what it compiles, its children need not


@dataclass
class Forker:
    """The other end of the process that forks."""

    process: subprocess.Popen[str]
    clock_file: Path
    warmed: set[str] = field(default_factory=set)

    def issue(self, settings: dict[str, object], now: datetime, die_at: str = "") -> int:
        """Let an executor do `issue` at this moment, and die at that point. Its exit code; KILLED where it died."""
        self.clock_file.write_text(now.isoformat(), encoding="utf-8")
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"settings": settings, "die_at": die_at}) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def forking(folder: Path) -> Iterator[Forker]:
    clock = folder / "clock"
    arguments = [sys.executable, "-m", "tests.worker.money.forker", str(clock)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Forker(process, clock)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def main(clock_file: Path) -> None:
    # Standard output is how this process answers.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    keyring, known = Keyring((bytes(range(32)),)), policies.load()

    def clock() -> datetime:
        return datetime.fromisoformat(clock_file.read_text(encoding="utf-8"))

    @cache
    def product(told: str) -> Runtime:
        settings = Settings.model_validate_json(told)
        engine = make_engine(settings.database_url)
        if settings.is_sqlite:  # a process is killed here, not the machine
            event.listen(engine, "connect", lambda conn, _: conn.execute("PRAGMA synchronous=OFF"))
        made = Runtime(settings, engine, keyring, inboxes(settings), rules(settings, known), clock)
        made.prepare()
        return made

    for line in sys.stdin:
        order = json.loads(line)
        here = product(json.dumps(order["settings"]))
        if order["die_at"] == WARM:
            issue_due(here)
            sys.stdout.write("0\n")
            sys.stdout.flush()
            continue
        # Statements that were compiled once are shared; connections must not be.
        here.engine.dispose()
        child = os.fork()
        if child == 0:
            os.environ[DIE_AT] = order["die_at"]
            issue_due(here, timer=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
