"""Which story each member lives, and the strangers whose charges belong to nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from worker.sandbox import merchant, paypal_events, stripe_events
from worker.sandbox import stories_amounts as amounts
from worker.sandbox import stories_duplicates as duplicates
from worker.sandbox import stories_endings as endings
from worker.sandbox import stories_honest as honest
from worker.sandbox import stories_terms as terms
from worker.sandbox.drafting import Draft
from worker.sandbox.lives import plain
from worker.sandbox.merchant import Charge
from worker.sandbox.names import Names
from worker.sandbox.plans import MONTHLY
from worker.sandbox.reckoning import DUNNING_DAYS, at_local, later
from worker.sandbox.telling import Told
from worker.sandbox.truth import Planted

LAST_DAY = date(2026, 6, 30)
MONTHS_MIN = 6  # a story needs some renewals to be told
SHARE_OF_STORIES = 0.3  # of the members, half of it errors and half look-alikes, where there are enough members

Story = Callable[[Draft], None]
ERRORS: tuple[Story, ...] = (*duplicates.STORIES, *amounts.STORIES, *endings.STORIES)
LOOK_ALIKES: tuple[Story, ...] = (*honest.STORIES, *terms.STORIES)


@dataclass
class World:
    """Everything there is to know: who the members are, what was planted, and what the providers will tell."""

    last_day: date
    members: list[Draft]
    strangers: list[Charge]
    planted: list[Planted]
    told: list[Told] = field(repr=False)

    @property
    def end(self) -> datetime:
        """The first instant after the last day, on the merchant's clock."""
        return at_local(self.last_day + timedelta(days=1), 0)

    @property
    def charges(self) -> int:
        return sum(len(member.charges) for member in self.members) + len(self.strangers)


def world(members: int, months: int, seed: int) -> World:
    """The merchant of this seed: the same arguments give the same members, charges and bytes."""
    rng = Random(seed)  # noqa: S311 - a made-up world must be repeatable; no key is drawn from it
    begin = later(LAST_DAY + timedelta(days=1), -max(months, MONTHS_MIN))
    drafts = [
        _live(story, number, rng, begin, later(LAST_DAY + timedelta(days=1), -months))
        for number, story in enumerate(_cast(members, rng), start=1)
    ]
    made = World(LAST_DAY, drafts, [], [], [])
    for draft in drafts:
        _keep_what_happened(draft, made.end)
    made.strangers = _strangers(drafts, rng)
    made.planted = [plant for draft in drafts for plant in draft.planted]
    made.planted += [
        Planted("unrecognised_charge", "stranger", None, stray.currency, stray.ref, waits=True)
        for stray in made.strangers
    ]
    made.told = _tellings(made, rng)
    return made


def _cast(members: int, rng: Random) -> list[Story]:
    """Each error and each look-alike in turn, as many of the one as of the other, at least twice each where there is
    room; everybody else lives a plain life."""
    rounds = max(1, int(members * SHARE_OF_STORIES / 2 / len(ERRORS)), 2 if members >= 4 * len(ERRORS) else 0)
    wrong = [story for _ in range(rounds) for story in rng.sample(ERRORS, len(ERRORS))]
    fine = [story for _ in range(rounds * 2) for story in rng.sample(LOOK_ALIKES, len(LOOK_ALIKES))]
    told = [story for pair in zip(wrong, fine, strict=False) for story in pair][:members]
    cast = told + [plain] * (members - len(told))
    rng.shuffle(cast)
    return cast


def _live(story: Story, number: int, rng: Random, story_begin: date, plain_begin: date) -> Draft:
    draft = Draft(
        ref=f"M-{number:04d}",
        name=f"Member {number:04d}",
        email=f"member{number:04d}@example.com",
        country=rng.choice(["US", "US", "US", "CA"]),
        started_on=plain_begin if story is plain else story_begin,
        plan=MONTHLY[0],
        story=story.__name__,
    )
    draft.rng, draft.names, draft.end = rng, Names(rng), LAST_DAY
    draft.begin = plain_begin if story is plain else story_begin
    story(draft)
    return draft


