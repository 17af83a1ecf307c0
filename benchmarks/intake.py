"""python -m benchmarks.intake [--rounds N] [--seconds N] [--peer]

How many webhooks a second one receiver takes in: signature checked, scrubbed, encrypted, stored once, committed to the
disk, worker rung, answered. Beside it, in the same rounds: pgbench writing the same body (the yardstick), and the
obvious way to write a receiver. Needs wrk and pgbench; a slow disk needs gcc. `--peer` fetches stripe-sync-engine from
npm into ~/.cache and measures it too: in process, without HTTP."""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bodies, lab
from benchmarks.lab import HERE, Postgres, listening, program, say, started, undisturbed
from benchmarks.obvious import tables
from benchmarks.ratios import Ratio, over
from tests import servers
from tests.watched import free_port

SLOW_DISK_US = 2000
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
PEER = Path.home() / ".cache" / "makegood" / "sync-engine"
PEER_PACKAGES = ("@supabase/stripe-sync-engine@0.48.5", "stripe@23.1.0")
RATE_MAX = 16_000  # requests made ready for each second


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


def sync_engine(server: Postgres, in_flight: int, first: int, count: int = 6000) -> Burst:
    """stripe-sync-engine, with so many webhooks at once."""
    npm, node = program("npm", "npm"), program("node", "nodejs")
    PEER.mkdir(parents=True, exist_ok=True)
    if not (PEER / "node_modules" / PEER_PACKAGES[0].rpartition("@")[0]).exists():
        argv = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", *PEER_PACKAGES]
        subprocess.run(argv, check=True, cwd=PEER, capture_output=True)  # noqa: S603 - our own words
    script = Path(shutil.copy(HERE / "sync_engine.cjs", PEER))  # beside what it needs
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for body in map(bodies.event, range(first, first + count)):
            file.write(json.dumps([body.decode(), bodies.signature(body)]) + "\n")
        file.flush()
        argv = [node, str(script), server.url, bodies.SECRET, file.name, str(in_flight)]
        with undisturbed():
            said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout  # noqa: S603 - as above
    return Burst(float(said), 0.0)


def environment(database_url: str, broker_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "MAKEGOOD_DATABASE_URL": database_url,
        "MAKEGOOD_BROKER_URL": broker_url,
        "MAKEGOOD_STRIPE_WEBHOOK_SECRETS": bodies.SECRET,
        "MAKEGOOD_ENCRYPTION_KEYS": MASTER_KEY,
    }


def makegood(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("makegood")), *words]


@contextmanager
def receiver(env: Mapping[str, str]) -> Iterator[int]:
    """`makegood web` in this environment; gives its port."""
    port = free_port()
    subprocess.run(makegood("migrate"), check=True, env=env, capture_output=True)  # noqa: S603 - our own words
    with started(makegood("web", "--port", str(port)), answers=lambda: listening(port), env=env):
        yield port


@contextmanager
def obvious(url: str) -> Iterator[int]:
    """The obvious receiver on this database; gives its port."""
    tables(driven(url)).dispose()
    port, env = free_port(), {**os.environ, "OBVIOUS_URL": driven(url)}
    argv = [sys.executable, "-m", "uvicorn", "--factory", "benchmarks.obvious:create_app", "--port", str(port)]
    with started([*argv, "--no-access-log", "--log-level", "warning"], answers=lambda: listening(port), env=env):
        yield port


