"""The one book behind both providers, which remember keys, charges and refunds, and fail on demand.

A test asks one question of it: how much of each charge went back, and how often under which mark. Money moves exactly
here, and nowhere else."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.worker.money import wire
from tests.worker.money.wire import Answered, Made, Taken

KEYS_KEPT = {"stripe": timedelta(hours=24), "paypal": timedelta(days=30)}
# What a call may meet. `lost`: done, and nobody hears of it; `dropped`: not done; `late`: done an hour later;
# `stored500`: not done, and the key answers so for ever; `done500`: done, the same; `pending`: made, not yet settled.
FAULTS = ("lost", "dropped", "late", "stored500", "done500", "429", "409", "pending")


@dataclass
class Bank:
    """Both providers' books. `script` holds what the next calls that move money meet."""

    clock: Callable[[], datetime]
    charges: dict[str, Taken] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    keys: dict[tuple[str, str], tuple[str, Answered, datetime]] = field(default_factory=dict)
    script: deque[str] = field(default_factory=deque)
    cancels: deque[str] = field(default_factory=deque)  # the same for ends of agreements
    looks: deque[str] = field(default_factory=deque)  # the same for calls that only read
    later: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    owed: dict[str, int] = field(default_factory=dict)  # what of a charge may go back in all, by whoever
    posts: list[str] = field(default_factory=list)  # the idempotency keys of calls that move money, as they came
    violations: list[str] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def reset(self, clock: Callable[[], datetime]) -> None:
        """An empty book at the same addresses."""
        self.clock = clock
        for held in (self.charges, self.made, self.ended, self.keys, self.script, self.looks, self.cancels):
            held.clear()
        for more in (self.later, self.posts, self.owed):
            more.clear()
        self.violations.clear()

    def take(self, id_: str, minor: int, provider: str = "stripe", **told: Any) -> Taken:  # noqa: ANN401 - fields
        self.charges[id_] = Taken(id_, provider, minor, self.clock(), **told)
        return self.charges[id_]

    def of(self, charge: str) -> list[Made]:
        """What went back of a charge and did not fail."""
        return [one for one in self.made if one.charge == charge and one.status != "failed"]

    def ours(self, charge: str) -> list[Made]:
        return [one for one in self.of(charge) if one.mark is not None]

    def back(self, charge: str) -> int:
        return sum(one.minor for one in self.of(charge) if not one.credit)

    def by_hand(self, charge: str, minor: int) -> Made:
        """Somebody refunds in the dashboard."""
        return self.make(self.charges[charge], minor, None)

    def make(self, charge: Taken, minor: int, mark: str | None, **told: Any) -> Made:  # noqa: ANN401 - fields
        made = Made(f"re_{len(self.made) + 1}", charge.provider, charge.id, minor, self.clock(), mark, **told)
        if mark is not None and charge.dispute in {"needs_response", "under_review"}:
            self.violations.append(f"{made.id} was made while {charge.id} is disputed")
        self.made.append(made)
        return made

    def tick(self) -> None:
        """What was to be executed later is executed, once its time has come."""
        due = [work for at, work in self.later if at <= self.clock()]
        self.later = [(at, work) for at, work in self.later if at > self.clock()]
        for work in due:
            work()

    def money(self, provider: str, key: str, body: str, work: Callable[[], Answered]) -> Answered:
        """A call that moves money: the key first, then whatever the script holds for it."""
        self.posts.append(key)
        stored = self.keys.get((provider, key))
        if stored is not None and self.clock() - stored[2] <= KEYS_KEPT[provider]:
            return stored[1] if stored[0] == body else wire.error(provider, 400, "idempotency_error")
        fault = self.script.popleft() if self.script else "ok"
        if fault in wire.SAYS:
            return wire.SAYS[fault](provider)
        if fault in {"dropped", "late", "late3"}:
            if fault.startswith("late"):
                hours = int(fault.removeprefix("late") or 1)
                at = self.clock() + timedelta(hours=hours)
                self.later.append((at, lambda: self._keep(provider, key, body, work)))
            return Answered(hang_up=True)
        if fault in {"stored500", "done500"}:
            return self._broken(provider, key, body, work if fault == "done500" else None)
        done = self._keep(provider, key, body, work)
        if fault in {"pending", "mismatch"}:
            return self._odd(provider, key, body, fault)
        return Answered(hang_up=True) if fault == "lost" else done

    def _broken(self, provider: str, key: str, body: str, work: Callable[[], Answered] | None) -> Answered:
        """A 500. Stripe gives it again for as long as it knows the key; PayPal says where the first request stands."""
        if work is not None:
            self._keep(provider, key, body, work)
        failed = wire.error(provider, 500, "INTERNAL_SERVICE_ERROR")
        return failed if provider == "paypal" else self._keep(provider, key, body, lambda: failed)

    def _odd(self, provider: str, key: str, body: str, fault: str) -> Answered:
        made = self.made[-1]
        if fault == "mismatch":
            made.minor += 1
            charge = self.charges[made.charge]
            return (
                wire.said(200, wire.balance(made, charge.customer or "")) if made.credit else wire.refund_of(made, 201)
            )
        made.status = "pending"
        return self._keep(provider, key, body, lambda: wire.refund_of(made, 201))

    def _keep(self, provider: str, key: str, body: str, work: Callable[[], Answered]) -> Answered:
        known = self.keys.get((provider, key))
        if known is not None and work.__name__ in {"refund", "credit"}:
            return known[1]  # a second request under the key, whenever it comes, is the first
        answer = work()
        if answer.status < 400 or answer.status >= 500:
            self.keys[provider, key] = (body, answer, self.clock())
        return answer

    def watch(self, charge: str, minor: int, key: str) -> None:
        """A call for money that its sender could have known not to be owed breaks a promise, whatever comes of it."""
        by_hand = sum(one.minor for one in self.of(charge) if one.mark is None)
        if charge in self.owed and by_hand + minor > self.owed[charge]:
            self.violations.append(f"{key} asks for {minor} although {by_hand} went back by hand")

    def refund(self, provider: str, charge: str, minor: int, mark: str | None) -> Answered:
        taken = self.charges.get(charge)
        if taken is None:
            return wire.error(provider, 404, "resource_missing")
        left = taken.minor - self.back(charge)
        if taken.dispute in {"needs_response", "under_review", "lost"}:
            return wire.error(provider, 400, "charge_disputed")
        if left <= 0:
            return wire.error(provider, 400, "charge_already_refunded")
        if minor > left:
            return wire.error(provider, 400, "too_much")
        return wire.refund_of(self.make(taken, minor, mark), 201)
