"""Ordinary lives: terms that change now and then, payments that come late, and all of it rightly billed."""

from __future__ import annotations

from datetime import timedelta

from worker.sandbox.drafting import Draft
from worker.sandbox.merchant import Agreement, Due
from worker.sandbox.plans import FOREIGN, MONTHLY, TRIAL, YEARLY
from worker.sandbox.reckoning import later


def plain(d: Draft) -> None:
    """An ordinary member who joined some day."""
    days = (d.end - d.begin).days - 3
    started = d.begin + timedelta(days=d.rng.randint(0, max(days, 0)))
    plan = d.rng.choices([*MONTHLY, *YEARLY, *FOREIGN, TRIAL], [6, 6, 5, 5, 1, 1, 1, 1, 2, 1, 2])[0]
    d.join(plan, started=later(started, -12) if plan.every == "year" and d.rng.random() < 0.5 else started)
    terms(d)
    if d.rng.random() < 0.1 and len(d.owed()) > 2 and d.pause is None:
        ends = d.cancel(d.owed()[-1], "early")
        d.end_agreement(d.agreements[-1], ends - timedelta(days=1))
    payments(d)
    d.bill_all()


def terms(d: Draft, *, steady: bool = False) -> None:
    """Of a monthly plan: a new price, a discount, more seats, a pause or another provider, from some renewal on;
    sometimes several in one life. A `steady` member stays with the provider and never pauses."""
    changes = (_price, _discount, _seats) if steady else (_move, _price, _discount, _seats, _pause)
    for change in changes if d.plan.every == "month" else ():
        if len(d.owed()) > 3 and d.rng.random() < 0.12:
            change(d)


def payments(d: Draft) -> None:
    """Now and then a renewal fails and is paid within two weeks, or a one-off is agreed."""
    ordinary = [due for due in d.owed()[1:-1] if due.on not in d.paid]
    if ordinary and d.rng.random() < 0.1:
        late = d.rng.choice(ordinary)
        agreement = d.agreement_on(late.on)
        if not _ends_soon(d, agreement, late):
            invoice = d.fail(late, days=(0, 3) if agreement.provider == "stripe" else (0,))
            paid = d.bill(late, at=d.usual_time(late, agreement) + timedelta(days=d.rng.randint(4, 14)))
            if paid.invoice and invoice:
                paid.invoice.id = invoice.id
    if ordinary and d.rng.random() < 0.05:
        d.agreed.append((d.rng.choice(ordinary).on + timedelta(days=d.rng.randint(4, 20)), 2500, "number pack"))


def _ends_soon(d: Draft, agreement: Agreement, due: Due) -> bool:
    """No late payment comes by an agreement that has ended by then."""
    over = agreement.until or d.ends
    return over is not None and over <= due.on + timedelta(days=15)


def _some(d: Draft) -> Due:
    dues = d.owed()
    return dues[d.rng.randint(1, len(dues) - 2)]


def _move(d: Draft) -> None:
    d.move(_some(d), "paypal" if d.agreements[-1].provider == "stripe" else "stripe")


def _price(d: Draft) -> None:
    d.prices.append((_some(d).on, d.plan.price + 100 * d.rng.randint(3, 20)))


def _discount(d: Draft) -> None:
    d.discount = (_some(d).on, d.rng.choice([10, 20, 50]), d.rng.randint(1, 4))


def _seats(d: Draft) -> None:
    d.quantities.append((_some(d).on, d.rng.randint(2, 5)))


def _pause(d: Draft) -> None:
    dues = d.owed()
    first = d.rng.randint(1, len(dues) - 3)
    d.pause = (dues[first].on, dues[first + d.rng.randint(1, 2)].on)
