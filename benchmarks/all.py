"""python -m benchmarks.all [--out FILE] [--only PART ...] [--sample]

Every target of docs/performance.md beside what was measured, in one run and one table: intake, handling, reconcile,
matching and console, each in a process of its own, one after the other; `--only five-million` is a reconcile of five
million charges, which takes as long as all of these. A part that fails or takes too long is told as such, and the
others are measured all the same. Needs what the parts need: wrk, pgbench, gcc, npm, and PyPI for the peers, which are
left out with a reason where they cannot be had. Ends with 1 where a target was not reached, with 3 where something was
not measured. `--sample` is a run of everything with little data, to see that it works: its figures say nothing."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from benchmarks import lab
from benchmarks.ratios import Ratio, table
from config import logging
from worker.runtime import utc_now

PART_S = {"five-million": 3600}
PART_USUALLY_S = 900
END_S = 60


def _intake(*, sample: bool) -> Iterable[Ratio]:
    from benchmarks import intake

    rounds, seconds = (1, 1) if sample else (3, 3)
    bench = intake.Bench(seconds)
    intake.measure(bench, rounds, seconds, peer=True)
    intake.measure_slow(bench, rounds, seconds)
    return intake.ratios(bench)


def _handling(*, sample: bool) -> Iterable[Ratio]:
    from benchmarks import handling

    return handling.ratios(handling.measure(1, 1000, 1) if sample else handling.measure(3, 10_000, 5))


def _reconcile(*, sample: bool) -> Iterable[Ratio]:
    from benchmarks import reconcile

    whole, rounds = (2000, 1) if sample else (100_000, 2)
    tenths = [
        reconcile.measure(whole // 10, rounds, reconcile.OURS[:1], database=kind) for kind in ("postgres", "sqlite")
    ]
    return reconcile.ratios(reconcile.measure(whole, rounds, reconcile.EVERYBODY), *tenths)


def _five_million(*, sample: bool) -> Iterable[Ratio]:
    from benchmarks import reconcile

    whole = 2000 if sample else 100_000
    one, five = (reconcile.measure(times * whole, 1, reconcile.OURS[:1]) for times in (1, 5))
    return reconcile.growth(one, five)


def _matching(*, sample: bool) -> Iterable[Ratio]:
    from benchmarks import matching

    return matching.ratios(matching.measure([2000], 1, 60) if sample else matching.measure([100_000], 1, 500))


def _console(*, sample: bool) -> Iterable[Ratio]:
    from benchmarks import console

    return console.ratios(list(console.measure(10_000 if sample else 1_000_000)))


PARTS: dict[str, Callable[..., Iterable[Ratio]]] = {
    "intake": _intake,
    "handling": _handling,
    "reconcile": _reconcile,
    "matching": _matching,
    "console": _console,
    "five-million": _five_million,
}
USUAL = [part for part in PARTS if part != "five-million"]


def main() -> int:
    told = _arguments()
    if told.part:
        logging.configure("WARNING")
        ratios = [asdict(ratio) for ratio in PARTS[told.part](sample=told.sample)]
        told.out.write_text(json.dumps(ratios), encoding="utf-8")
        return 0
    begun = time.monotonic()
    head = f"{utc_now():%d %B %Y, %H:%M} UTC; {lab.machine()}{'; A SAMPLE, no figures' if told.sample else ''}."
    found = [(part, _measured(part, sample=told.sample)) for part in told.only or USUAL]
    minutes = (time.monotonic() - begun) / 60
    page = "\n".join(
        [head, "", *table(found), "", f"{minutes:.0f} minutes; load at the end {os.getloadavg()[0]:.1f}.\n"]
    )
    sys.stdout.write(page)
    if told.out:
        told.out.write_text(page, encoding="utf-8")
    everything = [ratio for _, some in found for ratio in some]
    if any(ratio.measured is None for ratio in everything):
        return 3
    return 1 if any(ratio.reached is False for ratio in everything) else 0


def _measured(part: str, *, sample: bool) -> list[Ratio]:
    """One part, in a session of its own so that what it has started ends with it."""
    lab.say(f"== {part}")
    begun, most = time.monotonic(), PART_S.get(part, PART_USUALLY_S)
    with tempfile.TemporaryDirectory(prefix="makegood-all-") as folder:
        out = Path(folder) / "ratios.json"
        argv = [sys.executable, "-m", "benchmarks.all", "--part", part, "--out", str(out)]
        argv += ["--sample"] if sample else []
        child = subprocess.Popen(argv, start_new_session=True, stdout=sys.stderr)  # noqa: S603 - our own words
        try:
            ended = child.wait(most)
        except subprocess.TimeoutExpired:
            _end(child)
            return [Ratio("all of it", None, why=f"not over within {most} s")]
        lab.say(f"== {part} took {time.monotonic() - begun:.0f} s")
        if ended:
            return [Ratio("all of it", None, why=f"it ended with {ended}; standard error says why")]
        return [Ratio(**one) for one in json.loads(out.read_text(encoding="utf-8"))]


def _end(child: subprocess.Popen[bytes]) -> None:
    """As a person would with ^C, so that it clears up after itself; by force where that takes too long."""
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.all", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
