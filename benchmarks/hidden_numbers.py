"""python -m benchmarks.hidden_numbers [--bodies N] [--first N]

Whether the quick look at a body ever lets one pass in which the closer look finds a number that is never kept: JSON
bodies in which such numbers hide in every way that is known, each body with a number by which it is made again. Ends
with 1 if one was let pass. The suite has a small sample of it (`tests/worker/test_scrubbing_guard.py`)."""

from __future__ import annotations

import argparse
import sys

from tests.worker.hidden_numbers import body
from worker.scrubbing.bodies import cleaned
from worker.scrubbing.guard import may_hold


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hidden_numbers")
    parser.add_argument("--bodies", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=1_000_000, help="the number of the first body")
    asked = parser.parse_args()
    held, looked_at, passed = 0, 0, []
    for number in range(asked.first, asked.first + asked.bodies):
        told = body(number)
        text = told.decode()
        holds, looks = cleaned(text) != text, may_hold(told, text)
        held, looked_at = held + holds, looked_at + looks
        if holds and not looks:
            passed.append(number)
    sys.stdout.write(
        f"{asked.bodies} bodies, {held} with a number, {looked_at} looked at closely, {len(passed)} missed\n"
    )
    for number in passed:
        sys.stdout.write(f"{number}: {body(number)!r}\n")
    return 1 if passed else 0


if __name__ == "__main__":
    sys.exit(main())
