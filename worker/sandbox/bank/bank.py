"""The bank as a whole: both doors open on loopback, the book behind them, and the ledger of what really left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random

from worker.sandbox.bank.book import Book
from worker.sandbox.bank.events import Teller
from worker.sandbox.bank.faults import Faults
from worker.sandbox.bank.paypal_side import PayPalSide
from worker.sandbox.bank.stripe_side import StripeSide
from worker.sandbox.bank.wire import serving
from worker.sandbox.names import Names
from worker.sandbox.telling import Told

STRIPE_KEY = "sk_test_sandbox"
PAYPAL_CLIENT, PAYPAL_SECRET = "sandbox-client", "sandbox-client-secret"


@dataclass(frozen=True)
class Left:
    """Money that left, as the provider executed it: by which mark and under which key. Neither is there where a person
    gave it back in the dashboard."""

    provider: str
    charge: str
    id: str
    minor: int
    currency: str
    status: str
    mark: str | None
    key: str | None
    credit: bool = False


@dataclass(frozen=True)
class Bank:
    """Open doors. `faults` says what calls meet; what `book` is told to do by hand is done as in the dashboard."""

    book: Book
    faults: Faults
    stripe: StripeSide
    paypal: PayPalSide
    teller: Teller
    stripe_url: str
    paypal_url: str

    def told(self) -> list[Told]:
        """The events since it was last asked: for whoever signs and posts them."""
        return self.teller.take()

    def ledger(self) -> list[Left]:
        """Every refund and credit, in the order in which they were executed."""
        with self.book.lock:
            refunds = [
                Left(
                    one.charge.provider, one.charge.id, one.id, one.minor, one.charge.currency, one.status, one.mark,
                    one.key,
                )
                for one in self.book.refunds.values()
            ]  # fmt: skip
            credits_ = [
                Left(
                    "stripe", one.customer, one.id, one.minor, one.currency, "succeeded", one.mark, one.key, credit=True
                )
                for one in self.book.credits.values()
            ]
            return refunds + credits_

    def doubled(self) -> dict[str, list[Left]]:
        """The marks under which money left more than once, failed refunds apart: never should there be one."""
        by_mark: dict[str, list[Left]] = defaultdict(list)
        for one in self.ledger():
            if one.mark is not None and one.status != "failed":
                by_mark[one.mark].append(one)
        return {mark: made for mark, made in by_mark.items() if len(made) > 1}


@contextmanager
def open_bank(clock: Callable[[], datetime], seed: int = 0) -> Iterator[Bank]:
    """A bank on two free ports of loopback, empty, on the caller's clock. Ids and chances come from `seed`."""
    book, faults = Book(clock, seed), Faults()
    stripe = StripeSide(book, faults, STRIPE_KEY)
    paypal = PayPalSide(book, faults, PAYPAL_CLIENT, PAYPAL_SECRET)
    teller = Teller(book, Names(Random(seed ^ 0x74656C6C)))  # noqa: S311 - ids must be repeatable
    with serving(stripe, clock) as stripe_url, serving(paypal, clock) as paypal_url:
        yield Bank(book, faults, stripe, paypal, teller, stripe_url, paypal_url)
