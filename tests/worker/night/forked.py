"""Runs of a night that may be killed: a process of one thread that forks one for each order it reads.

It has loaded everything and lived one night itself, so that a run is killed in its work and not in its imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from config import logging
from config.settings import Settings
from worker import nightly, runtime
from worker.alerts import telling

KILLED = -signal.SIGKILL
_STEP_S = 0.002


@dataclass(frozen=True)
class Forks:
    """The other end of it."""

    process: subprocess.Popen[str]

    def run(self, settings: dict[str, Any], night: date, at: datetime, after: float | None, *, fork: bool) -> int:
        """One run of the night at this moment, killed after so many seconds; how it ended. Without `fork` the process
        of the forks runs it itself."""
        order = {"settings": settings, "night": str(night), "at": at.isoformat(), "after": after, "fork": fork}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(order, default=str)}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def forking() -> Iterator[Forks]:
    arguments = [sys.executable, "-m", "tests.worker.night.forked"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Forks(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def live(order: dict[str, Any]) -> None:
    """The night as the clock does it: whatever is left of it, and then what is left to be told."""
    at = datetime.fromisoformat(order["at"])
    product = runtime.build(Settings.model_validate(order["settings"]), clock=lambda: at)
    nightly.run_night(product, date.fromisoformat(order["night"]))
    telling.deliver(product)
    product.close()


def forked(order: dict[str, Any]) -> int:
    """The same in a process of its own; how that ended."""
    if (child := os.fork()) == 0:
        try:
            live(order)
        except BaseException as fault:  # noqa: BLE001 - told to whoever looks, and the exit code says it
            sys.stderr.write(f"{fault!r}\n")
            os._exit(1)
        os._exit(0)
    begun = time.monotonic()
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if order["after"] is not None and time.monotonic() - begun >= order["after"]:
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
        time.sleep(_STEP_S)
    return os.waitstatus_to_exitcode(ended[1])


def main() -> None:
    logging.configure("ERROR")
    for line in sys.stdin:
        order = json.loads(line)
        code = 0
        if order["fork"]:
            code = forked(order)
        else:
            live(order)
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
