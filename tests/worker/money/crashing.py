"""One crash scenario: the executor is killed at a point, perhaps after the provider misbehaved, and started again until
nothing is on its way. The suite tries a sample; `python -m benchmarks.crashes` tries them all."""

from __future__ import annotations

from dataclasses import dataclass

from tests.worker.money.bank import CREDENTIALS
from tests.worker.money.forker import KILLED, WARM, Forker
from tests.worker.money.house import EXCESS, House

RUNS_MAX = 100
PENDING_RUNS = 6  # after so many, what is pending settles


@dataclass(frozen=True)
class Scenario:
    """Killed at each of `die_at` in turn, while the provider's first answers are `script`."""

    die_at: tuple[str, ...]
    script: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
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


def run(house: House, forker: Forker, scenario: Scenario, *, first_s: float = 0.0) -> Ended:
    """Live one scenario to its end. `first_s`: how long nobody starts an executor again after the first."""
    key = begin(house, scenario)
    house.bank.script.extend(scenario.script)
    house.bank.looks.extend(scenario.looks)
    kills, hit, runs = list(scenario.die_at), 0, 0
    while house.open_ends() and runs < RUNS_MAX:
        runs += 1
        code = forker.issue(_settings(house), house.clock(), kills[0] if kills else "")
        if code == KILLED:
            hit += 1
            kills.pop(0)
        elif code != 0:
            raise AssertionError(f"the executor ended with {code} in {scenario}")
        house.to_next_event() if runs > 1 or not first_s else house.later(seconds=first_s)
        if runs > PENDING_RUNS:
            _settle(house, key)
    return Ended(hit, house.state(key), *_made(house, key, scenario), runs, tuple(house.bank.violations))


def begin(house: House, scenario: Scenario) -> str:
    """What is to be made good, and how: a refund, a credit at the provider, one on our own books, or an agreement
    that is to end."""
    if scenario.kind == "cancel":
        house.grants("refund")
        return house.bleeding(scenario.provider)
    house.grants(scenario.kind)
    return house.overcharge(provider=scenario.provider)


def _made(house: House, key: str, scenario: Scenario) -> tuple[int, int]:
    """How much went back under the remedy's mark, and in how many parts."""
    if scenario.kind == "cancel":
        return 0, len(house.bank.ended)
    booked = house.booked(key)
    made = [one.minor for one in house.bank.ours(key.rpartition(":")[2])]
    return sum(made) + sum(booked), len(made) + len(booked)


def _settle(house: House, key: str) -> None:
    """What the provider had on its way arrives, and it tells so."""
    for made in house.bank.ours(key.rpartition(":")[2]):
        if made.status == "pending":
            house.tell(house.fact(house.bank.becomes(made, "succeeded")))


def _settings(house: House) -> dict[str, object]:
    told = house.runtime.settings
    return {
        "database_url": told.database_url,
        "mode": "live",
        "cooling_hours": told.cooling_hours,
        "breaker_percent": 100,
        "refund_or_credit": told.refund_or_credit,
        **CREDENTIALS,
        "stripe_api_base": told.stripe_api_base,
        "paypal_api_base": told.paypal_api_base,
    }
