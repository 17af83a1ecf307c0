"""python -m benchmarks.soak [--minutes 60] [--rate 150] [--members N] [--out FILE]
   python -m benchmarks.soak --million [--count 1000000]

The stack of `docker-compose.yml`, started by hand from its own commands (web, work with the executor, clock) on a
Postgres that syncs and on Valkey, live against a sandbox bank, under signed webhooks for a long time: sampled every few
seconds, and judged at the end. Nothing may be lost, paid twice or left over, and memory, connections, open files and
queue may not grow. With --million it sends as fast as it is answered, until so many unique webhooks are taken,
or --minutes are over. With --restarts each service in turn is stopped and started again meanwhile.

Writes its table (`docs/reliability.md`, "Soak"); ends with 1 where a verdict is no."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.stack import SERVICES, WEBHOOK_SECRET, Stack, makegood, running
from benchmarks.traffic import MONTHS, NOBODY, Merchant, Sender, Sent
from benchmarks.watching import Sample, Watch, middle, smoothed
from tests.watched import free_port
from worker.sandbox.bank.bank import STRIPE_KEY, Bank, open_bank

EVERY_S = 10.0
CALM_S = 3600.0  # how long the backlog and the last refund may take once nothing more comes
NIGHT_AFTER = 12  # minutes
GROWTH_MAX = 0.05
GROWTH_MB = 16.0
CONNECTIONS_FAST = 64
CONNECTIONS_SLOW = 16


@dataclass(frozen=True)
class Plan:
    """How long, how fast, how many."""

    minutes: float
    rate: float
    count: int
    members: int
    restarting: bool = False

    @property
    def connections(self) -> int:
        return CONNECTIONS_SLOW if self.rate else CONNECTIONS_FAST


@dataclass(frozen=True)
class Verdict:
    """One thing that has to hold."""

    says: str
    holds: bool


@dataclass(frozen=True)
class Ended:
    """What a run came to."""

    samples: Sequence[Sample]
    verdicts: Sequence[Verdict]
    sent: Sent
    seconds: float
    calm_s: float


def soak(plan: Plan, folder: Path, say: Callable[[str], None]) -> Ended:
    """Run it once."""
    with open_bank(_now) as bank, running(folder, free_port(), **_settings(bank, plan)) as stack:
        merchant = Merchant(plan.members, _now().date())
        merchant.roster(folder / "roster.jsonl")
        makegood(folder, stack.settings, "import", "roster", "roster.jsonl")
        say(f"{plan.members} memberships imported; sending")
        watch, sent, samples = Watch(stack), Sent(), list[Sample]()
        try:
            began = time.monotonic()
            asyncio.run(_send(plan, stack, islice(merchant.events(bank.book), plan.count), (watch, sent, samples, say)))
            seconds = time.monotonic() - began
            until = time.monotonic() + CALM_S
            while not _at_rest(watch) and time.monotonic() < until:
                time.sleep(1.0)
            calm = time.monotonic() - began - seconds
            samples.append(watch.sample(seconds + calm, sent.kept, (0.0, 0.0)))
            steady = [] if plan.restarting else _steady(samples[:-1])
            verdicts = [*_counted(watch, sent, bank), *steady, *_calm(samples[-1])]
        finally:
            watch.close()
    return Ended(samples, verdicts, sent, seconds, calm)


def _settings(bank: Bank, plan: Plan) -> dict[str, str]:
    """Live, against the bank, and without what would spread refunds over days; a night falls into it."""
    later = _now() + timedelta(minutes=min(NIGHT_AFTER, plan.minutes / 5) + 1)
    return {
        "MODE": "live",
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_API_BASE": bank.stripe_url,
        "COOLING_HOURS": "0",
        "REFUND_DAY_MAX_MINOR": "off",
        "REFUND_DAY_COUNT_MAX": "off",
        "BREAKER_PERCENT": "100",
        "DUNNING_DAYS": "365",
        "TIME_ZONE": "UTC",
        "NIGHT_AT": f"{later:%H:%M}",
    }


async def _send(
    plan: Plan, stack: Stack, bodies: Iterator[bytes], told: tuple[Watch, Sent, list[Sample], Callable[[str], None]]
) -> None:
    watch, sent, samples, say = told
    began = time.monotonic()
    over = began + plan.minutes * 60
    port = int(stack.settings["PORT"])
    sender = Sender(port, WEBHOOK_SECRET, plan.rate, plan.connections)
    sending = asyncio.create_task(sender.send(bodies, lambda: time.monotonic() < over, sent))
    restarts = 0
    while not sending.done():
        await asyncio.wait([sending], timeout=EVERY_S)
        if plan.restarting and not sending.done():
            service = SERVICES[restarts % len(SERVICES)]
            ended, took = await asyncio.to_thread(stack.restart, service)
            restarts += 1
            sent.stopped.append((service, ended, took))
            say(f"{service} told to stop: ended with {ended} after {took:.1f} s, and started again")
            continue  # whoever has just begun is not there to be looked at yet
        at, latencies = time.monotonic() - began, sent.latencies_ms()
        one = await asyncio.to_thread(watch.sample, at, sent.kept, latencies)
        samples.append(one)
        say(_line(one))
    await sending


def _at_rest(watch: Watch) -> bool:
    """Whether all is handled and judged, and every remedy has come to rest."""
    (row,) = watch.rows(
        "SELECT (SELECT count(*) FROM deliveries WHERE state = 'new'), "
        "(SELECT count(*) FROM memberships WHERE touched), "
        "(SELECT count(*) FROM remedies WHERE state IN ('queued', 'submitted'))"
    )
    return row == (0, 0, 0)


def _counted(watch: Watch, sent: Sent, bank: Bank) -> Iterator[Verdict]:
    """Whether the counts tie, from the answer to the bank's ledger."""
    expected = {200, 503, NOBODY} if sent.stopped else {200, 503}
    others = {status: count for status, count in sent.answers.items() if status not in expected}
    if sent.stopped:
        slowest = max(took for _, _, took in sent.stopped)
        yield Verdict(
            f"{len(sent.stopped)} times a service was stopped while busy: each ended with 0 within {slowest:.1f} s",
            all(ended == 0 for _, ended, _ in sent.stopped),
        )
    yield Verdict(
        f"{sent.kept} answered with 200, {sent.answers[503]} first with 503, others {others or 0}", not others
    )
    states = {str(state): int(str(count)) for state, count in watch.rows(
        "SELECT state, count(*) FROM deliveries WHERE source = 'webhook' GROUP BY state"
    )}  # fmt: skip
    stored, closed = sum(states.values()), states.get("done", 0) + states.get("passed_over", 0)
    yield Verdict(f"{stored} stored, {sent.kept} answered", stored == sent.kept)
    yield Verdict(f"{closed} handled, of them {states.get('passed_over', 0)} that concern nobody", closed == stored)
    ((charges,),) = watch.rows("SELECT count(*) FROM facts WHERE kind = 'charge'")
    yield Verdict(f"{charges} charges known", charges == states.get("done", 0))
    ((twice,),) = watch.rows("SELECT count(*) FROM facts WHERE kind = 'charge' AND object_id LIKE '%again'")
    found = watch.rows("SELECT kind, status, count(*) FROM findings GROUP BY kind, status ORDER BY 1, 2")
    told = ", ".join(f"{count} {kind} {status}" for kind, status, count in found)
    yield Verdict(
        f"findings: {told or 'none'}; charged twice: {twice}", found == [("duplicate_charge", "settled", twice)]
    )
    nights = watch.rows("SELECT state, complete FROM nights")
    said = ", ".join(f"{state}, {'complete' if complete else 'incomplete'}" for state, complete in nights)
    yield Verdict(f"night meanwhile: {said or 'none fell due'}", all(state == "done" for state, _ in nights))
    refunds = bank.ledger()
    yield Verdict(
        f"{len(refunds)} refunds at the bank, {len(bank.doubled())} doubled",
        len(refunds) == twice and not bank.doubled(),
    )


