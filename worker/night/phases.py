"""The phases of a night, in their order. Each reads what earlier ones left, may be done again, and leaves its part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from reconcile.outcome import FindingStatus
from reconcile.summary import Summary, summarise
from worker import audit, books
from worker.alerts import channels, telling, words
from worker.claims.nightly import nightly as claims_of_the_night
from worker.engine import snapshot
from worker.handling import store_all
from worker.judging import reconcile_all
from worker.night import picture
from worker.runtime import Runtime
from worker.sharing import Wake, alone, judge_shared
from worker.store import nights
from worker.store.due import Wanted
from worker.store.nights import Night

OVER = "over"


class NightLostError(Exception):
    """Another run has taken the night: this one was silent for too long."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a phase works on."""

    runtime: Runtime
    night: Night
    wake: Wake = alone


@dataclass(frozen=True, slots=True)
class Left:
    """What a phase leaves: a note for later ones, and what is written in the same transaction."""

    note: Any = None
    also: Callable[[Connection], object] | None = None


def _backfill(run: Run) -> Left:
    """Ask the providers, and make facts of what they tell."""
    failed = picture.ask(run.runtime, run.night)
    store_all(run.runtime)
    return Left(failed)


def _picture(run: Run) -> Left:
    """Which providers' pictures are incomplete, known before anything is judged on them."""
    seen = picture.look(run.runtime, run.night, run.night.notes["backfill"])

    def write(conn: Connection) -> None:
        nights.set_gaps(conn, run.night.night, seen.gaps)

    return Left({"unchecked": sorted(seen.unchecked), "days": msgspec.to_builtins(seen.days)}, write)


def _judge(run: Run) -> Left:
    """Judge what changed or fell due, together with whatever workers there are."""
    night = run.night
    judge_shared(run.runtime, Wanted(night.as_of), f"night {night.night} as of {night.as_of}", run.wake)
    # What changed in a slice after it was judged, or was touched while a run that is gone had it.
    reconcile_all(run.runtime, night.as_of)
    return Left()


def _follow_up(run: Run) -> Left:
    """Refunds on their way, claims whose clock has run out, and what members are told of both."""
    picture.follow_up(run.runtime)
    done = claims_of_the_night(run.runtime)
    return Left({"claims": done.moved_on, "notices": done.laid_out})


def _missed(run: Run) -> Left:
    """What no webhook told, counted by type."""
    return Left(picture.missed(run.runtime, run.night))


def _summary(run: Run) -> Left:
    """Sum up what stands at one moment, and write it down together with what it shows: a finding is new on one night
    only. Reading takes its time, and holds nobody up; what changes meanwhile is for the next night."""
    with snapshot(run.runtime.engine) as conn:
        read = books.read(conn, run.runtime, run.night)
    told = summarise(read)
    night = run.night.night
    still = [case.key for case in read.cases if case.status is FindingStatus.OPEN and case.first_seen <= night]

    def write(conn: Connection) -> None:
        number, head = audit.head(conn)
        nights.write_summary(conn, run.night, as_bytes(told).decode(), told.complete, f"{number}:{head}")
        nights.mark_shown(conn, night, still)

    return Left(also=write)


def _report(run: Run) -> Left:
    from worker import report  # its templates are read only when there is something to write

    written = report.write(run.runtime, run.night.night, run.runtime.settings.report_dir)
    return Left(str(written))


def _tell(run: Run) -> Left:
    """Put the night into the outbox of every channel, and close it."""
    night, runtime = run.night, run.runtime
    report, console = night.notes.get("report"), runtime.settings.console_url
    message = words.of_night(summary(night), night.audit_head or "", report, console)
    at = runtime.clock()

    def write(conn: Connection) -> None:
        telling.put_out(conn, channels.names(runtime.settings), message, at)
        nights.finish(conn, night, at)
        audit.append(
            conn, audit.ACTOR, "night_done", str(night.night), {"told": message.key, "summary": digest(night)}, at
        )

    return Left(also=write)


_PHASES: dict[str, Callable[[Run], Left]] = {
    "backfill": _backfill,
    "picture": _picture,
    "judge": _judge,
    "follow_up": _follow_up,
    "missed": _missed,
    "summary": _summary,
    "report": _report,
    "tell": _tell,
}
NAMES = tuple(_PHASES)
FIRST = NAMES[0]


def do(name: str, run: Run) -> Left:
    return _PHASES[name](run)


def from_on(name: str) -> Sequence[str]:
    """The phases that are left, `name` being the next."""
    return NAMES[NAMES.index(name) :] if name in NAMES else ()


def behind(name: str) -> str:
    return (*NAMES[1:], OVER)[NAMES.index(name)]


def after(runtime: Runtime, night: Night) -> None:
    """Once a night is done: try its messages at once. Those that do not get through are the clock's."""
    if night.state == nights.DONE:
        telling.deliver(runtime)


def summary(night: Night) -> Summary:
    """The summary that the night has written down."""
    if night.summary is None:
        raise ValueError(f"the night of {night.night} has no summary yet")
    return msgspec.json.decode(night.summary, type=Summary)


def as_bytes(told: Summary) -> bytes:
    """The same summary gives the same bytes."""
    return msgspec.json.encode(told)


def as_json(night: Night) -> str:
    """The summary for programs, on one line, with what follows from it and where the report lies."""
    told = summary(night)
    said = {"complete": told.complete, "ties": told.ties, "needs_a_person": told.needs_a_person}
    plain = {**msgspec.to_builtins(told), **said, "report": night.notes.get("report")}
    return msgspec.json.encode(plain).decode()


def digest(night: Night) -> str:
    from worker.codec import digest as of_text

    return of_text(night.summary or "")
