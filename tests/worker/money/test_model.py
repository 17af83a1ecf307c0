"""A remedy's life with an adversary for a provider, a merchant who refunds by hand, and executors that die.

Whatever comes, in whatever order: never two refunds of ours, never more than is owed, never while it is disputed; and
once the world is calm again, nothing is left half done."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from handlers.gateway import Answer
from reconcile.facts import Dispute, DisputeState, Ref
from reconcile.money import Money
from tests.worker import world as w
from tests.worker.conftest import Clock, put_together
from tests.worker.money.bank import FAULTS, open_bank
from tests.worker.money.house import EXCESS, House, live_settings
from tests.worker.schemas import Schemas
from worker.money.deciding import Call, Means
from worker.money.decisions import DecisionError, approve, retry
from worker.money.desk import Desk
from worker.money.gateways import gateways

CALM = {"settled", "held", "waived", "failed"}


class Died(BaseException):
    """The executor is gone."""


class _Dying(Desk):
    """Dies after the provider has answered, before anything is written down."""

    def _ask(self, made: Call) -> Answer:
        super()._ask(made)
        raise Died


class Life(RuleBasedStateMachine):
    """One overcharged member, and everything that can happen."""

    house: House
    provider: str

    @initialize(provider=st.sampled_from(["stripe", "paypal"]))
    def begin(self, provider: str) -> None:
        w.wipe(self.house.runtime)
        self.house.clock.now = Clock().now
        self.house.bank.reset(self.house.clock)
        self.provider, self.by_hand, self.failures = provider, 0, 0
        self.key = self.house.overcharge(provider=provider)
        self.charge = self.key.rpartition(":")[2]
        self.house.bank.owed[self.charge] = EXCESS

    @rule(fault=st.sampled_from(FAULTS))
    def the_next_call_meets(self, fault: str) -> None:
        if not self.house.bank.script:
            self.house.bank.script.append(fault)

    @rule()
    def issue(self) -> None:
        self.house.issue()

    @rule()
    def an_executor_dies(self) -> None:
        with gateways(self.house.runtime.settings) as made:
            desk = _Dying(Means(self.house.runtime, made))
            with suppress(Died):
                desk.work(self.key)

    @rule(minutes=st.sampled_from([1, 6, 20, 60, 400, 1600]))
    def time_goes_by(self, minutes: int) -> None:
        self.house.later(minutes=minutes)

    @rule()
    def go_on_to_what_comes_next(self) -> None:
        self.house.to_next_event()
        self.house.issue()

    @precondition(lambda self: self.by_hand == 0 and not self._is_disputed())
    @rule(minor=st.sampled_from([1000, EXCESS]))
    def a_person_refunds_by_hand(self, minor: int) -> None:
        self.by_hand += minor
        made = self.house.bank.by_hand(self.charge, minor)
        if self.provider == "paypal":  # which shows a sale's refunds to nobody: its webhook comes in time
            self.house.tell(self.house.fact(made))

    @precondition(lambda self: self.house.bank.book.case_of(self.charge) is None)
    @rule()
    def the_member_disputes(self) -> None:
        self.house.bank.disputed(self.charge)

    @precondition(lambda self: self._is_disputed())
    @rule()
    def the_dispute_is_won(self) -> None:
        self._end_dispute()

    @precondition(lambda self: bool(self.house.bank.ours(self.charge)))
    @rule(failed=st.booleans())
    def a_webhook_tells_of_our_refund(self, failed: bool) -> None:
        made = self.house.bank.becomes(self.house.bank.ours(self.charge)[-1], "failed" if failed else "succeeded")
        self.failures += failed
        self.house.clock.advance(timedelta(seconds=5))
        self.house.tell(self.house.fact(made))

    @rule(retried=st.booleans())
    def a_person_decides(self, retried: bool) -> None:
        with suppress(DecisionError):
            (retry if retried else approve)(self.house.runtime, self.key, "Ada Example")

    @invariant()
    def never_twice_nor_too_much(self) -> None:
        if not hasattr(self, "charge"):
            return
        ours = self.house.bank.ours(self.charge)
        assert len(ours) <= 1, ours
        assert sum(one.minor for one in ours) <= EXCESS
        assert self.house.bank.violations == []

    def teardown(self) -> None:
        """The world is calm: all of it comes to rest."""
        if not hasattr(self, "charge"):
            return
        self.house.bank.script.clear()
        if self._is_disputed():
            self._end_dispute()
        for _ in range(60):
            self.house.issue()
            for made in self.house.bank.ours(self.charge):
                self.house.tell(self.house.fact(self.house.bank.becomes(made, "succeeded")))
            if not self.house.open_ends():
                break
            self.house.to_next_event()
        self.never_twice_nor_too_much()
        self._at_rest()

    def _at_rest(self) -> None:
        assert not self.house.open_ends(), self.house.send(self.key)
        ours = self.house.bank.ours(self.charge)
        if self.by_hand == 0 and self.failures == 0 and not self._given_up():
            assert (self.house.state(self.key), len(ours)) == ("settled", 1)
        if ours:
            assert self.house.state(self.key) == "settled"

    def _given_up(self) -> bool:
        state, why = self.house.held(self.key)
        return state == "held" and why in {"refused", "no_answer", "disputed", "changed"}

    def _is_disputed(self) -> bool:
        case = self.house.bank.book.case_of(self.charge)
        return case is not None and case.status == "open"

    def _end_dispute(self) -> None:
        name = self.house.bank.dispute_won(self.charge)
        self.house.clock.advance(timedelta(seconds=5))
        now = self.house.clock()
        amount = Money(w.PRICE.minor + EXCESS, "USD")
        told = Dispute(Ref(self.provider, name), now, DisputeState.WON, amount, w.at(w.month(1)), self.charge)
        self.house.tell(told)


def test_a_remedys_life_against_an_adversary(schemas: Schemas, tmp_path: Path) -> None:
    told, clock = live_settings(f"sqlite:///{tmp_path / 'makegood.db'}"), Clock()
    schemas.put(told.database_url)
    with closing(put_together(told, clock)) as runtime, open_bank(clock) as bank:
        Life.house = House(runtime, bank, clock)
        size = settings(max_examples=25 if settings().max_examples <= 100 else 1000, stateful_step_count=20)
        run_state_machine_as_test(Life, settings=size)
