"""python -m benchmarks.intake [--rounds N] [--seconds N] [--only NAME[,NAME]]

How many webhooks a second one receiver takes in: signature checked, scrubbed, encrypted, stored once, committed to the
disk, worker rung, answered. Beside it, in the same rounds: pgbench writing the same body (the yardstick), and the
obvious way to write a receiver. Needs wrk and pgbench; a slow disk needs gcc."""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bodies, lab
from benchmarks.lab import HERE, Postgres, free_port, listening, program, say, started, undisturbed
from tests import servers

SLOW_DISK_US = 2000
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
RATE_MAX = 20_000  # requests made ready for each second


@dataclass(frozen=True)
class Burst:
    """What came of some seconds at full rate."""

    rate: float
    p99_ms: float


def wrk(port: int, connections: int, seconds: int, first: int) -> Burst:
    """Webhooks from `first` on, over so many connections. Raises where any was not answered 200."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requests"
        size = 0
        with file.open("wb") as out:
            for one in bodies.requests(first, RATE_MAX * seconds):
                size = len(one)
                out.write(one)
        argv = [program("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
        argv += ["-s", str(HERE / "requests.lua"), f"http://127.0.0.1:{port}", "--", str(file), str(size)]
        with undisturbed():
            said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own words
    told = json.loads(said.rpartition("RESULT ")[2])
    if told["refused"] or told["broken"]:
        raise lab.CannotMeasureError(f"not everything was answered 200: {told}")
    return Burst(told["requests"] / told["seconds"], told["p99_ms"])


def pgbench(server: Postgres, clients: int, seconds: int) -> Burst:
    """The yardstick: the same body into a table with a unique key, one row a commit."""
    server.run(
        "DROP TABLE IF EXISTS yardstick",
        "CREATE TABLE yardstick (id bigserial PRIMARY KEY, event_id text UNIQUE, body text COMPRESSION lz4)",
    )
    body = bodies.event(1).decode()
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("\\set event random(1, 9000000000000000)\n")
        values = f"('evt_:event', '{body}')"
        script.write(f"INSERT INTO yardstick (event_id, body) VALUES {values} ON CONFLICT DO NOTHING;\n")  # noqa: S608
        script.flush()
        argv = [program("pgbench", "postgresql-client"), "-n", "-M", "simple", f"-c{clients}", "-j2", f"-T{seconds}"]
        argv += ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-f", script.name, "postgres"]
        with undisturbed():
            said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own words
    rate = next(float(line.split()[2]) for line in said.splitlines() if line.startswith("tps"))
    return Burst(rate, 0.0)


def environment(database_url: str, broker_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "MAKEGOOD_DATABASE_URL": database_url,
        "MAKEGOOD_BROKER_URL": broker_url,
        "MAKEGOOD_STRIPE_WEBHOOK_SECRETS": bodies.SECRET,
        "MAKEGOOD_ENCRYPTION_KEYS": MASTER_KEY,
    }


@contextmanager
def receiver(database_url: str, broker_url: str) -> Iterator[int]:
    """`makegood web` on this database; gives its port."""
    env, port = environment(database_url, broker_url), free_port()
    makegood = str(Path(sys.executable).with_name("makegood"))
    subprocess.run([makegood, "migrate"], check=True, env=env, capture_output=True)  # noqa: S603 - as above
    with started([makegood, "web", "--port", str(port)], answers=lambda: listening(port), env=env):
        yield port


class Numbers:
    """Each burst has events of its own."""

    def __init__(self) -> None:
        self._next = 1

    def take(self, count: int) -> int:
        first = self._next
        self._next += count
        return first


def measure(server: Postgres, broker_url: str, rounds: int, seconds: int, chosen: set[str]) -> dict[str, list[Burst]]:
    numbers = Numbers()
    found: dict[str, list[Burst]] = defaultdict(list)

    def take(name: str, port: int, connections: int) -> None:
        if chosen and name not in chosen:
            return
        found[f"{name} {connections}"].append(wrk(port, connections, seconds, numbers.take(RATE_MAX * seconds)))
        say(f"{name} {connections}: {found[f'{name} {connections}'][-1]}")

    with ExitStack() as stack:
        ours = stack.enter_context(receiver(server.url, broker_url))
        for _ in range(rounds):
            for connections in (16, 64):
                found[f"pgbench {connections}"].append(pgbench(server, connections, seconds))
                say(f"pgbench {connections}: {found[f'pgbench {connections}'][-1]}")
                server.run("CHECKPOINT")
                take("makegood", ours, connections)
                server.run("CHECKPOINT")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--sync-us", type=int, default=0)
    parser.add_argument("--only", default="")
    told = parser.parse_args()
    chosen = {name for name in told.only.split(",") if name}
    with lab.postgres(sync_us=told.sync_us) as server, servers.valkey() as broker_url:
        found = measure(server, broker_url, told.rounds, told.seconds, chosen)
    for name, bursts in found.items():
        rate, p99 = statistics.median(b.rate for b in bursts), statistics.median(b.p99_ms for b in bursts)
        sys.stdout.write(f"{name:24} {rate:8.0f}/s  p99 {p99:5.1f} ms\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