def driven(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


class Bench:
    """What is measured, by name; each burst has events of its own."""

    def __init__(self, seconds: int) -> None:
        self.found: dict[str, list[Burst]] = defaultdict(list)
        self.missing: dict[str, str] = {}
        self._seconds = seconds
        self._next = 1

    def note(self, name: str, burst: Burst) -> None:
        self.found[name].append(burst)
        say(f"{name}: {burst.rate:.0f}/s, p99 {burst.p99_ms:.1f} ms")

    def drive(self, name: str, port: int, connections: int) -> None:
        first, self._next = self._next, self._next + RATE_MAX * self._seconds
        self.note(name, wrk(port, connections, self._seconds, first))

    def peer(self, name: str, server: Postgres, connections: int) -> None:
        """Where it cannot be had, the others are measured all the same."""
        first, self._next = self._next, self._next + RATE_MAX
        try:
            self.note(name, sync_engine(server, connections, first))
        except (lab.CannotMeasureError, subprocess.CalledProcessError) as why:
            self.missing[name] = str(why)
            say(f"{name}: {why}")

    def median(self, name: str) -> Burst:
        bursts = self.found[name]
        return Burst(statistics.median(b.rate for b in bursts), statistics.median(b.p99_ms for b in bursts))


def measure(bench: Bench, rounds: int, seconds: int, *, peer: bool) -> None:
    """On a fast disk: each in turn, so many times."""
    with lab.postgres() as server, servers.valkey() as broker_url, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="makegood-bench-")))
        ours = stack.enter_context(receiver(environment(server.url, broker_url)))
        embedded = stack.enter_context(receiver(environment(f"sqlite:///{folder / 'makegood.db'}", broker_url)))
        usual = stack.enter_context(obvious(server.url))
        for _ in range(rounds):
            for connections in (16, 64):
                bench.note(f"pgbench {connections}", pgbench(server, connections, seconds))
                bench.drive(f"makegood {connections}", ours, connections)
                bench.drive(f"sqlite {connections}", embedded, connections)
                bench.drive(f"obvious {connections}", usual, connections)
                if peer:
                    bench.peer(f"stripe-sync-engine {connections}", server, connections)
                server.run("CHECKPOINT")


def measure_slow(bench: Bench, rounds: int, seconds: int) -> None:
    """The same on a disk on which a sync takes two milliseconds more."""
    with (
        lab.postgres(sync_us=SLOW_DISK_US) as server,
        servers.valkey() as broker_url,
        receiver(environment(server.url, broker_url)) as ours,
    ):
        for _ in range(rounds):
            bench.note("slow disk, pgbench 64", pgbench(server, 64, seconds))
            bench.drive("slow disk, makegood 64", ours, 64)
            server.run("CHECKPOINT")


def table(bench: Bench) -> Iterator[str]:
    """What was measured, each beside the yardstick of its number of connections."""
    yield "| | webhooks/s | p99 ms | x pgbench |"
    yield "|---|---:|---:|---:|"
    for name in bench.found:
        one = bench.median(name)
        before, _, connections = name.rpartition(" ")
        yardstick = f"{before.rpartition(' ')[0]} pgbench".strip() if "slow" in before else "pgbench"
        ratio = one.rate / bench.median(f"{yardstick} {connections}").rate
        p99 = f"{one.p99_ms:.1f}" if one.p99_ms else ""
        yield f"| {name} | {one.rate:,.0f} | {p99} | {ratio:.2f} |"


def ratios(bench: Bench) -> Iterator[Ratio]:
    """What was measured, held against the targets."""

    def rate(name: str) -> float | None:
        return bench.median(name).rate if bench.found.get(name) else None

    for connections, target in ((16, 0.45), (64, 0.7)):
        ours = rate(f"makegood {connections}")
        yield over(f"of pgbench, {connections} connections", ours, rate(f"pgbench {connections}"), target)
    yield Ratio("p99 at 64 connections", bench.median("makegood 64").p99_ms, 25, at_most=True, unit=" ms")
    slow = rate("slow disk, makegood 64")
    yield over("of pgbench, 64 connections, 2 ms a sync", slow, rate("slow disk, pgbench 64"), 1.3)
    for connections in (16, 64):
        ours = rate(f"makegood {connections}")
        yield over(f"of the obvious way, {connections} connections", ours, rate(f"obvious {connections}"), 15)
        peer = f"stripe-sync-engine {connections}"
        if peer in bench.missing:
            yield Ratio(f"of stripe-sync-engine, {connections} at once", None, 3, why=bench.missing[peer])
        else:
            yield over(f"of stripe-sync-engine, {connections} at once", ours, rate(peer), 3)
        yield over(f"SQLite, of Postgres, {connections} connections", rate(f"sqlite {connections}"), ours, 0.5)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--peer", action="store_true", help="fetch stripe-sync-engine and measure it too")
    told = parser.parse_args()
    bench = Bench(told.seconds)
    try:
        measure(bench, told.rounds, told.seconds, peer=told.peer)
        measure_slow(bench, told.rounds, told.seconds)
    except lab.CannotMeasureError as why:
        say(str(why))
        return 3
    sys.stdout.write("\n".join([lab.machine(), "", *table(bench)]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
