"""python -m benchmarks.nights [--database sqlite|postgres|both] [--kills N] [--members N] [--seed N]

Runs a night in a process of its own and kills it (SIGKILL) at moments spread over its whole duration, wherever in a
phase, a transaction or a request they fall; starts it again until it is done, and compares what it leaves with what an
undisturbed night leaves: summary, report, findings, remedies, and what was told, once to each channel. The world is a
month of the demo's of which a third of the webhooks never came and none has been handled yet, so that the night has
everything to do. Ends with 1 if anything differs."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests import servers
from tests.worker.alerts.endpoints import Chat, Mailbox, chat, mailbox
from tests.worker.night.forked import KILLED, Forks, forking
from worker import tables
from worker.audit import verify
from worker.crypt import new_key
from worker.engine import make_engine, reading
from worker.sandbox.bank.bank import open_bank
from worker.sandbox.bank.loading import load
from worker.sandbox.deliveries import posted
from worker.sandbox.demo import import_roster, quietly, set_up
from worker.sandbox.live import settings as bank_settings
from worker.sandbox.reckoning import at_local
from worker.sandbox.stories import World, world
from worker.schema import audit, outbox
from worker.store import listings, nights

MONTHS = 3
LOST_PERCENT = 33
# A run that was killed holds the night, and a message that it was sending, for five minutes.
LATER = timedelta(minutes=10)


@dataclass(frozen=True)
class Left:
    """What a night leaves behind."""

    summary: str
    report: bytes
    findings: tuple[str, ...]
    remedies: tuple[str, ...]
    told: tuple[tuple[str, str, str], ...]  # channel, what, state
    done: int  # how often the audit says that it was done
    audit: str  # empty where the chain holds


@dataclass
class Tally:
    """What became of the kills. `again`: messages that a channel got twice, the run having died right after sending."""

    kills: int = 0
    nights: int = 0
    again: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where nights are run: `fresh` gives the address of a new copy of the eve's database."""

    night: date
    at: datetime
    settings: dict[str, Any]
    fresh: Callable[[], str]
    chat: Chat
    mailbox: Mailbox
    forks: Forks
    moved: Callable[[datetime], None]  # the bank's clock, which goes with that of the runs


def spread(kills: int, whole: float, rng: random.Random) -> list[float]:
    """So many moments of the night, one at random in each of so many equal parts of it, shuffled."""
    moments = [(n + rng.random()) / kills * whole for n in range(kills)]
    rng.shuffle(moments)
    return moments


def disturbed(place: Place, kills: int, seed: int) -> tuple[Tally, float]:
    """Kill nights at so many moments; the tally, and how many seconds an undisturbed night took."""
    _run(place, place.fresh(), place.at, None, fork=False)
    tally, first = Tally(), place.fresh()
    begun = time.monotonic()
    _run(place, first, place.at, None)
    whole = time.monotonic() - begun
    undisturbed = left(first, place)
    moments = spread(kills, whole, random.Random(seed))  # noqa: S311 - to be repeated
    while moments and not tally.differing:
        database, runs = place.fresh(), 0
        place.chat.got.clear()
        place.mailbox.got.clear()
        while True:
            # A moment that a resumed run does not live to see is the next night's.
            after = moments[-1] if moments else None
            ended = _run(place, database, place.at + LATER * runs, after)
            runs += 1
            if ended == KILLED:
                tally.kills += 1
                tally.phases[_phase(database, place.night)] += 1
                moments.pop()
                continue
            if ended:
                tally.differing.append(f"night {tally.nights + 1}: a run ended with {ended}")
                break
            if runs == 1 and moments:
                moments[-1] *= 0.8  # it was quicker than the undisturbed one, and over before
            break
        tally.nights += 1
        tally.again += len(place.chat.got) + len(place.mailbox.got) - len(undisturbed.told)
        tally.differing += [f"night {tally.nights}: {name}" for name in differences(undisturbed, left(database, place))]
    return tally, whole


def differences(one: Left, other: Left) -> Iterator[str]:
    """The parts in which they are not the same, and where each begins to be another."""
    for name in one.__dataclass_fields__:
        ours, theirs = str(getattr(one, name)), str(getattr(other, name))
        if ours != theirs:
            at = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), len(ours))
            yield f"{name}: {ours[max(at - 80, 0) : at + 120]!r} became {theirs[max(at - 80, 0) : at + 120]!r}"


