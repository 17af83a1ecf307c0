"""python -m benchmarks.reconcile [--memberships N] [--rounds N] [--url URL]

The full reconcile, beside others who do the plain part of the same job, each a whole process (imports included) on the
same data in one run: medians of `--rounds`, as ratios to DuckDB's bare join over Parquet. Ends with 1 where anybody's
findings are not the truth. DuckDB and Polars are fetched from PyPI into environments of their own in ~/.cache. `--url`
is an empty database to use; without it a server is started. Of two processes the second is up when the first begins, as
`makegood work` is."""

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select, update

from benchmarks import lab
from benchmarks.charges import AS_OF, ZONE, Life, lives
from benchmarks.loading import forget_judgements, load
from benchmarks.peers import note_memory
from benchmarks.ratios import Ratio, over
from benchmarks.venvs import environment, python_with
from worker.engine import make_engine, migrate
from worker.runtime import Runtime
from worker.schema import findings, memberships
from worker.store.due import Wanted
from worker.store.sql import run

OURS = ("makegood, 1 process", "makegood, 2 processes")
AGAIN, TOUCHED = "again, 1 process", "1 % touched"
PEERS = ("duckdb", "polars", "postgres", "python")
LIBRARIES = {
    "duckdb": ("duckdb==2.0.1", "pyarrow==26.0.1"),
    "polars": ("polars==2.1.0", "pyarrow==26.0.1"),
}  # pyarrow only makes the files
EVERYBODY = (*PEERS, *OURS, AGAIN, TOUCHED)
NOT_ON_SQLITE = ("postgres", "python", OURS[1])
RUN = "the benchmark's"


@dataclass(frozen=True)
class Ended:
    """A process that is over: how long it took, and its greatest memory (a helper's apart)."""

    seconds: float
    megabytes: float


@dataclass
class Measured:
    """Each one's rounds by its name; what each found last, as pairs of charge and kind; `wrong` says whose findings are
    not the truth, `missing` who could not be had."""

    charges: int
    memberships: int
    rows: dict[str, list[Ended]] = field(default_factory=dict)
    found: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def seconds(self, name: str) -> float | None:
        """The median."""
        return statistics.median(one.seconds for one in self.rows[name]) if name in self.rows else None

    def megabytes(self, name: str) -> float:
        return max(one.megabytes for one in self.rows[name])


def main() -> int:
    told = _arguments()
    if told.part:
        return _part(told.part, told.url)
    names = [name for name in EVERYBODY if told.database != "sqlite" or name not in NOT_ON_SQLITE]
    measured = measure(told.memberships, told.rounds, names, url=told.url, database=told.database)
    sys.stdout.write("\n".join(_page(measured)) + "\n")
    for line in measured.wrong:
        lab.say(f"NOT THE TRUTH: {line}")
    return 1 if measured.wrong else 0


