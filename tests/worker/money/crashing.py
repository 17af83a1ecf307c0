"""One crash scenario: the executor is killed at a point, perhaps after the provider misbehaved, and started again until
nothing is on its way. The suite tries a sample; `python -m benchmarks.crashes` tries them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.worker.money.forker import KILLED, WARM, Forker
from tests.worker.money.house import EXCESS, House
from worker.money.points import CALLS, POINTS

RUNS_MAX = 100


@dataclass(frozen=True)
class Scenario:
    """Killed at each of `die_at` in turn, while the provider's first answers are `script`."""

    die_at: tuple[str, ...]
    script: tuple[str, ...] = ()
    provider: str = "stripe"
    kind: str = "refund"


@dataclass(frozen=True)
class Ended:
    """How it ended. `hit`: how many of the kills happened; a point that is not on the way kills nobody."""

    hit: int
    state: str
    back: int
    refunds: int
    runs: int
    violations: tuple[str, ...]

    @property
    def doubled(self) -> bool:
        return self.refunds > 1 or self.back > EXCESS or bool(self.violations)

    @property
    def lost(self) -> bool:
        return self.state != "settled" or self.refunds == 0


def warm(house: House, forker: Forker) -> None:
    """Let the process that forks refund once itself."""
    house.overcharge()
    forker.issue(_settings(house), house.clock(), WARM)
    assert not house.open_ends()


def run(house: House, forker: Forker, scenario: Scenario) -> Ended:
    """Live one scenario to its end."""
    key = house.overcharge(provider=scenario.provider)
    charge = key.rpartition(":")[2]
    house.bank.script.extend(scenario.script)
    kills, hit, runs = list(scenario.die_at), 0, 0
    while house.open_ends() and runs < RUNS_MAX:
        runs += 1
        code = forker.issue(_settings(house), house.clock(), kills[0] if kills else "")
        if code == KILLED:
            hit += 1
            kills.pop(0)
        elif code != 0:
            raise AssertionError(f"the executor ended with {code} in {scenario}")
        house.to_next_event()
    made = house.bank.ours(charge)
    return Ended(hit, house.state(key), sum(one.minor for one in made), len(made), runs, tuple(house.bank.violations))


def _settings(house: House) -> dict[str, object]:
    told = house.runtime.settings
    return {
        "database_url": told.database_url,
        "mode": "live",
        "cooling_hours": told.cooling_hours,
        "breaker_percent": 100,
        "stripe_api_key": "sk_live_made_up_for_tests",
        "paypal_client_id": "client",
        "paypal_client_secret": "secret",
        "stripe_api_base": told.stripe_api_base,
        "paypal_api_base": told.paypal_api_base,
    }


def single(provider: str) -> Sequence[Scenario]:
    """Every point, the provider behaving."""
    return [Scenario((point,), provider=provider) for point in POINTS]


def calls() -> tuple[str, ...]:
    return tuple(f"{name}:{moment}" for name in CALLS for moment in ("before_call", "after_call"))
