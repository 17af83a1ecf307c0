"""python -m benchmarks.crashes [--database sqlite|postgres|both] [--minutes N] [--seed N] [--out FILE]

Kills a real executor process (SIGKILL) at every point of a remedy's way out, under every fault of the provider, one and
two kills a run, then starts it again until nothing is on its way, and counts refunds doubled and refunds lost. Beside
it the same is done to a plain retrying actor: a fresh key for each try, and a redelivery after each death.

Without --minutes every combination is tried; with it, each point first and then as many, drawn with --seed, as the time
allows. Writes the table of `docs/reliability.md`; ends with 1 if any refund was doubled or lost."""

from __future__ import annotations

import argparse
import base64
import os
import platform
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from sqlalchemy import event

from benchmarks.plain import plainly
from config import policies
from config.settings import Settings
from tests import servers
from tests.worker import world as w
from tests.worker.conftest import MASTER_KEY, Clock
from tests.worker.money.bank import FAULTS
from tests.worker.money.crashing import Ended, Scenario, run, warm
from tests.worker.money.doors import open_bank
from tests.worker.money.forker import Forker, forking
from tests.worker.money.house import House
from worker.crypt import Keyring
from worker.engine import make_engine, migrate
from worker.money.points import POINTS
from worker.runtime import Runtime, inboxes, rules, utc_now

PROVIDERS = ("stripe", "paypal")
NO_FAULT = "none"
# What a refund passes, in whatever comes between.
OTHERS = {"credit", "find_credit", "cancel", "release"}
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


def first_ones() -> list[Scenario]:
    """Every point, at both providers, where it is passed."""
    found = [
        Scenario((p,), (), ("503",), *how) for p, *how in product(POINTS, PROVIDERS, ("refund", "credit", "cancel"))
    ]
    found += [Scenario((point,), ("pending",), (), "paypal") for point in POINTS if "look_at_refund" in point]
    return found + [Scenario((point,), ("lost",), (), "stripe", "credit") for point in POINTS if "find_credit" in point]


def more_of_them() -> list[Scenario]:
    """Every point under every fault; every two kills under each of the faults that leave a doubt."""
    found = [
        Scenario((point,), (fault,), (), *how)
        for point, fault, *how in product(POINTS, FAULTS, PROVIDERS, ("refund", "credit"))
    ]
    doubts = ((), ("lost",), ("dropped",), ("late",), ("lost", "lost"), ("late", "dropped"))
    for a, b, script, provider in product(REFUNDING, REFUNDING, doubts, PROVIDERS):
        found.append(Scenario((a, b), script, (), provider))
    return found


def main() -> int:
    arguments = _arguments()
    rest = more_of_them()
    random.Random(arguments.seed).shuffle(rest)  # noqa: S311 - to be repeated
    chosen = [*first_ones(), *rest]
    kinds = ("sqlite", "postgres") if arguments.database == "both" else (arguments.database,)
    table, begun = Table(), time.monotonic()
    for kind in kinds:
        with _house(kind) as (house, forker):
            until = time.monotonic() + arguments.minutes * 60 / len(kinds) if arguments.minutes else None
            _try(table, kind, house, forker, chosen, until)
    text = "\n".join(_page(table, len(chosen), time.monotonic() - begun)) + "\n"
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


def _page(table: Table, combinations: int, seconds: float) -> Iterator[str]:
    whole, model = table.whole, _machine()
    yield (
        f"{utc_now():%Y-%m-%d}, {model}: {whole.tried} runs ({combinations} combinations on each database, in "
        f"{seconds / 60:.0f} minutes), {whole.killed} kills: {whole.doubled} doubled, {whole.lost} "
        f"lost. The plain retrying actor doubled {whole.plainly}."
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


@contextmanager
def _house(kind: str) -> Iterator[tuple[House, Forker]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder / 'makegood.db'}"
        if kind == "postgres":
            server = stack.enter_context(servers.postgres())
            url = server.url(server.create_database())
        settings = Settings.model_validate(
            {
                "database_url": url,
                "encryption_keys": base64.b64encode(MASTER_KEY).decode(),
                "mode": "live",
                "cooling_hours": 0,
                "breaker_percent": 100,
            }
        )
        engine, clock, keyring = make_engine(url), Clock(), Keyring((MASTER_KEY,))
        stack.callback(engine.dispose)
        if settings.is_sqlite:
            event.listen(engine, "connect", lambda conn, _: conn.execute("PRAGMA synchronous=OFF"))
        migrate(engine)
        made = Runtime(settings, engine, keyring, inboxes(settings), rules(settings, policies.load()), clock)
        made.prepare()
        bank = stack.enter_context(open_bank(clock))
        house = House(made, bank, clock)
        house.start(clock, bank.urls)
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
