"""A member in the making: the verbs in which the stories are written."""

from __future__ import annotations

import string
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal

from worker.sandbox import merchant, reckoning
from worker.sandbox.merchant import Agreement, Charge, Dispute, Due, Failure, Invoice, Line, Member, Plan, Refund
from worker.sandbox.reckoning import at_local
from worker.sandbox.truth import Planted

Provider = Literal["stripe", "paypal"]

MONTHLY = (
    Plan("dialer", 9900, setup_fee=14900),
    Plan("solo", 4900),
    Plan("team", 12900, setup_fee=9900),
    Plan("office", 7900),
)
YEARLY = (Plan("dialer-year", 99000, every="year"), Plan("solo-year", 49000, every="year"))
FOREIGN = (Plan("solo-jp", 1500, "JPY"), Plan("team-eu", 5900, "EUR"), Plan("solo-ca", 6900, "CAD"), Plan("team-jp", 4800, "JPY"))
TRIAL = Plan("solo-trial", 4900, trial_days=14)

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits


class Names:
    """Object ids in the providers' forms, drawn from the seed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def stripe(self, prefix: str) -> str:
        return f"{prefix}_{''.join(self.rng.choices(_ALNUM, k=24))}"

    def paypal(self, length: int = 17) -> str:
        return "".join(self.rng.choices(_UPPER, k=length))


class Draft(Member):
    """A member whose story is being written. Nothing after `end`, the world's last day, will be told."""

    rng: Random
    names: Names
    begin: date
    end: date

    def join(
        self,
        plan: Plan | None = None,
        provider: Provider | None = None,
        *,
        started: date | None = None,
        clock: tuple[int, int] | None = None,
        policy: tuple[str, ...] = merchant.DEFAULT_POLICY,
        shape: str | None = None,
        listed: bool = True,
    ) -> Agreement:
        """The member joins; `clock` is the local time of day at which the provider's periods begin."""
        self.plan = plan or self.rng.choice(MONTHLY)
        self.started_on = started or self._some_start()
        self.policy = policy
        clock = clock or (self.rng.randint(9, 16), self.rng.randint(0, 59))
        provider = provider or self.rng.choice(("stripe", "paypal"))
        return self.agree(provider, self.started_on, at_local(self.first_due, *clock), listed=listed, shape=shape)

    def _some_start(self) -> date:
        """A day that leaves at least five months to tell; the ends of months, where calendars differ, more often."""
        last = max(self.begin, self.end - timedelta(days=175))
        day = self.begin + timedelta(days=self.rng.randint(0, (last - self.begin).days))
        month_end = reckoning.later(day.replace(day=31), 0) if day.month in (1, 3, 5, 7, 8, 10, 12) else day
        return month_end if month_end <= last and self.rng.random() < 0.25 else day

    def agreement_on(self, day: date) -> Agreement:
        """The newest listed agreement that had begun by `day` (the first one before any had)."""
        begun = [a for a in self.agreements if a.listed and a.since <= day]
        return max(begun, key=lambda a: a.since) if begun else self.agreements[0]

    def owed(self, *, ended: bool = True, paused: bool = True) -> list[Due]:
        """The dues up to the world's last day."""
        return self.dues(self.end, ended=ended, paused=paused)

    def some_due(self, first: int = 1, spare: int = 1) -> Due:
        """An ordinary renewal in the middle: not the first one, and with `spare` more after it."""
        dues = self.owed()
        return dues[self.rng.randint(first, max(first, len(dues) - 1 - spare))]

    def agree(
        self, provider: Provider, since: date, anchor: datetime, *, listed: bool = True, shape: str | None = None
    ) -> Agreement:
        """A new agreement at the provider; one that the roster lists ends the one before it on its day."""
        if provider == "stripe":
            subscription, customer = self.names.stripe("sub"), self.names.stripe("cus")
            known = [a.customer for a in self.agreements if a.provider == "stripe"]
            customer = known[0] if known else customer
            shapes = (merchant.OLD, merchant.BASIL)
        else:
            subscription, customer = f"I-{self.names.paypal(12)}", self.names.paypal(13)
            shapes = (merchant.AGREEMENT_V1, merchant.SUBSCRIPTION_V2)
        agreement = Agreement(
            provider, subscription, customer, since, anchor, shape or self.rng.choice(shapes), listed=listed
        )
        agreement.happenings.append((at_local(since, 9, self.rng.randint(0, 30)), "begun"))
        if listed and self.agreements:
            self.agreements[-1].until = since
        self.agreements.append(agreement)
        return agreement

    def period(self, due: Due, agreement: Agreement) -> tuple[datetime, datetime]:
        """The billing period as the provider reckons it, from its own anchor."""
        start = reckoning.instant_later(agreement.anchor, due.months)
        return start, reckoning.instant_later(agreement.anchor, due.months + due.step)

    def usual_time(self, due: Due, agreement: Agreement) -> datetime:
        """When the provider takes a renewal: at once for the first; Stripe an hour or so into the period, PayPal at
        about ten in the morning UTC on the day."""
        first = due.months == 0 and agreement.since <= due.on
        if agreement.provider == "stripe":
            start, _ = self.period(due, agreement)
            return start + (timedelta(seconds=self.rng.randint(2, 9)) if first else self._minutes(60, 85))
        if first:
            return agreement.anchor + self._minutes(0, 2)
        return datetime.combine(due.on, datetime.min.time(), reckoning.UTC) + self._minutes(600, 690)

    def bill(
        self,
        due: Due,
        *,
        minor: int | None = None,
        at: datetime | None = None,
        by: Agreement | None = None,
        tax_minor: int = 0,
        currency: str | None = None,
        setup_minor: int | None = None,
    ) -> Charge:
        """The provider takes the renewal `due` (or `minor` instead of what is owed), by its usual way."""
        agreement = by or self.agreement_on(due.on)
        at = at or self.usual_time(due, agreement)
        dues_minor = due.minor - due.setup_minor if minor is None else minor
        setup = (due.setup_minor if minor is None else 0) if setup_minor is None else setup_minor
        charge = self._charge(agreement, at, dues_minor + setup + tax_minor, currency)
        charge.tax_minor = tax_minor
        if agreement.provider == "stripe":
            start, end = self.period(due, agreement)
            lines = [Line(dues_minor, start, end)] + ([Line(setup, start, start, "set-up")] if setup else [])
            charge.invoice = self._invoice(agreement, at, "create" if due.months == 0 else "cycle", lines, tax_minor)
        if by is None or by.listed:
            self.paid.add(due.on)
        return charge

    def bill_all(self, *, skip: tuple[Due, ...] = ()) -> None:
        """Every renewal not billed yet is taken as owed, and so is every agreed one-off."""
        for due in self.owed():
            if due.on not in self.paid and due not in skip:
                self.bill(due)
        for day, minor, _ in self.agreed:
            self.one_off(minor, at_local(day, 13, self.rng.randint(0, 59)))

    def one_off(self, minor: int, at: datetime, currency: str | None = None) -> Charge:
        """A charge outside the subscription: by Stripe customer, or a PayPal order that names the membership."""
        agreement = self.agreement_on(reckoning.local_date(at))
        charge = self._charge(agreement, at, minor, currency)
        charge.agreement = None
        if charge.provider == "paypal":
            charge.kind, charge.named = "capture", self.ref
        return charge

    def fail(self, due: Due, *, days: tuple[int, ...] = (0,), outstanding_minor: int = 0) -> Invoice | None:
        """The provider tries and fails to take `due`, on those days after it; the bill that stays open, if any."""
        agreement = self.agreement_on(due.on)
        at = self.usual_time(due, agreement)
        invoice = None
        if agreement.provider == "stripe":
            start, end = self.period(due, agreement)
            invoice = self._invoice(agreement, at, "cycle", [Line(due.minor, start, end)], 0)
            self.invoices.remove(invoice)  # it is not paid: only its failures are told
        for day in days:
            self.failures.append(
                Failure(at + timedelta(days=day), due.minor, agreement, invoice, outstanding_minor or due.minor)
            )
        return invoice

    def refund(self, charge: Charge, minor: int, *, days: int, failed_after: int | None = None) -> None:
        """Somebody gives money back by hand in the provider's dashboard."""
        at = charge.at + timedelta(days=days, hours=3)
        new_id = self.names.stripe("re") if charge.provider == "stripe" else self.names.paypal()
        failed_at = None if failed_after is None else at + timedelta(days=failed_after)
        charge.refunds.append(Refund(new_id, at, minor, failed_at))

    def dispute(self, charge: Charge, *, days: int, won: bool | None) -> None:
        """The member disputes `charge`; `won` (by the merchant), lost, or None while it is open."""
        at = charge.at + timedelta(days=days)
        new_id = self.names.stripe("dp") if charge.provider == "stripe" else f"PP-R-{self.names.paypal(10)}"
        charge.dispute = Dispute(new_id, at, None if won is None else at + timedelta(days=12), won)

    def notice(self, at: datetime, channel: str = "email") -> date:
        """A written notice of cancellation; the day from which it binds."""
        local = at.astimezone(reckoning.ZONE)
        self.notices.append({"kind": "cancel", "at": local.isoformat(), "channel": channel})
        self.ends = reckoning.binds_from(local.date(), self.anniversaries(), self.policy)
        return self.ends

    def cancel(self, due: Due, how: Literal["early", "last minute", "a minute late"], channel: str = "email") -> date:
        """A notice for `due`'s anniversary: days before the last day for it, at its last minute, or just too late (which
        binds an anniversary later). The day from which it binds."""
        last_day = reckoning.last_day_of_notice(due.on, self.policy)
        if how == "early":
            return self.notice(at_local(last_day - timedelta(days=self.rng.randint(1, 9)), self.rng.randint(8, 20)), channel)
        if how == "last minute":
            return self.notice(at_local(last_day, 23, 59), channel)
        return self.notice(at_local(last_day + timedelta(days=1), 0, 1), channel)

    def move(self, due: Due, provider: Provider = "stripe", *, ended: bool = True) -> tuple[Agreement, Agreement]:
        """From `due` on another agreement pays; the old one is cancelled the day before, or lives on."""
        old = self.agreements[-1]
        new = self.agree(provider, due.on, at_local(self.first_due, self.rng.randint(9, 16), self.rng.randint(0, 59)))
        if ended:
            self.end_agreement(old, due.on - timedelta(days=1))
        return old, new

    def end_agreement(self, agreement: Agreement, on: date, how: merchant.Happening = "ended_by_person") -> None:
        agreement.happenings.append((at_local(on, 12, self.rng.randint(0, 59)), how))

    def plant(
        self,
        kind: str,
        charge: Charge | None = None,
        *,
        excess: int | None = None,
        owed: int | None = None,
        renewal: date | None = None,
    ) -> None:
        """A finding that must come out of this story. What is owed is the excess unless said otherwise."""
        self.planted.append(
            Planted(
                kind=kind,
                story=self.story,
                membership=self.ref,
                currency=charge.currency if charge else self.plan.currency,
                charge=charge.ref if charge else None,
                renewal=renewal,
                excess_minor=excess,
                owed_minor=(excess or 0) if owed is None else owed,
            )
        )

    def _minutes(self, low: int, high: int) -> timedelta:
        return timedelta(minutes=self.rng.randint(low, high), seconds=self.rng.randint(0, 59))

    def _charge(self, agreement: Agreement, at: datetime, minor: int, currency: str | None) -> Charge:
        stripe = agreement.provider == "stripe"
        charge = Charge(
            id=self.names.stripe("ch") if stripe else self.names.paypal(),
            provider=agreement.provider,
            kind="charge" if stripe else "sale",
            at=at,
            minor=minor,
            currency=currency or self.plan.currency,
            customer=agreement.customer,
            email=self.email,
            named=self.ref if agreement.shape == merchant.SUBSCRIPTION_V2 else None,
            agreement=agreement,
            intent=self.names.stripe("pi") if stripe else None,
            shape=agreement.shape,
        )
        self.charges.append(charge)
        return charge

    def _invoice(
        self, agreement: Agreement, at: datetime, reason: str, lines: list[Line], tax_minor: int
    ) -> Invoice:
        invoice = Invoice(
            self.names.stripe("in"), at, agreement.customer, agreement, f"subscription_{reason}", lines, tax_minor
        )
        self.invoices.append(invoice)
        return invoice
