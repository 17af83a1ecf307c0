"""Two merchants as flat tables, which is what other people's matchers take: the one of `benchmarks.charges`, clean and
with a key, and the sandbox's, on which `makegood demo` is judged."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import date
from itertools import takewhile
from pathlib import Path

from benchmarks.charges import AS_OF, ZONE, Life, lives
from benchmarks.scoring import Flat, FlatCharge, FlatMember, FlatRenewal
from reconcile.anniversaries import Cycle
from reconcile.membership import Every, MonthEnd
from worker.sandbox import merchant
from worker.sandbox.drafting import Draft
from worker.sandbox.merchant import Due
from worker.sandbox.reckoning import later, local_date
from worker.sandbox.stories import World

# What is not a finding about one charge's taking, as the sandbox plants it.
UNSEEN = "corrected_elsewhere"


def clean(memberships: int) -> Flat:
    """Every charge carries its membership's ids; one price each, in one currency, monthly."""
    everyone = list(lives(memberships))
    return Flat(
        tuple(_of_life(everyone)),
        tuple(renewal for life in everyone for renewal in _renewals(life)),
        tuple(_member(life) for life in everyone),
        {str(one.charge.ref): one.wrong for life in everyone for one in life.taken if one.wrong},
    )


def sandbox(made: World, *, dues: bool) -> Flat:
    """The sandbox's merchant. With `dues` the renewals are the world's own, with every change of terms and what else
    was agreed in them; else what the roster's plan alone says: its price, on every anniversary, the set-up fee with the
    first. Either way it is known when each notice binds, what is tax, and what was given back."""
    members, emails = made.members, Counter(draft.email for draft in made.members)
    charges = [charge for draft in members for charge in draft.charges] + made.strangers
    return Flat(
        tuple(_of_charge(charge) for charge in charges if charge.captured),
        tuple(renewal for draft in members for renewal in _owed(draft, _agreed(draft) if dues else _by_plan(draft))),
        tuple(_of_draft(draft, [draft.email] * (emails[draft.email] == 1)) for draft in members),
        {plant.charge: plant.kind for plant in made.planted if plant.charge is not None and plant.kind != UNSEEN},
    )


def write(flat: Flat, folder: Path) -> None:
    """As `charges.csv`, `renewals.csv` and `names.csv` (a name that a charge may carry, and whose it is)."""
    _write(folder / "charges.csv", FlatCharge, flat.charges)
    _write(folder / "renewals.csv", FlatRenewal, flat.renewals)
    with (folder / "names.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("name", "membership"))
        out.writerows((name, member.ref) for member in flat.members for name in member.names)


def _write(file: Path, kind: type[FlatCharge | FlatRenewal], rows: Iterable[FlatCharge | FlatRenewal]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, [field.name for field in fields(kind)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _of_life(everyone: Iterable[Life]) -> Iterator[FlatCharge]:
    for charge in (taken.charge for life in everyone for taken in life.taken):
        at, money = charge.taken_at, charge.amount
        day = at.astimezone(ZONE).date()
        customer = charge.customer or charge.payer or ""
        yield FlatCharge(
            str(charge.ref),
            at.replace(tzinfo=None),
            day,
            money.minor,
            money.currency,
            charge.subscription or "",
            customer,
        )


def _renewals(life: Life) -> Iterator[FlatRenewal]:
    one, (agreement,) = life.membership, life.membership.agreements
    stop = one.ended_on or date.max
    days = Cycle.of(one.started_on, Every.MONTH, 1, MonthEnd.CLAMP).dates()
    for day in takewhile(lambda day: day <= AS_OF and day < stop, days):
        ids = (agreement.subscription or "", agreement.customer or agreement.payer or "")
        yield FlatRenewal(f"{one.ref} {day}", one.ref, day, one.plan.price.minor, one.plan.price.currency, *ids)


def _member(life: Life) -> FlatMember:
    one = life.membership
    names = [name for a in one.agreements for name in (a.subscription, a.customer, a.payer) if name]
    return FlatMember(one.ref, (one.ref, *names), one.ended_on)


def _of_charge(charge: merchant.Charge) -> FlatCharge:
    given_back = sum(refund.minor for refund in charge.refunds if refund.failed_at is None)
    if charge.dispute and charge.dispute.won is False:
        given_back = charge.minor
    return FlatCharge(
        charge.ref,
        charge.at.replace(tzinfo=None),
        local_date(charge.at),
        charge.minor - charge.tax_minor,
        charge.currency,
        charge.agreement.subscription if charge.agreement else "",
        charge.customer or "",
        charge.email or "",
        charge.named or "",
        given_back,
    )


def _agreed(draft: Draft) -> list[Due]:
    return [*draft.owed(), *(Due(day, day, minor) for day, minor, _ in draft.agreed)]


def _by_plan(draft: Draft) -> list[Due]:
    """What stands in the roster's one line of the plan, and no more."""
    step = 12 if draft.plan.every == "year" else 1
    stop = min(draft.ends or date.max, draft.end)
    made: list[Due] = []
    while (day := later(draft.first_due, len(made) * step)) < stop:
        setup = 0 if made else draft.plan.setup_fee
        made.append(Due(day, later(day, step), draft.plan.price + setup, setup))
    return made


def _owed(draft: Draft, dues: Iterable[Due]) -> Iterator[FlatRenewal]:
    for due in dues:
        agreement = draft.agreement_on(due.on)
        ids = (agreement.subscription, agreement.customer, draft.email)
        yield FlatRenewal(f"{draft.ref} {due.on}", draft.ref, due.on, due.minor, draft.plan.currency, *ids)


def _of_draft(draft: Draft, emails: list[str]) -> FlatMember:
    names = [name for a in draft.agreements if a.listed for name in (a.subscription, a.customer)]
    return FlatMember(draft.ref, (draft.ref, *dict.fromkeys(names), *emails), draft.ends, draft.restarts)
