"""The command's fixtures."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from tests.worker.cli.world import DAYS, LEAST, Command, charge_event


@pytest.fixture
def makegood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in an empty folder, on the embedded database."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MAKEGOOD_")]:
        monkeypatch.delenv(name)
    return Command(tmp_path, capsys)


@pytest.fixture
def judged(makegood: Command) -> Command:
    """One member, charged twice in March, judged at its end."""
    events = [charge_event(f"ch_{day.month}", day) for day in DAYS]
    events.append(charge_event("ch_twice", date(2024, 3, 9)))
    assert makegood("import", "roster", makegood.file("r.jsonl", [LEAST])).code == 0
    assert makegood("import", "events", makegood.file("e.jsonl", events), "--provider", "stripe").code == 0
    assert makegood("reconcile", "--as-of", "2024-03-31").code == 0
    return makegood
