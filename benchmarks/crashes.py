"""python -m benchmarks.crashes [--database sqlite|postgres|both] [--minutes N] [--seed N] [--out FILE]

Kills a real executor process (SIGKILL) at every point of a remedy's way out, under every fault of the provider, one and
two kills a run, then starts it again until nothing is on its way, and counts refunds doubled and refunds lost. Beside
it the same is done to a plain retrying actor: a fresh key for each try, and a redelivery after each death.

Without --minutes every combination is tried; with it as many as the time allows, drawn with --seed, and each point as
often as any other. Writes the table of `docs/reliability.md`; ends with 1 if any refund was doubled or lost."""

from __future__ import annotations

import argparse
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from benchmarks.plain import plainly
from tests import servers
from tests.conftest import ROOT
from tests.worker import world as w
from tests.worker.conftest import Clock, put_together
from tests.worker.money.bank import FAULTS, open_bank
from tests.worker.money.crashing import Ended, Scenario, run, warm
from tests.worker.money.forker import Forker, forking
from tests.worker.money.house import House, live_settings
from worker.engine import migrate
from worker.money.points import POINTS
from worker.runtime import utc_now

PROVIDERS = ("stripe", "paypal")
NO_FAULT = "none"
# What a refund passes, in whatever comes between.
OTHERS = {"credit", "find_credit", "cancel", "release"}
AROUND_THE_CALL = ("refund:after_call", "record:before_commit", "refund:before_call", "record:after_commit")
REFUNDING = tuple(point for point in POINTS if point.partition(":")[0] not in OTHERS)


@dataclass
class Row:
    """What became of the runs of one line of the table."""

    tried: int = 0
    killed: int = 0
    doubled: int = 0
    lost: int = 0
    plainly: int = 0  # refunds doubled by the plain actor

    def count(self, ended: Ended, *, plainly: bool) -> None:
        self.tried += 1
        self.killed += ended.hit
        self.doubled += ended.doubled
        self.lost += ended.lost
        self.plainly += plainly


@dataclass
class Table:
    """By crash point, by fault and by database; `bad` are the runs that broke a promise."""

    databases: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    points: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    faults: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    whole: Row = field(default_factory=Row)
    bad: list[str] = field(default_factory=list)

    def count(self, kind: str, scenario: Scenario, ended: Ended, *, plainly: bool) -> None:
        self.whole.count(ended, plainly=plainly)
        self.databases[kind].count(ended, plainly=plainly)
        for point in dict.fromkeys(scenario.die_at):
            self.points[point].count(ended, plainly=plainly)
        self.faults[scenario.script[0] if scenario.script else NO_FAULT].count(ended, plainly=plainly)
        if ended.doubled or ended.lost:
            self.bad.append(f"{scenario}: {ended}")


def combinations() -> list[list[Scenario]]:
    """Every point without a fault of the provider; every point under every fault; every two kills of a refund under
    each of the faults that leave a doubt. Each where the point is on the way."""
    kinds = ("refund", "credit", "cancel")
    calm = [Scenario((point,), (), ("503",), *how) for point, *how in product(POINTS, PROVIDERS, kinds)]
    faulty = [
        Scenario((point,), (fault,), (), *how)
        for point, fault, *how in product(POINTS, FAULTS, PROVIDERS, ("refund", "credit"))
    ]
    doubts = ((), ("lost",), ("dropped",), ("late",), ("lost", "lost"), ("late", "dropped"))
    twice = [
        Scenario((a, b), script, (), provider)
        for a, b, script, provider in product(REFUNDING, REFUNDING, doubts, PROVIDERS)
    ]
    return [[one for one in some if on_the_way(one)] for some in (calm, faulty, twice)]


def on_the_way(scenario: Scenario) -> bool:
    """Whether the scenario's first point is one that it passes."""
    told = {
        "refund": scenario.kind == "refund",
        "credit": (scenario.kind, scenario.provider) == ("credit", "stripe"),
        "find_credit": (scenario.kind, scenario.provider) == ("credit", "stripe") and scenario.script[:1] == ("lost",),
        "cancel": scenario.kind == "cancel",
        "look_at_refund": (scenario.kind, scenario.provider) == ("refund", "paypal")
        and scenario.script[:1] == ("pending",),
    }
    return told.get(scenario.die_at[0].partition(":")[0], True)


