"""The sandbox's bank as the tests of money drive it: what the next calls meet, which keys they came with, and which of
them their sender could have known not to be owed. Money itself moves in `worker.sandbox.bank`, and nowhere else."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import cast
from urllib.parse import parse_qsl

from handlers.paypal.reading import marked_remedy
from tests.handlers.stripe import bodies
from worker.sandbox.bank import paypal_errors, stripe_errors
from worker.sandbox.bank.bank import PAYPAL_CLIENT, PAYPAL_SECRET, STRIPE_KEY
from worker.sandbox.bank.book import Agreement, Back, Book, Credit, Provider, Taken
from worker.sandbox.bank.faults import Fault, Faults
from worker.sandbox.bank.paypal_side import PayPalSide
from worker.sandbox.bank.stripe_side import StripeSide
from worker.sandbox.bank.wire import Answered, Asked, serving

# What a call may meet. `lost`: done, and nobody hears of it; `dropped`: not done; `late`: done an hour later;
# `stored500`: not done, and Stripe's key answers so for ever; `done500`: done, the same; `pending`: not yet settled.
FAULTS = ("lost", "dropped", "late", "stored500", "done500", "429", "409", "pending")
CREDENTIALS = {
    "stripe_api_key": STRIPE_KEY,
    "paypal_client_id": PAYPAL_CLIENT,
    "paypal_client_secret": PAYPAL_SECRET,
    "paypal_mode": "sandbox",
}

_SANDBOX = {
    "dropped": Fault.RESET,
    "late3": Fault.LATE,
    "stored500": Fault.BROKEN_BEFORE,
    "done500": Fault.BROKEN_AFTER,
    "mismatch": Fault.OK,
}
# A no for a reason that a test need not bring about: Stripe's code, PayPal's name.
_REFUSALS = {
    "already": ("charge_already_refunded", "TRANSACTION_ALREADY_REFUNDED"),
    "disputed": ("charge_disputed", "TRANSACTION_DISPUTED"),
    "closed": ("account_closed", "USER_ACCOUNT_CLOSED"),
    "too_old": ("charge_too_old", "REFUND_TIME_LIMIT_EXCEEDED"),
    "key_reused": ("idempotency_error", "DUPLICATE_REQUEST_ID"),
}


@dataclass(frozen=True)
class Made:
    """A refund, or a credit on a balance, as it stands. `mark` is the remedy that it was made for, if it was."""

    id: str
    provider: str
    charge: str
    minor: int
    at: datetime
    mark: str | None
    status: str
    credit: bool = False


class Bank:
    """`script` holds what the next calls that move money meet, `looks` those that only read, `cancels` the ends of
    agreements. `owed`: what of a charge may go back in all, by whoever. `posts`: the idempotency keys of the calls that
    move money, as they came."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.urls: dict[str, str] = {}
        self.reset(clock)

    def reset(self, clock: Callable[[], datetime]) -> None:
        """An empty book at the same addresses."""
        self.clock = clock
        self.book, self.faults = Book(clock), Faults(retry_after_s=30)
        self._stripe = StripeSide(self.book, self.faults, STRIPE_KEY)
        self._paypal = PayPalSide(self.book, self.faults, PAYPAL_CLIENT, PAYPAL_SECRET)
        self.script, self.looks, self.cancels = deque[str](), deque[str](), deque[str]()
        self.owed: dict[str, int] = {}
        self.posts: list[str] = []
        self.violations: list[str] = []

    def take(self, name: str, minor: int, provider: str = "stripe", customer: str | None = None) -> Taken:
        if provider == "stripe":
            return self.book.take(Taken(name, "stripe", "charge", minor, "USD", self.clock(), customer=customer))
        agreement = f"I-{name.rpartition('_')[2]}"
        return self.book.take(Taken(name, "paypal", "sale", minor, "USD", self.clock(), agreement=agreement))

    def agree(self, provider: str, name: str) -> None:
        """An agreement is in force."""
        shown = (
            bodies.subscription(id=name, currency="usd") if provider == "stripe" else {"id": name, "status": "ACTIVE"}
        )
        self.book.agreements[name] = Agreement(name, cast("Provider", provider), self.clock(), shown)

    @property
    def ended(self) -> set[str]:
        """The agreements that were ended."""
        return {one.id for one in self.book.agreements.values() if one.ended_at is not None}

    @property
    def made(self) -> list[Made]:
        """Every refund, then every credit, in the order in which they were made."""
        return [*map(_refund, self.book.refunds.values()), *map(_credit, self.book.credits.values())]

    def of(self, charge: str) -> list[Made]:
        """What went back of a charge and did not fail."""
        return [one for one in self.made if one.charge == charge and one.status != "failed"]

    def ours(self, charge: str) -> list[Made]:
        return [one for one in self.of(charge) if one.mark is not None]

    def back(self, charge: str) -> int:
        return self.book.back(charge)

    def by_hand(self, charge: str, minor: int) -> Made:
        """Somebody refunds in the dashboard."""
        return _refund(self.book.give_back(self.book.charges[charge], minor))

    def becomes(self, made: Made, status: str) -> Made:
        """A refund settles, or fails, be it long after it settled."""
        if status == "failed":
            self.book.fail(made.id)
        elif not made.credit:
            self.book.settle(made.id)
        return next(one for one in self.made if one.id == made.id)

    def disputed(self, charge: str) -> str:
        """The member disputes a charge. Gives the dispute's name."""
        return self.book.open_case(charge).id

    def dispute_won(self, charge: str) -> str:
        """The merchant wins the dispute. Gives its name."""
        case = self.book.case_of(charge)
        assert case is not None
        self.book.close_case(case.id, won=True)
        return case.id

    def answer(self, provider: str, asked: Asked) -> Answered:
        """What a provider says to a request."""
        side = self._stripe if provider == "stripe" else self._paypal
        if asked.method == "DELETE" or asked.path.endswith("/cancel"):
            return _away(provider, Fault(self.cancels.popleft())) if self.cancels else side(asked)
        key = asked.headers.get("idempotency-key") or asked.headers.get("paypal-request-id")
        if asked.method == "GET" and self.looks:
            self.faults.script(Fault(self.looks.popleft()), reads=True)
        if asked.method != "POST" or key is None:
            return side(asked)
        self.posts.append(key)
        self._watch(asked, key)
        fault = self.script.popleft() if self.script else "ok"
        if fault in _REFUSALS:
            return _refused(provider, fault)
        self.faults.late = timedelta(hours=3 if fault == "late3" else 1)
        self.faults.script(_SANDBOX.get(fault) or Fault(fault))
        answered = side(asked)
        return self._one_more(answered) if fault == "mismatch" else answered

    def _watch(self, asked: Asked, key: str) -> None:
        """A call for money that its sender could have known not to be owed breaks a promise, whatever comes of it."""
        charge, minor = self._wanted(asked)
        by_hand = sum(one.minor for one in self.of(charge) if one.mark is None)
        if charge in self.owed and by_hand + minor > self.owed[charge]:
            self.violations.append(f"{key} asks for {minor} although {by_hand} went back by hand")
        case = self.book.case_of(charge)
        if case is not None and case.status == "open":
            self.violations.append(f"{key} asks for {minor} while {charge} is disputed")

    def _wanted(self, asked: Asked) -> tuple[str, int]:
        """Of which charge money is to go back (of a credit, a charge of the customer's), and how much."""
        if "json" in asked.headers.get("content-type", ""):
            return asked.path.split("/")[-2], round(float(json.loads(asked.body)["amount"]["total"]) * 100)
        params = dict(parse_qsl(asked.body.decode()))
        customer = asked.path.split("/")[-2]
        theirs = (one.id for one in self.book.charges.values() if one.customer == customer)
        return params.get("charge") or next(theirs), abs(int(params["amount"]))

    def _one_more(self, answered: Answered) -> Answered:
        """What was made is another amount than was asked for, and the answer says so."""
        told = json.loads(answered.body)
        made: Back | Credit = self.book.refunds.get(told["id"]) or self.book.credits[told["id"]]
        made.minor += 1
        if isinstance(told["amount"], int):
            told["amount"] = -made.minor if isinstance(made, Credit) else made.minor
        else:
            told["amount"]["total"] = f"{made.minor / 100:.2f}"
        return Answered(answered.status, json.dumps(told).encode(), answered.headers)


