"""python -m benchmarks.crashes [--database sqlite|postgres|both] [--sample N] [--seed N] [--out FILE]

Kills a real executor process (SIGKILL) at every point of a remedy's way out, under every fault of the provider, one and
two kills a run, then starts it again until nothing is on its way, and counts refunds doubled and refunds lost. Without
--sample every combination is tried. Writes the table of `docs/reliability.md`; ends with 1 if any refund was doubled or
lost."""

from __future__ import annotations

import argparse
import base64
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
from worker.runtime import Runtime, inboxes, rules

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

    def count(self, ended: Ended) -> None:
        self.tried += 1
        self.killed += ended.hit
        self.doubled += ended.doubled
        self.lost += ended.lost


@dataclass
class Table:
    """By crash point and by fault; `bad` are the runs that broke a promise."""

    points: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    faults: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    whole: Row = field(default_factory=Row)
    bad: list[str] = field(default_factory=list)

    def count(self, scenario: Scenario, ended: Ended) -> None:
        self.whole.count(ended)
        for point in dict.fromkeys(scenario.die_at):
            self.points[point].count(ended)
        self.faults[scenario.script[0] if scenario.script else NO_FAULT].count(ended)
        if ended.doubled or ended.lost:
            self.bad.append(f"{scenario}: {ended}")


def scenarios() -> list[Scenario]:
    """Every point; every point under every fault; every two kills under each of the faults that leave a doubt."""
    kinds = ("refund", "credit", "cancel")
    found = [Scenario((p,), (), ("503",), provider, kind) for p, provider, kind in product(POINTS, PROVIDERS, kinds)]
    for point, fault, provider, kind in product(POINTS, FAULTS, PROVIDERS, ("refund", "credit")):
        found.append(Scenario((point,), (fault,), (), provider, kind))
    doubts = ((), ("lost",), ("dropped",), ("late",), ("lost", "lost"), ("late", "dropped"))
    for a, b, script, provider in product(REFUNDING, REFUNDING, doubts, PROVIDERS):
        found.append(Scenario((a, b), script, (), provider))
    return found


def main() -> int:
    arguments = _arguments()
    chosen = scenarios()
    if arguments.sample:
        chosen = random.Random(arguments.seed).sample(chosen, min(arguments.sample, len(chosen)))  # noqa: S311 - to be repeated
    table, begun = Table(), time.monotonic()
    kinds = ("sqlite", "postgres") if arguments.database == "both" else (arguments.database,)
    for kind in kinds:
        with _house(kind) as (house, forker):
            for n, scenario in enumerate(chosen, 1):
                w.wipe(house.runtime)
                house.bank.reset(house.clock)
                table.count(scenario, run(house, forker, scenario))
                if n % 200 == 0:
                    sys.stderr.write(f"{kind}: {n} of {len(chosen)} in {time.monotonic() - begun:.0f} s\n")
    text = "\n".join(_page(table, kinds)) + "\n"
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        arguments.out.write_text(text, encoding="utf-8")
    for line in table.bad[:20]:
        sys.stderr.write(f"{line}\n")
    return 1 if table.bad else 0


def _page(table: Table, kinds: Sequence[str]) -> Iterator[str]:
    whole = table.whole
    ended = f"{whole.doubled} doubled, {whole.lost} lost"
    yield f"{whole.tried} runs on {' and '.join(kinds)}, {whole.killed} kills: {ended}."
    for heading, rows in (("crash point", table.points), ("provider's first answer", table.faults)):
        yield ""
        yield f"| {heading} | runs | kills | doubled | lost |"
        yield "|---|---:|---:|---:|---:|"
        for name in sorted(rows):
            row = rows[name]
            yield f"| {name} | {row.tried} | {row.killed} | {row.doubled} | {row.lost} |"


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
    parser.add_argument("--sample", type=int, default=0, help="so many of the combinations, drawn with --seed")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
