"""A member in the making: the verbs in which the stories are written."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from worker.sandbox import merchant, reckoning
from worker.sandbox.billing import Billed
from worker.sandbox.merchant import (
    Agreement,
    Charge,
    Due,
    Plan,
    Provider,
)
from worker.sandbox.plans import MONTHLY
from worker.sandbox.reckoning import at_local
from worker.sandbox.truth import Planted

When = Literal["early", "last minute", "a minute late"]
IN_TIME: tuple[When, ...] = ("early", "last minute")
PROVIDERS: tuple[Provider, ...] = ("stripe", "paypal")


class Draft(Billed):
    """A member whose story is being written. Nothing after `end`, the world's last day, will be told."""

    begin: date

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
        drawn: Provider = self.rng.choice(PROVIDERS)
        anchor = at_local(self.first_due, *clock)
        return self.agree(provider or drawn, self.started_on, anchor, listed=listed, shape=shape)

    def _some_start(self) -> date:
        """A day that leaves at least five months to tell; the ends of months, where calendars differ, more often."""
        last = max(self.begin, self.end - timedelta(days=175))
        day = self.begin + timedelta(days=self.rng.randint(0, (last - self.begin).days))
        month_end = reckoning.later(day.replace(day=31), 0) if day.month in (1, 3, 5, 7, 8, 10, 12) else day
        return month_end if month_end <= last and self.rng.random() < 0.25 else day

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

    def notice(self, at: datetime, channel: str = "email") -> date:
        """A written notice of cancellation; the day from which it binds."""
        local = at.astimezone(reckoning.ZONE)
        self.notices.append({"kind": "cancel", "at": local.isoformat(), "channel": channel})
        self.ends = reckoning.binds_from(local.date(), self.anniversaries(), self.policy)
        return self.ends

    def cancel(self, due: Due, how: When, channel: str = "email") -> date:
        """A notice for `due`'s anniversary: days before the last day for it, at its last minute, or just too late
        (which binds an anniversary later). The day from which it binds."""
        last_day = reckoning.last_day_of_notice(due.on, self.policy)
        if how == "early":
            day = last_day - timedelta(days=self.rng.randint(1, 9))
            return self.notice(at_local(day, self.rng.randint(8, 20)), channel)
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
        waits: bool | None = False,
    ) -> None:
        """A finding that must come out of this story. What is owed is the excess unless said otherwise; its remedy is
        queued by itself unless it `waits` for a person (None: that may be seen either way) or is a large one."""
        back = (excess or 0) if owed is None else owed
        self.planted.append(
            Planted(
                kind=kind,
                story=self.story,
                membership=self.ref,
                currency=charge.currency if charge else self.plan.currency,
                charge=charge.ref if charge else None,
                renewal=renewal,
                excess_minor=excess,
                owed_minor=back,
                waits=True if back > reckoning.APPROVE_ABOVE_MINOR else waits,
            )
        )