def spread(kinds: Sequence[Sequence[Scenario]], seed: int) -> list[Scenario]:
    """All of them, shuffled, and in such an order that wherever one stops each point was tried about as often as any
    other, those around the refund's call first, and with each kind of combination."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    waiting: dict[str, list[list[Scenario]]] = {point: [] for point in (*AROUND_THE_CALL, *POINTS)}
    for some in kinds:
        for point, heaps in waiting.items():
            heap = [one for one in some if one.die_at[0] == point]
            chance.shuffle(heap)
            heaps.append(heap)
    found = []
    while any(heaps for heaps in waiting.values()):
        for heaps in waiting.values():
            while heaps and not heaps[0]:
                heaps.pop(0)
            if heaps:
                found.append(heaps[0].pop())
                heaps.append(heaps.pop(0))
    return found


def main() -> int:
    arguments = _arguments()
    chosen = spread(combinations(), arguments.seed)
    kinds = ("sqlite", "postgres") if arguments.database == "both" else (arguments.database,)
    table, begun = Table(), time.monotonic()
    for kind in kinds:
        with _house(kind) as (house, forker):
            until = time.monotonic() + arguments.minutes * 60 / len(kinds) if arguments.minutes else None
            _try(table, kind, house, forker, chosen, until)
    text = "\n".join(_page(table, len(chosen) * len(kinds), arguments.seed, time.monotonic() - begun)) + "\n"
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        arguments.out.write_text(text, encoding="utf-8")
    for line in table.bad[:20]:
        sys.stderr.write(f"{line}\n")
    return 1 if table.bad else 0


def _try(  # noqa: PLR0917 - what is tried, on what, into which table
    table: Table, kind: str, house: House, forker: Forker, chosen: Sequence[Scenario], until: float | None
) -> None:
    for scenario in chosen:
        if until is not None and time.monotonic() > until:
            break
        w.wipe(house.runtime)
        house.bank.reset(house.clock)
        ended = run(house, forker, scenario)
        house.bank.reset(house.clock)
        table.count(kind, scenario, ended, plainly=plainly(house, scenario))
        if table.whole.tried % 100 == 0:
            sys.stderr.write(f"{kind}: {table.whole.tried}\n")


def _page(table: Table, possible: int, seed: int, seconds: float) -> Iterator[str]:
    whole, model = table.whole, _machine()
    yield (
        f"{utc_now():%Y-%m-%d}, commit {_commit()}, {model}, seed {seed}: {whole.tried} runs of the {possible} that "
        f"there are, in {seconds / 60:.0f} minutes, {whole.killed} kills: {whole.doubled} doubled, {whole.lost} lost. "
        f"The plain retrying actor doubled {whole.plainly}."
    )
    tables = ("database", table.databases), ("killed at", table.points), ("provider's first answer", table.faults)
    for heading, rows in tables:
        yield ""
        yield f"| {heading} | runs | kills | doubled | lost | a plain actor doubled |"
        yield "|---|---:|---:|---:|---:|---:|"
        for name in sorted(rows):
            row = rows[name]
            yield f"| {name} | {row.tried} | {row.killed} | {row.doubled} | {row.lost} | {row.plainly} |"


def _machine() -> str:
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next((line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")), "")
    return f"{os.cpu_count()} cores{f' of {model}' if model else ''}, Python {platform.python_version()}"


def _commit() -> str:
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    return told.stdout.strip()


@contextmanager
def _house(kind: str) -> Iterator[tuple[House, Forker]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder / 'makegood.db'}"
        if kind == "postgres":
            server = stack.enter_context(servers.postgres())
            url = server.url(server.create_database())
        clock = Clock()
        made = stack.enter_context(closing(put_together(live_settings(url), clock)))
        migrate(made.engine)
        made.prepare()
        house = House(made, stack.enter_context(open_bank(clock)), clock)
        forker = stack.enter_context(forking(folder))
        warm(house, forker)
        yield house, forker


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--minutes", type=float, default=0.0, help="as many of the combinations as that allows")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
