"""python -m benchmarks.fuzz_api [--database sqlite|postgres|both] [--examples N] [--seconds N] [--seed N]

Sends generated requests to the HTTP API, such as fit its OpenAPI document and such as do not, with a token that may do
all, on a database with something in it, and holds every answer against the document: no 5xx, no status, header or body
that is not in it. Ends with 1 if any was. The suite has a small sample of it (`tests/worker/web_api`)."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import servers
from tests.worker.web_api.fuzzing import fuzz
from tests.worker.web_api.stands import standing
from worker.engine import make_engine, migrate

DATABASES = ("sqlite", "postgres")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--examples", type=int, default=200, help="generated requests an operation (default: 200)")
    parser.add_argument(
        "--seconds", type=int, help="a database: generates until they are over, and no longer (default: as it takes)"
    )
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    wrong = False
    for database in DATABASES if asked.database == "both" else (asked.database,):
        with tempfile.TemporaryDirectory() as folder, _url(database, Path(folder)) as url:
            migrate(make_engine(url))
            began = time.monotonic()
            with standing(url, plain=False) as stand:
                fuzzed = fuzz(
                    stand, examples=asked.examples, seed=asked.seed, folder=Path(folder), seconds=asked.seconds
                )
        wrong = wrong or fuzzed.wrong or not fuzzed.requests
        verdict = "an answer was wrong" if fuzzed.wrong else "every answer was as the document says"
        sys.stdout.write(f"{database}: {fuzzed.requests} requests in {time.monotonic() - began:.0f} s, {verdict}\n")
        if fuzzed.wrong:
            sys.stdout.write(fuzzed.said)
    return int(wrong)


@contextmanager
def _url(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder / 'makegood.db'}"
        return
    with servers.postgres() as server:
        yield server.url(server.create_database())


if __name__ == "__main__":
    raise SystemExit(main())
