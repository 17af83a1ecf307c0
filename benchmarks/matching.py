"""python -m benchmarks.matching [--charges N ...] [--rounds N] [--members N]

makegood beside tools that match one set of records with another: seconds, memory, and how much of what is wrong each
names, kind by kind. Twice: on the clean charges of `benchmarks.reconcile`, where all have a key, and on the sandbox's
merchant, whom `makegood demo` is judged on. Each tool runs in an environment of its own in ~/.cache and is left out,
with the reason, where it cannot be had or is not over in five minutes.

None of them knows of memberships, so each is given the renewals and asked which of them each charge pays; what follows
from that is worked out for all by one rule (`benchmarks.scoring`), and is not timed. makegood is timed from the charges
to stored findings, remedies and audit; DuckDB's and Polars' plain join from Parquet to findings."""

from __future__ import annotations

import argparse
import csv
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import flat, lab, reconcile
from benchmarks.intake import makegood
from benchmarks.ratios import Ratio, over
from benchmarks.scoring import ALL, ANY, GROUPS, Flat, Score, judged, scores
from benchmarks.venvs import python_with
from worker.sandbox.stories import world

PANDAS = "pandas==2.3.3"
TOOLS = {
    "pandas": (PANDAS,),
    "polars": ("polars==2.1.0",),
    "recordlinkage": ("recordlinkage==0.16", PANDAS),
    "splink": ("splink==5.0.0", "duckdb==2.0.1", PANDAS),
    "reconcile-py": ("reconcile-py==0.1.0",),
}
OURS = reconcile.OURS[0]
JOINS = ("duckdb", "polars")
CHARGES_A_MEMBERSHIP = 9.83
TOOL_S = 300
MONTHS, SEED = 12, 7
PLAN, DUES = "the plan's price", "every renewal"


@dataclass(frozen=True)
class Row:
    """One tool on one set of data; `why` it was not run, where it was not."""

    who: str
    data: str
    seconds: float | None = None
    megabytes: float | None = None
    told: Mapping[str, Score] | None = None
    why: str = ""


@dataclass(frozen=True)
class Measured:
    """`clean` by number of charges; `sandbox` by what the tools were told of the renewals."""

    clean: dict[int, list[Row]]
    sandbox: list[Row]


def measure(sizes: Sequence[int], rounds: int, members: int) -> Measured:
    """Everybody, on clean data of about so many charges and on a sandbox of so many members."""
    return Measured({size: list(_clean(size, rounds)) for size in sizes}, list(_sandbox(members)))


def _clean(size: int, rounds: int) -> Iterator[Row]:
    memberships = max(1, round(size / CHARGES_A_MEMBERSHIP))
    told = reconcile.measure(memberships, rounds, (*JOINS, OURS))
    made = flat.clean(memberships)
    data = f"{len(made.charges):,} charges"
    for name in (*JOINS, OURS):
        who = f"{name}, a plain join" if name in JOINS else name
        if name in told.missing:
            yield Row(who, data, why=told.missing[name])
        else:
            score = scores(made.truth, dict(told.found[name]))
            yield Row(who, data, told.seconds(name), told.megabytes(name), score)
    for name in TOOLS:
        yield _run(name, made, data, rounds)


def _sandbox(members: int) -> Iterator[Row]:
    made = world(members, MONTHS, SEED)
    truth = flat.sandbox(made, dues=True)
    data = f"{len(truth.charges):,} charges"
    found = _demo(members)
    yield Row(OURS, data, told=scores(truth.truth, found))
    for name in TOOLS:
        for dues, given in ((True, DUES), (False, PLAN)):
            row = _run(name, flat.sandbox(made, dues=dues), data, 1)
            yield Row(f"{name}, given {given}", data, row.seconds, row.megabytes, row.told, row.why)


def _run(name: str, made: Flat, data: str, rounds: int) -> Row:
    with tempfile.TemporaryDirectory(prefix="makegood-matching-") as place:
        folder, took, memory = Path(place), [], []
        flat.write(made, folder)
        try:
            python = python_with(name, *TOOLS[name])
            for _ in range(rounds):
                took.append(_timed(python, name, folder))
                memory.append(int((folder / "memory").read_text(encoding="ascii")) / 1024)
        except lab.CannotMeasureError as why:
            lab.say(str(why))
            return Row(name, data, why=str(why))
        with (folder / "links.csv").open(newline="", encoding="utf-8") as lines:
            links: dict[str, str] = dict(csv.reader(lines))
    seconds = statistics.median(took)
    lab.say(f"{name}, {data}: {seconds:.2f} s, {len(links)} charges paired")
    return Row(name, data, seconds, max(memory), scores(made.truth, judged(made, links)))