def _steady(samples: Sequence[Sample]) -> Iterator[Verdict]:
    """Whether the last tenth of the time holds no more than the middle, when everything has run once, the night too."""
    early, late = smoothed(samples, 0.4, 0.6), smoothed(samples, 0.9, 1.0)
    if not early or not late:
        yield Verdict("too short to say whether anything grows", holds=True)
        return
    for name in sorted(late[-1].memory):
        before = middle([one.memory[name] for one in early if name in one.memory])
        after = middle([one.memory[name] for one in late if name in one.memory])
        flat = name == "postgres" or after - before <= max(GROWTH_MB, GROWTH_MAX * before)
        yield Verdict(f"memory of {name}: {before:.0f} MB, at the end {after:.0f} MB", flat)
    for name in sorted(late[-1].files):
        before = max(one.files.get(name, 0) for one in early)
        after = max(one.files.get(name, 0) for one in late)
        yield Verdict(f"open files of {name}: {before}, at the end {after}", after <= before + 4)
        before = max(one.threads.get(name, 0) for one in early)
        after = max(one.threads.get(name, 0) for one in late)
        yield Verdict(f"threads of {name}: {before}, at the end {after}", after <= before + 2)
    most = [max(one.connections for one in part) for part in (early, late)]
    yield Verdict(f"connections to Postgres: {most[0]}, at the end {most[1]}", most[1] <= most[0] + 4)
    keys = [max(one.redis_keys for one in part) for part in (early, late)]
    yield Verdict(f"keys in Redis: {keys[0]}, at the end {keys[1]}", keys[1] <= keys[0] + 4)


