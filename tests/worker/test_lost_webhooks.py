"""A month in which a third of the webhooks never arrive ends like one in which all do. The whole of it, with a night a
day, is `python -m benchmarks.lost_webhooks`; this is a sample."""

from __future__ import annotations

from pathlib import Path

from benchmarks.lost_webhooks import MONTHS, differences, live
from worker.sandbox.stories import world


def test_a_third_of_the_webhooks_lost_changes_no_finding_and_no_remedy(tmp_path: Path) -> None:
    made = world(24, MONTHS, 5)
    whole = live(made, tmp_path / "whole", 5, 0, every=15)
    lossy = live(made, tmp_path / "lossy", 5, 33, every=15)
    assert list(differences(whole, lossy)) == []
    assert len(whole.findings) > 10
    assert len(whole.remedies) > 10
    # The honest difference: what the endpoint lost is counted, of both providers, and makes no night incomplete.
    assert not whole.missed
    assert set(lossy.missed) == {"stripe charge", "paypal charge"}
    assert (whole.incomplete, lossy.incomplete) == ((), ())