@contextmanager
def open_bank(clock: Callable[[], datetime]) -> Iterator[Bank]:
    """A bank behind two addresses on loopback, whose answers are dated by the clock that it was given last."""
    bank = Bank(clock)
    with ExitStack() as stack:
        for provider in ("stripe", "paypal"):
            answer = partial(bank.answer, provider)
            bank.urls[provider] = stack.enter_context(serving(answer, lambda: bank.clock()))  # noqa: PLW0108 - whichever it was given last
        yield bank


def _refund(back: Back) -> Made:
    charge = back.charge
    mark = back.mark if charge.provider == "stripe" else marked_remedy(back.mark)
    return Made(back.id, charge.provider, charge.id, back.minor, back.at, mark, back.status)


def _credit(credit: Credit) -> Made:
    """The customer's balance names no charge: the mark does."""
    charge = (credit.mark or "").rpartition(":")[2]
    return Made(credit.id, "stripe", charge, credit.minor, credit.at, credit.mark, "succeeded", credit=True)


def _refused(provider: str, why: str) -> Answered:
    code, name = _REFUSALS[why]
    if provider == "paypal":
        return paypal_errors.v1_error(400, name, "No.")
    kind = "idempotency_error" if why == "key_reused" else "invalid_request_error"
    return stripe_errors.error(400, "No.", type=kind, code=code)


def _away(provider: str, fault: Fault) -> Answered:
    return stripe_errors.WORDS[fault]() if provider == "stripe" else paypal_errors.fault_words(fault, v2=True)
