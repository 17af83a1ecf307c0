"""Told to stop while there is much to do: what is held is finished, the rest stays for whoever comes next."""

from __future__ import annotations

from itertools import count

import pytest

from tests.worker import world as w
from tests.worker.money.house import House
from worker import judging
from worker.handling import drain
from worker.judging import judge_changed
from worker.money.executor import run_executor


def test_an_executor_that_is_told_to_stop_finishes_its_remedy_and_leaves_the_others(house: House) -> None:
    keys = [house.overcharge(n) for n in range(1, 4)]
    asked = count()
    run_executor(house.runtime, lambda: True, ended=lambda: next(asked) >= 1)
    assert sorted(house.state(key) for key in keys) == ["queued", "queued", "settled"]
    run_executor(house.runtime, lambda: True)
    assert {house.state(key) for key in keys} == {"settled"}
    assert len(house.bank.made) == 3


def test_a_worker_that_is_told_to_stop_judges_no_further(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "SCREEN", 200)
    plain = w.plain_inboxes(house.runtime)
    w.take_in(plain, *(w.row(f"M-{n}", w.stripe(n)) for n in range(300)))  # two parts
    asked = count()
    assert judge_changed(plain, lambda: next(asked) >= 0).memberships == 200
    assert drain(plain, lambda: True).total == 0
    assert judge_changed(plain).memberships == 100
