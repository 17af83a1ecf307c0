"""python -m benchmarks.reconcile [--memberships N] [--rounds N] [--url URL]

The full reconcile, beside others who do the plain part of the same job, each a whole process (imports included) on the
same data in one run: medians of `--rounds`, as ratios to DuckDB's bare join over Parquet. Ends with 1 where anybody's
findings are not the truth. Needs `pip install duckdb pyarrow` beside the test lock. `--url` is a server to make a
database on; without it one is started."""

from __future__ import annotations

import argparse
import base64
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select, update

from benchmarks import lab
from benchmarks.charges import AS_OF, ZONE, Life, lives
from benchmarks.loading import forget_judgements, load
from benchmarks.peers import note_memory
from worker.engine import make_engine, migrate
from worker.runtime import Runtime
from worker.schema import findings, memberships
from worker.store.due import Wanted

OURS = ("makegood, 1 process", "makegood, 2 processes")
PEERS = ("duckdb", "postgres", "python")
RUN = "the benchmark's"


@dataclass
class Ended:
    """A process that is over: how long it took, and its greatest memory (a helper's apart)."""

    seconds: float
    megabytes: float


def main() -> int:
    arguments = _arguments()
    if arguments.part:
        return _part(arguments.part, arguments.url)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="makegood-reconcile-")))
        url = stack.enter_context(_database(arguments.url, arguments.database))
        engine = make_engine(url)
        migrate(engine)
        truth = _truth(arguments.memberships)
        lab.say(f"{arguments.memberships} memberships are made and loaded")
        charges = load(engine, lives(arguments.memberships))
        _parquet(folder, lives(arguments.memberships))
        rows: dict[str, list[Ended]] = {}
        bad = []
        for n in range(arguments.rounds):
            for name in (*PEERS, *OURS, "again, 1 process", "1 % touched"):
                if url.startswith("sqlite") and name in {"postgres", "python", OURS[1]}:
                    continue
                if name in OURS:
                    forget_judgements(engine)
                if name.startswith("1 %"):
                    _touch(engine)
                rows.setdefault(name, []).append(_timed(name, folder, url))
                found = _found(engine) if name not in PEERS else _told(folder / f"{name}.tsv")
                bad += [] if found == truth else [f"{name}: {len(found)} findings, of {len(truth)}"]
                lab.say(f"round {n + 1}: {name}: {rows[name][-1].seconds:.2f} s")
        sys.stdout.write("\n".join(_page(rows, charges, arguments.memberships)) + "\n")
        for line in bad:
            lab.say(f"NOT THE TRUTH: {line}")
        engine.dispose()
    return 1 if bad else 0


def _page(rows: dict[str, list[Ended]], charges: int, members: int) -> Iterator[str]:
    yield f"{charges} charges of {members} memberships; {lab.machine()}."
    yield ""
    yield "| who | seconds | / duckdb | MB |"
    yield "|---|---:|---:|---:|"
    base = statistics.median(one.seconds for one in rows["duckdb"])
    for name, ended in rows.items():
        seconds = statistics.median(one.seconds for one in ended)
        yield f"| {name} | {seconds:.2f} | {seconds / base:.2f} | {max(one.megabytes for one in ended):.0f} |"


def _timed(name: str, folder: Path, url: str) -> Ended:
    plain = url.replace("postgresql+psycopg", "postgresql")
    argv = ["-m", "benchmarks.peers", name, str(folder), plain] if name in PEERS else ["-m", "benchmarks.reconcile"]
    argv += [] if name in PEERS else ["--part", name, "--url", url]
    memory = folder / "memory"
    with lab.undisturbed():
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, *argv], check=False, env={**os.environ, "MEMORY_FILE": str(memory)})  # noqa: S603 - our own words
        took = time.perf_counter() - begun
    if done.returncode:
        raise lab.CannotMeasureError(f"{name} failed")
    return Ended(took, int(memory.read_text(encoding="ascii")) / 1024)


def _part(name: str, url: str) -> int:
    """One of our own runs, in a process of its own."""
    from config import logging
    from worker.judging import reconcile_all
    from worker.sharing import help_with, judge_shared

    logging.configure("WARNING")  # as the command does
    runtime = _runtime(url)
    helpers: list[subprocess.Popen[bytes]] = []

    def wake(_run: str, _count: int) -> None:
        argv = [sys.executable, "-m", "benchmarks.reconcile", "--part", "helper", "--url", url]
        helpers.append(subprocess.Popen(argv))  # noqa: S603 - our own words

    parts: dict[str, Callable[[], object]] = {
        OURS[0]: lambda: reconcile_all(runtime, AS_OF, everything=True),
        OURS[1]: lambda: judge_shared(runtime, Wanted(AS_OF, everything=True), RUN, wake),
        "helper": lambda: help_with(runtime, RUN),
        "again, 1 process": lambda: reconcile_all(runtime, AS_OF, everything=True),
        "1 % touched": lambda: reconcile_all(runtime, AS_OF),
    }
    parts[name]()
    for helper in helpers:
        helper.wait()
    if name != "helper":
        note_memory()
    return 0


def _runtime(url: str) -> Runtime:
    from pydantic import SecretStr

    from config.settings import Settings
    from worker.runtime import build

    key = SecretStr(base64.b64encode(bytes(32)).decode())
    # So many errors would trip the breaker, which then holds all remedies: another job than the one compared here.
    return build(Settings(database_url=url, encryption_keys=(key,), breaker_percent=100))


def _touch(engine: Engine) -> None:
    with engine.begin() as conn:
        some = select(memberships.c.ref).where(memberships.c.ref.like("%37"))
        conn.execute(update(memberships).where(memberships.c.ref.in_(some)).values(touched=True))


def _truth(count: int) -> set[tuple[str, str]]:
    return {(str(one.charge.ref), one.wrong) for life in lives(count) for one in life.taken if one.wrong}


def _found(engine: Engine) -> set[tuple[str, str]]:
    with engine.begin() as conn:
        return {(charge, kind) for charge, kind in conn.execute(select(findings.c.charge, findings.c.kind))}


def _told(file: Path) -> set[tuple[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return {(id_, kind) for id_, kind in csv.reader(lines, delimiter="\t")}


def _parquet(folder: Path, everyone: Iterator[Life]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    members: list[dict[str, object]] = []
    charges: list[dict[str, object]] = []
    for life in everyone:
        one = life.membership
        members.append(
            {"ref": one.ref, "anchor": one.started_on, "price": one.plan.price.minor, "ended_on": one.ended_on}
        )
        for taken in life.taken:
            at = taken.charge.taken_at
            told = {"membership": one.ref, "id": str(taken.charge.ref), "minor": taken.charge.amount.minor}
            charges.append({**told, "taken": at, "day": at.astimezone(ZONE).date()})
    charges.sort(key=lambda row: str(row["taken"]))
    for name, rows in (("members", members), ("charges", charges)):
        parquet.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")


@contextmanager
def _database(url: str | None, kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="makegood-sqlite-") as folder:
            yield f"sqlite:///{folder}/makegood.db"
    elif url is not None:
        yield url
    else:
        with lab.postgres() as server:
            yield server.url


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memberships", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", help="an empty Postgres database to use instead of one that is started")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
