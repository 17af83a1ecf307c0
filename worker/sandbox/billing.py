"""What is taken from a member, how it fails, and what is given back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from worker.sandbox import merchant, reckoning
from worker.sandbox.merchant import Agreement, Charge, Dispute, Due, Failure, Invoice, Line, Member, Refund
from worker.sandbox.names import Names
from worker.sandbox.reckoning import at_local


class Billed(Member):
    """A member with the verbs of billing. `end` is the world's last day."""

    rng: Random
    names: Names
    end: date

    def agreement_on(self, day: date) -> Agreement:
        """The newest listed agreement that had begun by `day` (the first one before any had)."""
        begun = [a for a in self.agreements if a.listed and a.since <= day]
        return max(begun, key=lambda a: a.since) if begun else self.agreements[0]

    def owed(self, *, ended: bool = True) -> list[Due]:
        """The dues up to the world's last day; with `ended` off, as if nobody had cancelled."""
        return self.dues(self.end, ended=ended)

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
        return datetime.combine(due.on, time.min, UTC) + self._minutes(600, 690)

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

    def one_off(self, minor: int, at: datetime) -> Charge:
        """A charge outside the subscription: by Stripe customer, or a PayPal order that names the membership."""
        agreement = self.agreement_on(reckoning.local_date(at))
        charge = self._charge(agreement, at, minor)
        charge.agreement = None
        if charge.provider == "paypal":
            charge.kind, charge.named = "capture", self.ref
        return charge

    def fail(self, due: Due, *, days: tuple[int, ...] = (0,)) -> Invoice | None:
        """The provider tries and fails to take `due`, on those days after it; the bill that stays open, if any."""
        agreement = self.agreement_on(due.on)
        at = self.usual_time(due, agreement)
        invoice = None
        if agreement.provider == "stripe":
            start, end = self.period(due, agreement)
            invoice = self._invoice(agreement, at, "cycle", [Line(due.minor, start, end)], 0)
            self.invoices.remove(invoice)  # it is not paid: only its failures are told
        for day in days:
            self.failures.append(Failure(at + timedelta(days=day), due.minor, agreement, invoice))
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

    def _minutes(self, low: int, high: int) -> timedelta:
        return timedelta(minutes=self.rng.randint(low, high), seconds=self.rng.randint(0, 59))

    def _charge(self, agreement: Agreement, at: datetime, minor: int, currency: str | None = None) -> Charge:
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

    def _invoice(self, agreement: Agreement, at: datetime, reason: str, lines: list[Line], tax_minor: int) -> Invoice:
        invoice = Invoice(
            self.names.stripe("in"), at, agreement.customer, agreement, f"subscription_{reason}", lines, tax_minor
        )
        self.invoices.append(invoice)
        return invoice