def measure(
    memberships: int, rounds: int, names: Sequence[str], *, url: str | None = None, database: str = "postgres"
) -> Measured:
    """So many rounds of each in turn, on one set of data."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="makegood-reconcile-")))
        url = stack.enter_context(_database(url, database))
        engine = make_engine(url)
        migrate(engine)
        truth = _truth(memberships)
        measured = Measured(load(engine, lives(memberships)), memberships)
        lab.say(f"{memberships} memberships are made and loaded")
        pythons = _pythons(measured, names, folder)
        for n in range(rounds):
            for name in (name for name in names if name not in measured.missing):
                if name in OURS:
                    forget_judgements(engine)
                if name == TOUCHED:
                    _touch(engine)
                ended = _timed(name, folder, url, pythons.get(name, sys.executable))
                measured.rows.setdefault(name, []).append(ended)
                found = _found(engine) if name not in PEERS else _told(folder / f"{name}.tsv")
                measured.found[name] = found
                measured.wrong += [] if found == truth else [f"{name}: {len(found)} findings, of {len(truth)}"]
                lab.say(f"round {n + 1}: {name}: {ended.seconds:.2f} s")
        engine.dispose()
    return measured


def ratios(million: Measured, tenth: Measured, sqlite: Measured) -> Iterator[Ratio]:
    """What was measured (everything; a tenth of it on Postgres and on SQLite), held against the targets."""
    one, two, again = (million.seconds(name) for name in (*OURS, AGAIN))
    yield Ratio(
        "runs whose findings are not the truth",
        len([*million.wrong, *tenth.wrong, *sqlite.wrong]),
        0,
        at_most=True,
        unit="",
    )
    yield over("everything, of DuckDB's bare join", one, million.seconds("duckdb"), 2.2, at_most=True)
    yield over("everything, of Polars' bare join", one, million.seconds("polars"))
    yield over("everything, of plain Python", one, million.seconds("python"), 0.3, at_most=True)
    yield over("everything, of SQL in Postgres", one, million.seconds("postgres"), 0.4, at_most=True)
    yield Ratio("everything, memory", million.megabytes(OURS[0]), 600, at_most=True, unit=" MB")
    yield over("everything again, of the first time", again, one)
    yield over("1 % touched, of everything again", million.seconds(TOUCHED), again, 0.1, at_most=True)
    yield over("two workers, times as fast as one", one, two, 1.7)
    yield over("ten times the memberships, times as long", one, tenth.seconds(OURS[0]), 10, at_most=True)
    yield over("SQLite, of Postgres", sqlite.seconds(OURS[0]), tenth.seconds(OURS[0]), 1.3, at_most=True)


def growth(one: Measured, five: Measured) -> Iterator[Ratio]:
    """Five times the data beside once, held against the targets."""
    yield Ratio("runs whose findings are not the truth", len([*one.wrong, *five.wrong]), 0, at_most=True, unit="")
    yield Ratio("memory", five.megabytes(OURS[0]), 512, at_most=True, unit=" MB")
    yield over("times as long as a million", five.seconds(OURS[0]), one.seconds(OURS[0]), 7.5, at_most=True)


def _page(measured: Measured) -> Iterator[str]:
    yield f"{measured.charges} charges of {measured.memberships} memberships; {lab.machine()}."
    yield ""
    yield "| who | seconds | / duckdb | MB |"
    yield "|---|---:|---:|---:|"
    base = measured.seconds("duckdb")
    for name in measured.rows:
        seconds = measured.seconds(name) or 0.0
        ratio = f"{seconds / base:.2f}" if base else ""
        yield f"| {name} | {seconds:.2f} | {ratio} | {measured.megabytes(name):.0f} |"
    for name, why in measured.missing.items():
        yield f"| {name} | not run: {why} | | |"


def _pythons(measured: Measured, names: Sequence[str], folder: Path) -> dict[str, str]:
    """With which Python the peers run that are not ours; notes those that cannot be had."""
    pythons: dict[str, str] = {}
    for name in (name for name in names if name in LIBRARIES):
        try:
            pythons[name] = python_with(name, *LIBRARIES[name])
        except lab.CannotMeasureError as why:
            measured.missing[name] = str(why)
    if pythons:
        _tables(folder, lives(measured.memberships))
        argv = [next(iter(pythons.values())), "-m", "benchmarks.peers", "parquet", str(folder), ""]
        subprocess.run(argv, check=True, env=environment())  # noqa: S603 - our own words
    return pythons


def _timed(name: str, folder: Path, url: str, python: str) -> Ended:
    plain = url.replace("postgresql+psycopg", "postgresql")
    argv = ["-m", "benchmarks.peers", name, str(folder), plain] if name in PEERS else ["-m", "benchmarks.reconcile"]
    argv += [] if name in PEERS else ["--part", name, "--url", url]
    memory, bell = folder / "memory", folder / "bell"
    told = environment(MEMORY_FILE=str(memory), BELL=str(bell))
    with lab.undisturbed(), _second_worker(url, told, bell) if name == OURS[1] else nullcontext():
        begun = time.perf_counter()
        done = subprocess.run([python, *argv], check=False, env=told)  # noqa: S603 - our own words
        took = time.perf_counter() - begun
    if done.returncode:
        raise lab.CannotMeasureError(f"{name} failed")
    return Ended(took, int(memory.read_text(encoding="ascii")) / 1024)


@contextmanager
def _second_worker(url: str, told: dict[str, str], bell: Path) -> Iterator[None]:
    """A worker that is up and waits for the bell, as `makegood work` does."""
    os.mkfifo(bell)
    argv = [sys.executable, "-m", "benchmarks.reconcile", "--part", "helper", "--url", url]
    with subprocess.Popen(argv, env=told, stdout=subprocess.PIPE) as worker:  # noqa: S603 - our own words
        if worker.stdout is None or worker.stdout.readline() != b"up\n":
            raise lab.CannotMeasureError("the second worker did not come up")
        try:
            yield
            if worker.wait(60):
                raise lab.CannotMeasureError("the second worker failed")
        finally:
            worker.kill()
            bell.unlink()


def _part(name: str, url: str) -> int:
    """One of our own runs, in a process of its own."""
    from config import logging
    from worker.judging import reconcile_all
    from worker.sharing import help_with, judge_shared

    logging.configure("WARNING")  # as the command does
    runtime = _runtime(url)
    bell = Path(os.environ.get("BELL", ""))

    def wake(_run: str, _count: int) -> None:
        bell.write_text("now", encoding="ascii")

    def help_when_woken() -> None:
        run(runtime.engine, lambda conn: conn.execute(select(1)))
        sys.stdout.write("up\n")
        sys.stdout.flush()
        bell.read_text(encoding="ascii")
        help_with(runtime, RUN)

    parts: dict[str, Callable[[], object]] = {
        OURS[0]: lambda: reconcile_all(runtime, AS_OF, everything=True),
        OURS[1]: lambda: judge_shared(runtime, Wanted(AS_OF, everything=True), RUN, wake),
        "helper": help_when_woken,
        AGAIN: lambda: reconcile_all(runtime, AS_OF, everything=True),
        TOUCHED: lambda: reconcile_all(runtime, AS_OF),
    }
    parts[name]()
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


def _tables(folder: Path, everyone: Iterator[Life]) -> None:
    """The flat tables as CSV: members, and charges in order of time."""
    charges: list[tuple[str, str, int, str, str]] = []
    with (folder / "members.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("ref", "anchor", "price", "ended_on"))
        for life in everyone:
            one = life.membership
            out.writerow((one.ref, one.started_on, one.plan.price.minor, one.ended_on or ""))
            for taken in life.taken:
                at, minor = taken.charge.taken_at, taken.charge.amount.minor
                day = at.astimezone(ZONE).date().isoformat()
                charges.append((one.ref, str(taken.charge.ref), minor, at.replace(tzinfo=None).isoformat(), day))
    with (folder / "charges.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("membership", "id", "minor", "taken", "day"))
        out.writerows(sorted(charges, key=lambda row: row[3]))


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