def left(database: str, place: Place) -> Left:
    """What the night has left in this database, and beside it."""
    engine = make_engine(database)
    with reading(engine).begin() as conn:
        night = nights.load(conn, place.night)
        broken = verify(conn)
        o, a = outbox.c, audit.c
        found = Left(
            summary=(night and night.summary) or "",
            report=(Path(place.settings["report_dir"]) / f"report-{place.night}.json").read_bytes(),
            findings=tuple(tables.as_json(one) for one in listings.findings(conn)),
            remedies=tuple(tables.as_json(one) for one in listings.remedies(conn)),
            told=tuple(sorted((r.channel, r.key, r.state) for r in conn.execute(select(o.channel, o.key, o.state)))),
            done=len(conn.execute(select(a.n).where(a.action == "night_done")).all()),
            audit="" if broken is None else str(broken),
        )
    engine.dispose()
    return found


def _run(place: Place, database: str, at: datetime, after: float | None, *, fork: bool = True) -> int:
    place.moved(at)
    return place.forks.run({**place.settings, "database_url": database}, place.night, at, after, fork=fork)


def _phase(database: str, night: date) -> str:
    """In which phase it was killed."""
    engine = make_engine(database)
    with reading(engine).begin() as conn:
        row = nights.load(conn, night)
    engine.dispose()
    return "start" if row is None else "telling" if row.state == nights.DONE else row.phase


@contextmanager
def placed(made: World, folder: Path, seed: int, kind: str) -> Iterator[Place]:
    """The eve, and everything that a night of it needs."""
    # Early enough for the clock, and late enough for PayPal's search to have come to the end of the day before:
    # however late a run is taken up, the lists say the same.
    night = made.last_day + timedelta(days=1)
    at = at_local(night, 0) + timedelta(hours=3, minutes=30)
    with ExitStack() as stack:
        url, fresh = _sqlite(folder) if kind == "sqlite" else _postgres(stack)
        settings: dict[str, Any] = {"database_url": url, "encryption_keys": new_key(), "mode": "shadow"}
        _eve(made, folder, seed, at, settings)
        moments = [at]
        bank = stack.enter_context(open_bank(lambda: moments[-1], seed))
        load(bank.book, made, at)
        slack, mail = stack.enter_context(chat()), stack.enter_context(mailbox())
        settings = {
            **bank_settings(bank),
            **settings,
            "report_dir": str(folder),
            "alert_urls": f"{slack.url},{mail.url}",
        }
        # Both providers are in use. What came was authenticated when it came.
        settings |= {"stripe_webhook_secrets": "whsec_unused", "paypal_webhook_id": "WH-UNUSED"}
        forks = stack.enter_context(forking())
        yield Place(night, at, settings, fresh, slack, mail, forks, moments.append)


def _eve(made: World, folder: Path, seed: int, at: datetime, settings: dict[str, Any]) -> None:
    """Let everything arrive over HTTP, but for what is lost. It is kept, and not handled."""
    chance = random.Random(seed ^ 0x6E69)  # noqa: S311 - the loss must be repeatable
    month = at - timedelta(days=30)
    kept = [one for one in made.told if one.at < month or chance.randrange(100) >= LOST_PERCENT]
    with quietly(), ExitStack() as stack:
        demo = set_up(made, folder, seed, stack, at, **settings)
        import_roster(demo)
        mail = posted(kept, seed)
        demo.sender.post([*mail.in_time, *mail.late], lambda _: None)


def _sqlite(folder: Path) -> tuple[str, Callable[[], str]]:
    eve, copy = folder / "makegood.db", folder / "copy.db"

    def fresh() -> str:
        for old in folder.glob("copy.db*"):
            old.unlink()
        shutil.copy(eve, copy)
        return f"sqlite:///{copy}"

    return f"sqlite:///{eve}", fresh


def _postgres(stack: ExitStack) -> tuple[str, Callable[[], str]]:
    server = stack.enter_context(servers.postgres())
    eve = server.create_database()
    return server.url(eve), lambda: server.url(server.create_database(eve))


def main() -> int:
    arguments = _arguments()
    made = world(arguments.members, MONTHS, arguments.seed)
    kinds: Sequence[str] = ("sqlite", "postgres") if arguments.database == "both" else (arguments.database,)
    sys.stdout.write("| database | a night takes | kills | nights resumed | told again | differing |\n")
    sys.stdout.write("|---|---:|---:|---:|---:|---:|\n")
    wrong = 0
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder, placed(made, Path(folder), arguments.seed, kind) as place:
            tally, whole = disturbed(place, arguments.kills, arguments.seed)
        wrong += len(tally.differing)
        sys.stdout.write(
            f"| {kind} | {whole:.1f} s | {tally.kills} | {tally.nights} | {tally.again} | {len(tally.differing)} |\n"
        )
        sys.stdout.flush()
        sys.stderr.write(", ".join(f"{name} {count}" for name, count in tally.phases.most_common()) + "\n")
        for line in tally.differing:
            sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nights")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="sqlite")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--members", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
