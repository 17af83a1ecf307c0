"""What the tests of the command share: the command, in this process or as a process of its own, and small files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from worker.cli import main

DAYS = [date(2024, 1, 8), date(2024, 2, 8), date(2024, 3, 8)]
LEAST: dict[str, Any] = {
    "membership": "M-1",
    "started_on": "2024-01-08",
    "plan": {"price": 9900, "currency": "USD"},
    "agreements": [{"provider": "stripe", "customer": "cus_1"}],
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Command:
    """`makegood` in a folder of its own, with no setting from outside."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        """Run in this process."""
        self._capsys.readouterr()
        code = main(arguments)
        told = self._capsys.readouterr()
        return Ran(code, told.out, told.err)

    def apart(self, *arguments: str, **settings: str) -> Ran:
        """Run as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "worker.cli", *arguments],
            cwd=self.folder,
            env=environment(settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def file(self, name: str, rows: Iterable[object]) -> str:
        """A file of JSON Lines; its name."""
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))
        return name


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKEGOOD_")}
    root = Path(__file__).parents[3]
    return {**outside, "PYTHONPATH": str(root), **{f"MAKEGOOD_{name}": value for name, value in settings.items()}}


def charge_event(charge: str, day: date, minor: int = 9900, customer: str = "cus_1", event: str = "") -> dict[str, Any]:
    """A Stripe `charge.succeeded` as an export holds it."""
    created = int(datetime(day.year, day.month, day.day, 18, tzinfo=UTC).timestamp())
    return {
        "id": event or f"evt_{charge}",
        "object": "event",
        "api_version": "2024-06-20",
        "created": created,
        "livemode": False,
        "type": "charge.succeeded",
        "data": {
            "object": {
                "id": charge,
                "object": "charge",
                "amount": minor,
                "amount_captured": minor,
                "amount_refunded": 0,
                "captured": True,
                "created": created,
                "currency": "usd",
                "customer": customer,
                "disputed": False,
                "livemode": False,
                "metadata": {},
                "paid": True,
                "refunded": False,
                "status": "succeeded",
            }
        },
    }
