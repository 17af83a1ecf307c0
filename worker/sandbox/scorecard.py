"""The demo's last word: planted against found, kind by kind, and what keeps a score from 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from worker.sandbox.deliveries import Mail
from worker.sandbox.stories import LOOK_ALIKES, World
from worker.sandbox.telling import decimal_text
from worker.sandbox.truth import Verdict


def summary(made: World, mail: Mail, outcome: Verdict, books: Iterable[str], page: Path) -> Iterator[str]:
    """The table for people, then the four lines that other programs may rely on."""
    honest = {story.__name__ for story in LOOK_ALIKES}
    look_alikes = sum(member.story in honest for member in made.members)
    yield f"{len(made.members)} members, {made.charges} charges, {look_alikes} of the members honest look-alikes"
    twice = mail.sent - mail.forged - len(made.told)
    yield f"{mail.sent} webhooks: {len(mail.late)} late, {twice} twice, {mail.forged} forged"
    yield ""
    yield f"{'finding':26}{'planted':>8}{'found':>8}{'right':>8}"
    for kind in sorted({*outcome.planted, *outcome.found}):
        counts = (outcome.planted.get(kind, 0), outcome.found.get(kind, 0), outcome.right.get(kind, 0))
        yield f"{kind:26}" + "".join(f"{count:8}" for count in counts)
    yield ""
    yield f"{'owed':26}{'planted':>14}{'found':>14}"
    for currency in sorted({*outcome.owed_true, *outcome.owed_found}):
        sums = (decimal_text(owed.get(currency, 0), currency) for owed in (outcome.owed_true, outcome.owed_found))
        yield f"{currency:26}" + "".join(f"{amount:>14}" for amount in sums)
    yield f"remedies queued or held as they should be: {outcome.rightly_held} of {outcome.remedies}"
    yield ""
    yield from books
    yield ""
    yield f"recall {score(outcome.recall)}"
    yield f"precision {score(outcome.precision)}"
    yield f"money {score(outcome.money)}"
    yield f"report {page}"


def score(share: Fraction) -> str:
    """As a decimal, rounded down: only what is whole reads 1.0."""
    return str(int(share * 10000) / 10000)


def complaints(outcome: Verdict, made: World, answers: Counter[tuple[bool, int]] | None) -> Iterator[str]:
    """One line for each planted error that was missed, each false alarm, each wrong sum, each wrong answer."""
    stories: Mapping[str | None, str] = {member.ref: member.story for member in made.members}
    for plant in outcome.missed:
        yield f"missed: {plant}"
    for finding in outcome.false_alarms:
        yield f"false alarm ({stories.get(finding['membership'], 'stranger')}): {dict(finding)}"
    for charge, true, found in outcome.wrong_money:
        yield f"wrong money: {charge}: {true} is owed, {found} was found"
    for plant, state in outcome.wrongly_held:
        yield f"should {'wait for a person' if plant.waits else 'be queued'}, but is {state}: {plant}"
    if answers is not None:
        for (forged, status), count in sorted(answers.items()):
            yield f"{'forged' if forged else 'genuine'} deliveries answered with {status}: {count}"
