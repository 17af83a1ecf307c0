"""What a clock has done beside it."""

from __future__ import annotations

import threading

from worker.clock import Errands


def test_an_errand_is_never_under_way_twice_and_one_that_fails_is_started_again() -> None:
    errands, go, ran = Errands(), threading.Event(), list[str]()

    def slow() -> None:
        go.wait(10)
        ran.append("slow")

    def broken() -> None:
        ran.append("broken")
        raise RuntimeError("a fault of the program")

    assert errands.start("night", slow)
    assert not errands.start("night", slow)
    assert errands.start("alerts", broken)  # the one does not wait for the other
    go.set()
    errands.end()
    assert errands.start("alerts", broken)
    errands.end()
    assert sorted(ran) == ["broken", "broken", "slow"]
