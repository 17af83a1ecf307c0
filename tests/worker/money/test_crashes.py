"""Killed with SIGKILL at every point, and started again: one refund, settled. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.worker import world as w
from tests.worker.money.crashing import Scenario, run, warm
from tests.worker.money.forker import Forker, forking
from tests.worker.money.house import House
from worker.money.points import POINTS, call, transaction

# What a refund that goes well passes; the others are passed after something went wrong.
STRAIGHT = ("claim", "look", "looked", "decide", "refund", "record", "judge", "reap")
ON_THE_WAY = [point for point in POINTS if point.partition(":")[0] in STRAIGHT]


@pytest.fixture(scope="module")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    folder: Path = tmp_path_factory.mktemp("forker")
    with forking(folder) as made:
        yield made


@pytest.fixture
def crashing(house: House, forker: Forker) -> Forker:
    """Warm, once for each database."""
    if house.runtime.settings.database_url not in forker.warmed:
        warm(house, forker)
        forker.warmed.add(house.runtime.settings.database_url)
        w.wipe(house.runtime)
        house.bank.reset(house.clock)
    return forker


@pytest.mark.parametrize("pair", list(zip(ON_THE_WAY[::2], ON_THE_WAY[1::2], strict=True)), ids="|".join)
def test_killed_anywhere_it_refunds_once(house: House, crashing: Forker, pair: tuple[str, str]) -> None:
    """Each point on one of the databases; `benchmarks.crashes` tries each on both."""
    point = pair[house.runtime.engine.dialect.name == "postgresql"]
    ended = run(house, crashing, Scenario((point,)))
    assert (ended.hit, ended.state, ended.refunds, ended.doubled) == (1, "settled", 1, False)


@pytest.mark.parametrize(("point", "fault"), [("refund:after_call", "late"), ("decide:after_commit", "dropped")])
def test_killed_again_while_looking_it_refunds_once(house: House, crashing: Forker, point: str, fault: str) -> None:
    ended = run(house, crashing, Scenario((point, "looked:after_commit", point), (fault, "lost"), provider="paypal"))
    assert (ended.state, ended.refunds, ended.doubled) == ("settled", 1, False)


@pytest.mark.parametrize(
    ("point", "scenario"),
    [
        ("credit:after_call", Scenario((), (), (), "stripe", "credit")),
        ("find_credit:after_call", Scenario((), ("lost",), (), "stripe", "credit")),
        ("decide:before_commit", Scenario((), (), (), "paypal", "credit")),
        ("cancel:after_call", Scenario((), (), (), "stripe", "cancel")),
        ("cancel:before_call", Scenario((), (), (), "paypal", "cancel")),
        ("look_at_refund:before_call", Scenario((), ("pending",), (), "paypal", "refund")),
        ("release:before_commit", Scenario((), (), ("503",), "stripe", "refund")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_killed_anywhere_a_credit_or_an_ending_comes_once(
    house: House, crashing: Forker, point: str, scenario: Scenario
) -> None:
    ended = run(house, crashing, replace(scenario, die_at=(point,)))
    assert (ended.hit, ended.state, ended.refunds, ended.doubled) == (1, "settled", 1, False)


def test_a_call_that_outlives_its_executor_by_hours_is_still_the_only_one(house: House, crashing: Forker) -> None:
    ended = run(house, crashing, Scenario(("refund:after_call",), ("late3",)), first_s=2 * 3600.0)
    assert (ended.state, ended.refunds, ended.doubled) == ("settled", 1, False)
    house.later(hours=4)
    assert len(house.bank.ours("ch_1")) == 1


def test_no_point_can_be_forgotten(house: House) -> None:
    with pytest.raises(ValueError, match="list of points"):
        transaction(house.runtime.engine, "unlisted", lambda conn: conn)
    with pytest.raises(ValueError, match="list of points"):
        call("unlisted", lambda: None)


def test_no_provider_is_asked_within_a_transaction(house: House) -> None:
    with pytest.raises(RuntimeError, match="within the transaction claim"):
        transaction(house.runtime.engine, "claim", lambda _: call("look", lambda: None))