def _calm(last: Sample) -> Iterator[Verdict]:
    yield Verdict(f"at rest {last.waiting} deliveries wait and {last.queued} messages", not last.waiting)


def _line(one: Sample) -> str:
    memory = " ".join(f"{name} {mb:.0f}" for name, mb in sorted(one.memory.items()))
    return (
        f"{one.at_s:7.0f} s {one.sent:>9} taken, p50 {one.p50_ms:.1f} p99 {one.p99_ms:.0f} ms, waiting {one.waiting} "
        f"({one.age_s:.0f} s), MB: {memory}, connections {one.connections}"
    )


def report(plan: Plan, ended: Ended) -> Iterator[str]:
    """The table for `docs/reliability.md`."""
    sending, sent = [one for one in ended.samples[:-1] if one.p99_ms] or list(ended.samples), ended.sent
    median_ms, slow_ms = middle([one.p50_ms for one in sending]), middle([one.p99_ms for one in sending])
    yield f"{_now():%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
    yield f"Python {platform.python_version()}: {sent.kept} webhooks in {ended.seconds / 60:.1f} minutes"
    yield f"({sent.kept / ended.seconds:.0f}/s), {plan.members} memberships; then {ended.calm_s:.0f} s until at rest."
    yield f"Answers: median {median_ms:.1f} ms, 99th of a hundred {slow_ms:.0f} ms (in the worst ten seconds"
    yield f"{max(one.p99_ms for one in sending):.0f} ms). Oldest delivery not handled: median"
    yield f"{middle([one.age_s for one in sending]):.1f} s, most {max(one.age_s for one in sending):.0f} s."
    yield ""
    yield "| | |"
    yield "|---|---|"
    for verdict in ended.verdicts:
        yield f"| {verdict.says} | {'yes' if verdict.holds else '**no**'} |"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a benchmark is in the present


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=150, help="webhooks a second; 0: as fast as they are answered")
    parser.add_argument("--million", action="store_true", help="as fast as they are answered, until --count are taken")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--members", type=int)
    parser.add_argument("--restarts", action="store_true", help="meanwhile stop a service every ten seconds, in turn")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    minutes, rate = given.minutes, 0.0 if given.million else given.rate
    count = given.count if given.million or not rate else int(minutes * 60 * rate)
    plan = Plan(minutes, rate, count, given.members or count // MONTHS + 1, given.restarts)
    with tempfile.TemporaryDirectory(prefix="makegood-soak-") as folder:
        ended = soak(plan, Path(folder), lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 - progress
    text = "\n".join(report(plan, ended)) + "\n"
    if given.out:
        given.out.write_text(text, encoding="utf-8")
        given.out.with_suffix(".jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, ended.samples)))
    print(text)  # noqa: T201 - the result
    return 0 if all(verdict.holds for verdict in ended.verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