def _keep_what_happened(draft: Draft, end: datetime) -> None:
    """What would be later than the last day did not happen; what was due long enough and never paid is missed."""
    unseen = {charge.ref for charge in draft.charges if charge.at >= end}
    draft.charges = [charge for charge in draft.charges if charge.at < end]
    billed = {id(charge.invoice) for charge in draft.charges}
    draft.invoices = [i for i in draft.invoices if id(i) in billed or (i.at < end and _is_receipt(i))]
    draft.failures = [failure for failure in draft.failures if failure.at < end]
    for agreement in draft.agreements:
        agreement.happenings = [(at, what) for at, what in agreement.happenings if at < end]
    draft.agreements = [a for a in draft.agreements if a.listed or a.happenings]
    draft.planted = [plant for plant in draft.planted if plant.charge not in unseen]
    for due in draft.owed():
        if due.on not in draft.paid and due.on + timedelta(days=DUNNING_DAYS) < draft.end:
            draft.plant("missed_renewal", renewal=due.on)


def _is_receipt(invoice: merchant.Invoice) -> bool:
    return invoice.out_of_band or invoice.total_minor == 0


def _strangers(drafts: list[Draft], rng: Random) -> list[Charge]:
    """Charges of nobody known, and one of an address that two members share."""
    names = Names(rng)
    day = LAST_DAY - timedelta(days=40)
    unknown = [
        Charge(names.stripe("ch"), "stripe", "charge", at_local(day, 10 + n), 9900, "USD",
               customer=names.stripe("cus"), email=f"stranger{n}@example.net", shape=shape)
        for n, shape in enumerate((merchant.OLD, merchant.BASIL))
    ]  # fmt: skip
    unknown.append(Charge(names.paypal(), "paypal", "sale", at_local(day, 15), 4900, "USD"))
    couple = [draft for draft in drafts if draft.story == "plain"][:2]
    if len(couple) == 2:
        couple[1].email = couple[0].email
        for charge in couple[1].charges:
            charge.email = couple[0].email
        unknown.append(
            Charge(names.stripe("ch"), "stripe", "charge", at_local(day, 16), 3300, "USD",
                   customer=names.stripe("cus"), email=couple[0].email)
        )  # fmt: skip
    return unknown


def _tellings(made: World, rng: Random) -> list[Told]:
    names = Names(rng)
    told: list[Told] = []
    for member in made.members:
        told.extend(stripe_events.tell(member, names))
        told.extend(paypal_events.tell(member, names))
    for charge in made.strangers:
        told.extend((stripe_events if charge.provider == "stripe" else paypal_events).tell_charge(charge, names))
    told.extend(_noise(made, names))
    return sorted((one for one in told if one.at < made.end), key=lambda one: (one.at, one.body))


def _noise(made: World, names: Names) -> Iterator[Told]:
    """Events that an endpoint also gets and that tell of no money: kept, and closed."""
    day = made.last_day - timedelta(days=20)
    for n in range(max(2, len(made.members) // 25)):
        at = at_local(day, 8) + timedelta(minutes=n)
        balance = {"object": "balance", "available": [{"amount": 100 * n, "currency": "usd"}], "livemode": False}
        yield stripe_events.event(names, "balance.available", at, balance, merchant.OLD)
        customer = {"id": names.stripe("cus"), "object": "customer", "balance": 0, "livemode": False}
        yield stripe_events.event(names, "customer.updated", at, customer, merchant.BASIL)
        plan = {"id": f"P-{names.paypal(24)}", "status": "ACTIVE"}
        yield paypal_events.event(names, "BILLING.PLAN.UPDATED", at, "plan", plan, version="2.0")


__all__ = ["ERRORS", "LOOK_ALIKES", "World", "world"]
