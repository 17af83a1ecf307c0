"""python -m benchmarks.guards

Each guard over money that goes out is taken out, one at a time, and the test that promises it is run: it has to fail.
Ends with 1 if a guard can be taken out unseen. A guard that only backs up another one is not on the list: without it
nothing goes wrong before the other one fails too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from tests.conftest import ROOT

WITHOUT = "TESTED_WITHOUT"
FAILED = 1  # what pytest ends with where tests failed, and with nothing else


def _nothing(*_: object, **__: object) -> None:
    return None


def _no(*_: object, **__: object) -> bool:
    return False


def _yes(*_: object, **__: object) -> bool:
    return True


def _another_key() -> property:
    return property(lambda send: f"{send.key}:{os.urandom(4).hex()}")


@dataclass(frozen=True)
class Guard:
    """What is put in the place of a guard, and the test that must see it."""

    name: str
    where: tuple[str, ...]
    instead: Callable[[], Any]
    test: str


GUARDS = (
    Guard("a key from facts", ("worker.store.sends:Send.idempotency_key",), _another_key, "life.py::test_a_queued"),
    Guard("caps for a member", ("worker.money.guards:caps",), lambda: _nothing, "guards.py::test_a_limit_for_each"),
    Guard("the day's budget", ("worker.money.guards:budget",), lambda: _nothing, "guards.py::test_the_days_caps"),
    Guard("the first few alone", ("worker.money.guards:canary",), lambda: _nothing, "guards.py::test_the_first_few"),
    Guard(
        "the mode of the key",
        ("worker.money.guards:other_mode", "worker.money.desk:other_mode"),
        lambda: _nothing,
        "guards.py::test_a_remedy_goes_only",
    ),
    Guard("stop before the call", ("worker.money.desk:is_stopped",), lambda: _no, "guards.py::test_a_stop_between"),
    Guard(
        "a run looked at first",
        ("worker.money.guards:unchecked_run", "worker.money.desk:unchecked_run"),
        lambda: _nothing,
        "child.py::test_what_a_judge_decided",
    ),
    Guard("an untold refund", ("worker.money.guards:untold_refund",), lambda: _nothing, "truth.py::test_a_partial_ref"),
    Guard("judged again", ("worker.money.subjects:objection",), lambda: _nothing, "people.py::test_an_approval_holds"),
    Guard(
        "no old key again", ("worker.money.resolving:REUSE",), lambda: timedelta(days=900), "truth.py::test_a_key_that"
    ),
    Guard("an approval's terms", ("worker.money.guards:lifted",), lambda: _yes, "guards.py::test_the_days_caps"),
    Guard(
        "one pair of eyes",
        ("worker.money.decisions:user_id",),
        lambda: lambda _: os.urandom(4).hex(),
        "people.py::test_a_large_retry",
    ),
)


def pytest_configure() -> None:
    """As a plugin of pytest: take the named guard out."""
    guard = next(one for one in GUARDS if one.name == os.environ[WITHOUT])
    for place in guard.where:
        module, _, path = place.partition(":")
        holder: Any = import_module(module)
        *owners, name = path.split(".")
        for owner in owners:
            holder = getattr(holder, owner)
        if not hasattr(holder, name):
            raise LookupError(f"{place} is not there any more")
        setattr(holder, name, guard.instead())


def main() -> int:
    unseen = [guard.name for guard in GUARDS if not _is_seen(guard)]
    sys.stdout.write(f"{len(GUARDS)} guards taken out one at a time, {len(GUARDS) - len(unseen)} missed by a test\n")
    return 1 if unseen else 0


def _is_seen(guard: Guard) -> bool:
    file, _, test = guard.test.partition("::")
    arguments = [
        "-q",
        "-x",
        "-p",
        "benchmarks.guards",
        f"tests/worker/money/test_{file}",
        "-k",
        f"{test} and not postgres",
    ]
    ran = subprocess.run(  # noqa: S603 - our own tests
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env={**os.environ, WITHOUT: guard.name},
        capture_output=True,
        text=True,
        check=False,
    )
    seen = ran.returncode == FAILED
    said = f"seen by {guard.test}" if seen else f"NOT SEEN by {guard.test} ({ran.returncode})"
    sys.stdout.write(f"{guard.name}: {said}\n")
    sys.stdout.flush()
    return seen


if __name__ == "__main__":
    sys.exit(main())
