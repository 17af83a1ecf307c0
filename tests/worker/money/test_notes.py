"""A credit for what an invoice billed wrongly is a credit note on it: at the sandbox, which keeps invoices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from handlers.inbox import Translation
from handlers.stripe.inbox import StripeInbox
from reconcile.facts import Credit, Invoice
from reconcile.money import Money
from tests.worker import world as w
from tests.worker.money.house import EXCESS, House
from worker.explaining import explain
from worker.judging import judge_memberships, today
from worker.sandbox.bank.bank import STRIPE_KEY, Bank, open_bank
from worker.sandbox.bank.book import Taken
from worker.sandbox.bank.faults import Fault
from worker.store import rows

KEY = "remedy:stripe:ch_1"


@pytest.fixture
def bank(house: House) -> Iterator[Bank]:
    """The sandbox in the place of the tests' own bank, with one invoice that billed 124.00 where 99.00 was owed."""
    with open_bank(house.clock) as opened:
        house.grants("credit")
        told = {"stripe_api_base": opened.stripe_url, "stripe_api_key": SecretStr(STRIPE_KEY)}
        before = {name: getattr(house.runtime.settings, name) for name in told}
        house.set(**told)
        amount = w.PRICE.minor + EXCESS
        opened.book.take(Taken("ch_1", "stripe", "charge", amount, "USD", w.at(w.month(1)), customer="cus_1"))
        opened.book.invoices["in_1"] = {
            "id": "in_1", "customer": "cus_1", "currency": "usd", "status": "paid", "amount_paid": amount,
        }  # fmt: skip
        _billed(house, amount)
        yield opened
        house.grants("refund")
        house.set(**before)


def _billed(house: House, amount: int) -> None:
    w.take_in(house.runtime, w.row("M-1", w.stripe(1)))
    first = w.charge("ch_0", w.START, customer="cus_1", kind="charge")
    charge = w.charge("ch_1", w.month(1), Money(amount, "USD"), customer="cus_1", kind="charge", invoice="in_1")
    house.tell(first, _bill(amount), charge)


def _bill(total_minor: int) -> Invoice:
    bill = w.invoice("in_1", w.month(1), customer="cus_1", status="paid", currency="USD")
    return replace(bill, total_minor=total_minor, paid_minor=total_minor)


def test_a_credit_for_a_wrong_invoice_is_a_credit_note_on_it(house: House, bank: Bank) -> None:
    house.issue()
    assert house.state(KEY) == "settled"
    (credit,) = bank.book.credits.values()
    assert credit.note is not None
    assert (credit.note.invoice, credit.minor, credit.mark, credit.key) == ("in_1", EXCESS, KEY, f"{KEY}:1")
    assert house.send(KEY).invoice == "in_1"
    house.issue()
    house.tell(*_told(bank))
    assert (house.held(KEY), len(bank.book.credits)) == (("settled", None), 1)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.BROKEN_AFTER, Fault.LATE, Fault.BROKEN_BEFORE, Fault.RATE_LIMITED])
def test_whatever_comes_of_the_call_one_credit_note_is_made(house: House, bank: Bank, fault: Fault) -> None:
    bank.faults.script(fault)
    for _ in range(80):
        house.issue()
        house.later(hours=1)
        bank.book.tick()
    assert house.state(KEY) == "settled"
    assert [one.minor for one in bank.book.credits.values()] == [EXCESS]


def test_a_credit_note_whose_answer_was_lost_is_adopted_from_its_webhook(house: House, bank: Bank) -> None:
    bank.faults.script(Fault.LOST)
    house.issue()
    assert house.state(KEY) == "submitted"
    house.tell(*_told(bank))
    assert house.held(KEY) == ("settled", None)
    house.later(days=2)
    house.issue()
    assert len(bank.book.credits) == 1
    house.tell(w.charge("ch_9", w.month(2), customer="cus_1"))
    assert house.held(KEY) == ("settled", None), "what the webhook told counts as given back"


def test_where_stripe_takes_no_credit_note_the_balance_is_credited(house: House, bank: Bank) -> None:
    bank.book.invoices["in_1"]["status"] = "void"
    house.rest()
    (credit,) = bank.book.credits.values()
    assert (house.state(KEY), credit.note, credit.key) == ("settled", None, f"{KEY}:2")


def test_an_invoice_that_the_charge_did_not_pay_alone_is_left_as_it_is(house: House, bank: Bank) -> None:
    house.tell(replace(_bill(50000), told_at=house.clock()))
    house.rest()
    (credit,) = bank.book.credits.values()
    assert (house.state(KEY), credit.note) == ("settled", None)


def test_explain_shows_the_credit_and_what_it_lowers(house: House, bank: Bank) -> None:
    house.issue()
    with house.runtime.engine.begin() as conn:
        kept = rows.by_key(conn, [("stripe", "credit", next(iter(bank.book.credits)))])
        assert [type(one.fact) for one in kept.values()] == [Credit]
    house.later(days=40)
    judge_all(house)
    told = explain(house.runtime, "M-1")
    assert told is not None
    credit = next(row for row in told["since"] if row["what"].startswith("credit "))
    made = next(iter(bank.book.credits))
    assert credit["what"] == f"credit stripe:{made} of {EXCESS / 100:.2f} USD, which lowers the dues after it"
    assert (credit["by"], credit["about"]) == ("makegood", "stripe:ch_1")
    assert w.PRICE.minor - EXCESS in {row["amount"] for row in told["expected"]}


def judge_all(house: House) -> None:
    with house.runtime.engine.begin() as conn:
        judge_memberships(conn, house.runtime, ["M-1"], today(house.runtime))


def _told(bank: Bank) -> list[Credit]:
    inbox = StripeInbox(["whsec_x"])
    translations: list[Translation] = [inbox.translate(told.body) for told in bank.told()]
    return [fact for one in translations for fact in one.facts if isinstance(fact, Credit)]
