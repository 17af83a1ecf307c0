"""What to do about a call of which it is not known what became of it. Pure: the rule, without the database.

Nothing is repeated before it was looked for, and an absence counts only once the provider has had time to show what it
made. Where the provider lists what it made, an absent refund is sent again under the same key while that key is young,
and under a new one when the old one is provably dead. PayPal does not list a sale's refunds: there the identical call
is the look-up, for it answers with the first refund.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.store.sends import Send

MARGIN = timedelta(hours=1)
REUSE = timedelta(hours=6)  # of a provider that forgets keys after a day and may execute late
REUSE_SPARE = timedelta(days=5)  # of one that remembers them for a month: this much less than it promises
OBJECTED = timedelta(hours=1)  # how soon to look again while something stands in the way


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known now. `objection`: why it could not be sent at this moment, were it sent. `gone_whole`: the charge
    has been given back in full, more of which than we knew by other hands."""

    lists: bool
    repeats_are_lookups: bool
    lifetime: timedelta
    settle: timedelta
    objection: str | None = None
    gone_whole: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """Send again under the same key."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again later. `absent`: it was looked for, in time, and was not there."""

    until: datetime
    why: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """It was not executed and never will be: the next generation may begin."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody can tell any more: a person has to."""

    why: str


Verdict = Repeat | Wait | Dead | GiveUp


def resolve(send: Send, sight: Sight, now: datetime) -> Verdict:
    """The next thing to do for a send in step `unknown` of which nothing was found."""
    first, last = send.key_first_sent, send.last_sent
    if first is None or last is None:
        return Dead()
    if now - last < sight.settle:
        return Wait(last + sight.settle, "too early to call it absent")
    reuse = sight.lifetime - REUSE_SPARE if sight.repeats_are_lookups else REUSE
    young = now - first < reuse
    if sight.lists:
        return _listed(send, sight, now, last, young=young)
    if not sight.repeats_are_lookups and young:
        return Wait(now + OBJECTED, "the provider cannot say what there is")
    return _unlisted(sight, now, young=young)


def _listed(send: Send, sight: Sight, now: datetime, last: datetime, *, young: bool) -> Verdict:
    if young and sight.objection is None:
        return Repeat()
    dead_from = last + sight.lifetime + MARGIN
    if now >= dead_from and send.absent_reads + counts_as_absent(send, sight, now) >= 2:
        return Dead()
    until = now + OBJECTED if young else max(dead_from, now + sight.settle)
    return Wait(until, sight.objection or "its key is too old to repeat and too young to be dead", absent=True)


def _unlisted(sight: Sight, now: datetime, *, young: bool) -> Verdict:
    if not young:
        return GiveUp("no_answer")
    # A charge that has been given back in full cannot be given back again: to ask is to look.
    if sight.objection is None or (sight.objection != "disputed" and sight.gone_whole):
        return Repeat()
    return Wait(now + OBJECTED, sight.objection)


def counts_as_absent(send: Send, sight: Sight, now: datetime) -> bool:
    """Two reads in one breath are one read."""
    return send.absent_at is None or now - send.absent_at >= sight.settle
