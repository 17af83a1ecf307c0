"""What the providers tell of what happened in the bank: the events that an endpoint would receive."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from worker.sandbox import paypal_events, stripe_events
from worker.sandbox.bank import paypal_shapes, stripe_shapes
from worker.sandbox.bank.book import Agreement, Back, Book, Case, Credit
from worker.sandbox.merchant import BASIL
from worker.sandbox.names import Names
from worker.sandbox.telling import Told

_REFUNDS = {"made": "refund.created", "settled": "refund.updated", "failed": "refund.failed"}
_CASES = {"opened": "charge.dispute.created", "closed": "charge.dispute.closed"}
_PAYPAL_CASES = {"opened": "CUSTOMER.DISPUTE.CREATED", "closed": "CUSTOMER.DISPUTE.RESOLVED"}


class Teller:
    """Keeps what is to be told, in order, until somebody delivers it."""

    def __init__(self, book: Book, names: Names) -> None:
        self._book = book
        self._names = names
        self._waiting: deque[Told] = deque()
        book.listeners.append(self._heard)

    def take(self) -> list[Told]:
        """All that has not been taken before."""
        with self._book.lock:
            told = list(self._waiting)
            self._waiting.clear()
            return told

    def _heard(self, word: str, about: object) -> None:
        if isinstance(about, Back):
            stripe = about.charge.provider == "stripe"
            self._waiting.extend(self._stripe_refund(word, about) if stripe else [self._paypal_refund(about)])
        elif isinstance(about, Case):
            self._waiting.append(self._case(word, about))
        elif isinstance(about, Credit):
            shown = stripe_shapes.note(about)
            told = stripe_events.event(self._names, "credit_note.created", self._book.clock(), shown, BASIL)
            self._waiting.append(told)
        elif isinstance(about, Agreement):
            self._waiting.append(self._ended(about))

    def _stripe_refund(self, word: str, back: Back) -> Iterator[Told]:
        at, charge = self._book.clock(), back.charge
        yield stripe_events.event(self._names, _REFUNDS[word], at, stripe_shapes.refund(back), BASIL)
        if word == "made":
            shown = stripe_shapes.charge(charge, self._book.back(charge.id), self._book.case_of(charge.id))
            yield stripe_events.event(self._names, "charge.refunded", at, shown, BASIL)

    def _paypal_refund(self, back: Back) -> Told:
        at, v2 = self._book.clock(), back.charge.kind == "capture"
        version = "2.0" if v2 else ""
        total = self._book.back(back.charge.id)
        shown = paypal_shapes.refund_v2(back) if v2 else paypal_shapes.refund_v1(back, total)
        kinds = {"pending": "PAYMENT.REFUND.PENDING", "failed": "PAYMENT.REFUND.FAILED"}
        kind = kinds.get(back.status, f"PAYMENT.{'CAPTURE' if v2 else 'SALE'}.REFUNDED")
        return paypal_events.event(self._names, kind, at, "refund", shown, version=version)

    def _case(self, word: str, case: Case) -> Told:
        at = self._book.clock()
        if case.charge.provider == "stripe":
            return stripe_events.event(self._names, _CASES[word], at, stripe_shapes.dispute(case), BASIL)
        return paypal_events.event(self._names, _PAYPAL_CASES[word], at, "dispute", paypal_shapes.case(case))

    def _ended(self, agreement: Agreement) -> Told:
        at = self._book.clock()
        if agreement.provider == "stripe":
            shown = stripe_shapes.subscription(agreement)
            return stripe_events.event(self._names, "customer.subscription.deleted", at, shown, BASIL)
        v1 = agreement.version == "v1"
        return paypal_events.event(
            self._names,
            "BILLING.SUBSCRIPTION.CANCELLED",
            at,
            "Agreement" if v1 else "subscription",
            paypal_shapes.agreement(agreement),
            version="" if v1 else "2.0",
        )
