"""Killed at any moment, and not only between its steps, the night resumes to the same report. The whole of it, on both
databases, is `python -m benchmarks.nights`; this is a sample."""

from __future__ import annotations

from pathlib import Path

from benchmarks.nights import MONTHS, disturbed, placed
from worker.sandbox.stories import world

KILLS = 2


def test_killed_at_moments_spread_over_it_a_night_leaves_what_an_undisturbed_one_leaves(tmp_path: Path) -> None:
    with placed(world(6, MONTHS, 7), tmp_path, 7, "sqlite") as place:
        tally, _ = disturbed(place, KILLS, 7)
    assert tally.differing == []
    assert 0 < tally.kills <= KILLS