def _timed(python: str, name: str, folder: Path) -> float:
    """Without our own packages in sight: reconcile-py's is called as one of ours."""
    argv = [python, "-P", str(lab.HERE / "matchers.py"), name, str(folder)]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with lab.undisturbed():
        begun = time.perf_counter()
        try:
            done = subprocess.run(  # noqa: S603 - our own words
                argv, check=False, env=env, cwd=folder, capture_output=True, text=True, timeout=TOOL_S
            )
        except subprocess.TimeoutExpired as why:
            raise lab.CannotMeasureError(f"{name} was not over within {TOOL_S} s") from why
        took = time.perf_counter() - begun
    if done.returncode:
        raise lab.CannotMeasureError(f"{name} failed: {done.stderr.strip().splitlines()[-1]}")
    return took


def _demo(members: int) -> dict[str, str]:
    """What `makegood demo` finds on this very merchant, told by webhooks; by charge."""
    with tempfile.TemporaryDirectory(prefix="makegood-matching-") as folder:
        words = ("--members", str(members), "--months", str(MONTHS), "--seed", str(SEED), "--out", folder)
        done = subprocess.run(makegood("demo", *words), check=False, capture_output=True, text=True)  # noqa: S603 - as above
        lab.say(f"makegood demo {' '.join(words[:-2])} ended with {done.returncode}")
        database = Path(folder) / "makegood.db"
        if not database.exists():
            raise lab.CannotMeasureError(f"makegood demo failed: {done.stderr[-500:]}")
        conn = sqlite3.connect(database)
        query = "SELECT charge, kind FROM findings WHERE status <> 'cleared' AND charge IS NOT NULL"
        found: dict[str, str] = dict(conn.execute(query))
        conn.close()
    return found


def ratios(measured: Measured) -> Iterator[Ratio]:
    """The largest clean data, held against the targets; and what is right on the sandbox, beside the best of the others
    (best by the product of recall and precision)."""
    size = max(measured.clean)
    rows = {row.who: row for row in measured.clean[size]}
    for name, target in (("splink", 5), ("recordlinkage", None)):
        row = rows[name]
        if row.seconds is None:
            yield Ratio(f"{name}'s time, {size:,} charges", None, target, why=row.why)
        else:
            yield over(f"{name}'s time, of ours, {size:,} charges", row.seconds, rows[OURS].seconds, target)
    yield from _right(f"{size:,} charges", rows[OURS], 1)
    ours, *others = (row for row in measured.sandbox if row.told)
    yield from _right("sandbox", ours, 1)
    for given in (DUES, PLAN):
        best = max((row for row in others if row.who.endswith(given)), key=_worth, default=None)
        if best is not None:
            yield from _right(f"sandbox, {best.who} (the best)", best, None)


def _right(data: str, row: Row, target: float | None) -> Iterator[Ratio]:
    score = row.told[ALL] if row.told else Score(0, 0, 0)
    yield Ratio(f"recall, {data}", score.recall, target, unit="")
    yield Ratio(f"precision, {data}", score.precision, target, unit="")


def _worth(row: Row) -> float:
    score = row.told[ALL] if row.told else Score(0, 0, 0)
    return (score.recall or 0) * (score.precision or 0)


def _page(measured: Measured) -> Iterator[str]:
    yield f"{lab.machine()}. Recall / precision of what is wrong."
    for title, rows in (*measured.clean.items(), ("sandbox", measured.sandbox)):
        yield ""
        yield f"{title if isinstance(title, str) else f'{title:,}'}: {rows[0].data}"
        yield ""
        yield from _table(rows)


def _table(rows: Iterable[Row]) -> Iterator[str]:
    groups = (*dict.fromkeys(GROUPS.values()), ALL, ANY)
    yield f"| who | seconds | MB | {' | '.join(groups)} |"
    yield f"|---|---:|---:|{'---:|' * len(groups)}"
    for row in rows:
        if row.told is None:
            yield f"| {row.who} | not run: {row.why} | |{' |' * len(groups)}"
            continue
        seconds = "" if row.seconds is None else f"{row.seconds:.2f}"
        memory = "" if row.megabytes is None else f"{row.megabytes:.0f}"
        yield f"| {row.who} | {seconds} | {memory} | {' | '.join(_score(row.told[group]) for group in groups)} |"


def _score(score: Score) -> str:
    """Rounded down: only what is whole reads 1.00."""
    recall, precision = (
        "-" if share is None else f"{int(share * 100) / 100:.2f}" for share in (score.recall, score.precision)
    )
    return f"{recall} / {precision}" if score.true or score.named else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charges", type=int, nargs="+", default=[10_000, 100_000], help="clean data of about so many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--members", type=int, default=500, help="of the sandbox")
    told = parser.parse_args()
    measured = measure(told.charges, told.rounds, told.members)
    sys.stdout.write("\n".join(_page(measured)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
