"""Nights in processes of their own, which may be killed: `python -m tests.worker.night.apart ORDER`.

The script loads everything once and then forks, so that each process costs milliseconds. It prints JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config import logging
from config.settings import Settings
from tests.worker.conftest import PAYPAL_WEBHOOK_ID, STRIPE_SECRET
from tests.worker.night.eve import AFTER, NIGHT
from tests.worker.world import plain_inboxes
from worker.night import phases
from worker.nightly import run_night
from worker.runtime import Runtime, build

POINTS = [f"{name}:{step}" for name in phases.NAMES for step in ("begin", "done", "noted")]
HAD_IT, DID_NOT = 0, 7


def product(order: dict[str, Any], now: datetime) -> Runtime:
    settings = Settings(
        database_url=order["database"],
        encryption_keys=(SecretStr(order["key"]),),
        stripe_webhook_secrets=(SecretStr(STRIPE_SECRET),),
        paypal_webhook_id=SecretStr(PAYPAL_WEBHOOK_ID),
        alert_urls=tuple(SecretStr(url) for url in order["alerts"]),
        report_dir=Path(order["reports"]),
    )
    return plain_inboxes(build(settings, clock=lambda: now))


def in_a_child(work: Callable[[], int]) -> int:
    """Run in a process of its own, and give how it ended."""
    if (child := os.fork()) == 0:
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_everywhere(order: dict[str, Any]) -> list[int]:
    """The night, killed at its first point, taken up and killed at the next, and so on; then run to its end. Each run
    comes five minutes after the one before, when its lease is over."""
    ends = []
    for n, point in enumerate([*POINTS, None]):
        now = AFTER + timedelta(minutes=5 * n)

        def night(at: str | None = point, now: datetime = now) -> int:
            def passing(where: str) -> None:
                if where == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            return HAD_IT if run_night(product(order, now), NIGHT, passing=passing) is not None else DID_NOT

        ends.append(in_a_child(night))
    return ends


def racing(order: dict[str, Any]) -> list[int]:
    """Several processes that begin the same night at the same moment."""
    gate, opened = os.pipe()
    children = []
    for _ in range(order["racers"]):
        if (child := os.fork()) == 0:
            os.close(opened)
            runtime = product(order, AFTER)
            os.read(gate, 1)  # ends for all of them at once, when the other side is closed
            os._exit(HAD_IT if run_night(runtime, NIGHT) is not None else DID_NOT)
        children.append(child)
    os.close(opened)
    return sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    logging.configure("WARNING")  # standard output is for the answer
    given = json.loads(sys.argv[1])
    json.dump({"killed": killed_everywhere, "racing": racing}[given["what"]](given), sys.stdout)
