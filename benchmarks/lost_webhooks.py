"""python -m benchmarks.lost_webhooks [--members N] [--lost PERCENT] [--every DAYS] [--seed N] [--out FOLDER]

Lives one month of the demo's world twice, day by day and with its nights, over real HTTP: once every webhook arrives,
and once a third of them never does and the nights' back-fill has to ask the bank. Both months must end with the same
findings about charges and memberships and the same remedies, byte for byte. What the second has more, and must have,
are its `missed_webhook` findings: they are about the endpoint, move no money, and are counted apart. Ends with 1 if
anything else differs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from reconcile.outcome import FindingKind
from worker import handling, nightly, tables
from worker.engine import reading
from worker.sandbox.bank.loading import load
from worker.sandbox.deliveries import posted
from worker.sandbox.demo import Demo, import_roster, quietly, set_up
from worker.sandbox.reckoning import at_local, later, local_date
from worker.sandbox.stories import World, world
from worker.sandbox.telling import Told
from worker.store import listings, nights
from worker.store.nights import Night

MONTHS = 6
ONE_DAY = timedelta(days=1)
NIGHT = timedelta(hours=3, minutes=30)  # when a day's night is looked for: after 02:30, in the merchant's zone
MISSED = FindingKind.MISSED_WEBHOOK.value


@dataclass(frozen=True)
class Month:
    """How a month ended: its findings and remedies line by line as the listings tell them, `missed_webhook` apart;
    what its nights counted as told by no webhook, and those of them that called themselves incomplete."""

    findings: tuple[str, ...]
    remedies: tuple[str, ...]
    missed: Counter[str]
    incomplete: tuple[str, ...]


@dataclass
class _Told:
    missed: Counter[str] = field(default_factory=Counter)
    incomplete: list[str] = field(default_factory=list)

    def note(self, night: Night) -> None:
        for provider, kind, count in night.notes["missed"]:
            self.missed[f"{provider} {kind}"] += count
        if not night.complete:
            self.incomplete.append(f"{night.night}: {night.summary}")


def live(made: World, folder: Path, seed: int, lost_percent: int, every: int = 1) -> Month:
    """Live the last month of the world, in which so many of the webhooks never arrive, nor their retries. A night is
    run every so many days, and after the last."""
    start, chance = _start(made), Random(seed ^ 0x6C6F7374)  # noqa: S311 - the loss must be repeatable
    kept = [one for one in made.told if one.at < start or chance.randrange(100) >= lost_percent]
    folder.mkdir(parents=True, exist_ok=True)
    told = _Told()
    with quietly(), ExitStack() as stack:
        demo = set_up(made, folder, seed, stack, start, mode="shadow", report_dir=folder)
        import_roster(demo)
        nightly.run_due(demo.product)  # the first look: from now on nights are due
        _post(demo, [one for one in kept if one.at < start], seed)
        day = local_date(start)
        while day <= made.last_day:
            begin, end = at_local(day, 0), at_local(day + ONE_DAY, 0)
            _move_to(demo, end)
            _post(demo, [one for one in kept if begin <= one.at < end], seed + day.toordinal())
            if day.day % every == 0 or day == made.last_day:
                _move_to(demo, end + NIGHT)
                told.note(_night(demo))
            day += ONE_DAY
        return _ended(demo, told)


def _start(made: World) -> datetime:
    return at_local(later(made.last_day + ONE_DAY, -1), 0)


def _night(demo: Demo) -> Night:
    done = nightly.run_due(demo.product)
    if done is None or done.state != nights.DONE:
        raise RuntimeError(f"no night was done at {demo.clock()}")
    return done


def _post(demo: Demo, told: list[Told], seed: int) -> None:
    mail = posted(told, seed) if told else None
    for part in (mail.in_time, mail.late) if mail else ():
        demo.sender.post(part, lambda _: None)
        handling.drain(demo.product)


def _move_to(demo: Demo, at: datetime) -> None:
    """Time passes, for the bank too."""
    demo.clock.skip(at - demo.clock())
    load(demo.bank.book, demo.made, at)


def _ended(demo: Demo, told: _Told) -> Month:
    with reading(demo.product.engine).begin() as conn:
        found = [one for one in listings.findings(conn) if one["finding"] != MISSED]
        remedies = [tables.as_json(one) for one in listings.remedies(conn)]
    return Month(tuple(tables.as_json(one) for one in found), tuple(remedies), told.missed, tuple(told.incomplete))


def differences(one: Month, other: Month) -> Iterator[str]:
    """What the one month's listings have and the other's have not."""
    for name in ("findings", "remedies"):
        ours, theirs = getattr(one, name), getattr(other, name)
        yield from (f"- {line}" for line in ours if line not in set(theirs))
        yield from (f"+ {line}" for line in theirs if line not in set(ours))
        if sorted(ours) == sorted(theirs) and ours != theirs:
            yield f"the {name} are the same in another order"


def main() -> int:
    arguments = _arguments()
    made = world(arguments.members, MONTHS, arguments.seed)
    folder = arguments.out or Path(tempfile.mkdtemp(prefix="makegood-lost-"))
    ended: dict[int, Month] = {}
    for percent in (0, arguments.lost):
        begun = time.monotonic()
        ended[percent] = month = live(made, folder / str(percent), arguments.seed, percent, arguments.every)
        missed = ", ".join(f"{count} {kind}s" for kind, count in sorted(month.missed.items())) or "nothing"
        sys.stdout.write(
            f"{percent} % of {_in_the_month(made)} webhooks lost: {len(month.findings)} findings, "
            f"{len(month.remedies)} remedies; told by no webhook: {missed}; "
            f"{len(month.incomplete)} nights incomplete; {time.monotonic() - begun:.0f} s\n"
        )
        for said in month.incomplete:
            sys.stderr.write(f"{said}\n")
    told = list(differences(ended[0], ended[arguments.lost]))
    for line in told:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write("the same findings and remedies, byte for byte\n" if not told else f"{len(told)} lines differ\n")
    return 1 if told else 0


def _in_the_month(made: World) -> int:
    return sum(one.at >= _start(made) for one in made.told)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lost_webhooks")
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--lost", type=int, default=33, metavar="PERCENT")
    parser.add_argument("--every", type=int, default=1, metavar="DAYS", help="a night every so many days")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="keep both databases and all reports here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
