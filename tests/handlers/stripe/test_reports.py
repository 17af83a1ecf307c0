"""Stripe's three exports tell the same charges, refunds and disputes as its webhooks, under the same ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.reports import BadReportError, Options, ReportRow
from handlers.stripe.reports import read_report
from reconcile.facts import Charge, ChargeState, Dispute, DisputeState, Fact, Refund, RefundState
from reconcile.money import Money

AT = datetime(2024, 3, 8, 18, tzinfo=UTC)
ITEMIZED = (
    "balance_transaction_id,created_utc,created,currency,gross,fee,net,reporting_category,source_id,description,"
    "customer_facing_amount,customer_facing_currency,customer_id,charge_id,payment_intent_id,invoice_id,"
    "subscription_id,payment_metadata[membership],refund_metadata[makegood_remedy]"
)
HISTORY = (
    "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description,Customer Facing Amount,"
    "Customer Facing Currency,Transfer,membership (metadata)"
)
PAYMENTS = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Currency,Status,"
    "Customer ID,Customer Email,Invoice ID,PaymentIntent ID,Mode,Dispute Status,Refunded date (UTC)"
)


def read(*lines: str) -> list[ReportRow]:
    def again() -> Iterator[str]:
        yield from (f"{line}\r\n" for line in lines)

    return list(read_report(again, Options()))


def facts(*lines: str) -> list[Fact]:
    return [fact for row in read(*lines) for fact in row.facts]


def refused(*lines: str) -> str:
    with pytest.raises(BadReportError) as found:
        read(*lines)
    return f"{found.value.line}: {found.value.field}: {found.value.said}"


def itemized(category: str, source: str, gross: str = "99.00", shown: str = "99.00,usd", currency: str = "usd") -> str:
    names = "cus_1,ch_1,pi_1,in_1,sub_1,M-1,"
    return f"txn_1,2024-03-08 18:00:00,2024-03-08 12:00:00,{currency},{gross},0,0,{category},{source},x,{shown},{names}"


def test_an_itemized_charge_has_the_id_and_the_links_of_its_webhook() -> None:
    (charge,) = facts("\ufeff" + ITEMIZED, itemized("charge", "ch_1"))
    assert isinstance(charge, Charge)
    assert (charge.ref.id, charge.state, charge.amount) == ("ch_1", ChargeState.TAKEN, Money(9900, "USD"))
    assert (charge.taken_at, charge.detail) == (AT, 0)
    assert (charge.customer, charge.invoice, charge.subscription, charge.intent) == ("cus_1", "in_1", "sub_1", "pi_1")
    assert charge.named == "M-1"


def test_what_the_customer_saw_counts_and_not_what_was_settled() -> None:
    (charge,) = facts(ITEMIZED, itemized("charge", "ch_1", "108.33", "99.00,eur"))
    assert isinstance(charge, Charge)
    assert charge.amount == Money(9900, "EUR")
    (charge,) = facts(ITEMIZED, itemized("charge", "ch_1", "1234", ",", "jpy"))
    assert isinstance(charge, Charge)
    assert charge.amount == Money(1234, "JPY")


def test_the_fee_of_a_charge_is_known_where_it_is_in_the_charges_currency() -> None:
    def fee(*lines: str) -> int | None:
        (charge,) = facts(*lines)
        assert isinstance(charge, Charge)
        return charge.fee_minor

    kept = itemized("charge", "ch_1").replace("99.00,0,0", "99.00,3.17,95.83")
    assert fee(ITEMIZED, kept) == 317
    assert fee(ITEMIZED, kept.replace("99.00,usd", "91.00,eur")) is None
    assert fee(ITEMIZED, kept.replace("3.17", "")) is None
    history = "txn_1,charge,ch_1,99.00,3.17,95.83,usd,2024-03-08 18:00,2024-03-10 00:00,Invoice,,,,M-1"
    assert fee(HISTORY, history) == 317
    paid = "ch_1,2024-03-08 18:00,99.00,usd,{},Paid,3.17"
    headings = "id,Created date (UTC),Amount,Currency,Converted Currency,Status,Fee"
    assert [fee(headings, paid.format(settled)) for settled in ("usd", "", "eur")] == [317, 317, None]


def test_refunds_and_disputes_of_a_balance() -> None:
    told = facts(
        ITEMIZED,
        itemized("refund", "re_1", "-25.00", "-25.00,usd") + "remedy:stripe:ch_1",
        itemized("refund_failure", "re_2", "25.00", "25.00,usd"),
        itemized("dispute", "dp_1", "-99.00", "-99.00,usd"),
        itemized("dispute_reversal", "du_2"),
    )
    refund, failed, dispute, won = told
    assert isinstance(refund, Refund)
    assert (refund.amount, refund.charge, refund.state) == (Money(2500, "USD"), "ch_1", RefundState.SETTLED)
    assert refund.remedy == "remedy:stripe:ch_1"
    assert isinstance(failed, Refund)
    assert failed.state is RefundState.FAILED
    assert isinstance(dispute, Dispute)
    assert (dispute.state, dispute.amount, dispute.opened_at) == (DisputeState.OPEN, Money(9900, "USD"), AT)
    assert isinstance(won, Dispute)
    assert (won.state, won.opened_at) == (DisputeState.WON, None)


def test_columns_may_stand_in_any_order_and_be_fewer() -> None:
    lines = "source_id;currency;reporting_category;created_utc;gross", "ch_1;usd;charge;2024-03-08 18:00;99.00"
    (charge,) = facts(*lines)
    assert isinstance(charge, Charge)
    assert (charge.amount, charge.taken_at, charge.customer) == (Money(9900, "USD"), AT, None)


def test_the_balance_history_of_the_dashboard() -> None:
    told = read(
        HISTORY,
        'txn_1,charge,ch_1,"1,099.00",3.0,96.0,usd,2024-03-08 18:00,2024-03-10 00:00,Invoice,"1,099.00",usd,,M-1',
        "txn_2,refund,re_1,-99.00,0,-99,usd,2024-03-08 18:00,2024-03-10 00:00,REFUND,-99.00,usd,,",
        "txn_3,refund,ch_1,-99.00,0,-99,usd,2016-07-25 15:34,2016-07-25 15:34,REFUND FOR CHARGE,-99.00,usd,,",
        "txn_4,adjustment,dp_1,-99.00,15,-114,usd,2024-03-08 18:00,2024-03-10 00:00,Chargeback,,,,",
        "txn_5,payout,po_1,-99.00,0,-99,usd,2024-03-08 18:00,2024-03-10 00:00,STRIPE PAYOUT,,,,",
    )
    charge = told[0].facts[0]
    assert isinstance(charge, Charge)
    assert (charge.amount, charge.named) == (Money(109900, "USD"), "M-1")
    assert [type(fact) for row in told for fact in row.facts] == [Charge, Refund, Dispute]
    # Under the charge's id, or the balance transaction's, it would be another refund than the one Stripe tells of.
    assert told[2].passed_over == "a refund without an id of its own"
    assert told[4].passed_over == "payout: no charge, refund or dispute"


def test_the_payments_export_states_what_was_refunded_so_far() -> None:
    row = "ch_1,2024-03-08 18:00:00,99.00,25.00,eur,true,108.00,usd,Paid,cus_1,a@example.com,in_1,pi_1,Live,,"
    row += "2024-03-12 09:00"
    (charge,) = facts(PAYMENTS, row)
    assert isinstance(charge, Charge)
    assert (charge.amount, charge.refunded_minor, charge.email) == (Money(9900, "EUR"), 2500, "a@example.com")
    assert (charge.live, charge.disputed, charge.taken_at) == (True, None, AT)
    assert charge.told_at == datetime(2024, 3, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "captured", "state"),
    [
        ("Paid", "true", ChargeState.TAKEN),
        ("Refunded", "true", ChargeState.TAKEN),
        ("Paid", "false", ChargeState.AUTHORISED),
        ("Failed", "false", ChargeState.FAILED),
        ("canceled", "", ChargeState.FAILED),
        ("Pending", "", ChargeState.PENDING),
        ("requires_action", "", ChargeState.PENDING),
    ],
)
def test_the_words_of_the_payments_export(status: str, captured: str, state: ChargeState) -> None:
    (charge,) = facts(PAYMENTS, f"py_1,2024-03-08 18:00:00,99.00,,eur,{captured},,,{status},,,,,Test,needs_response,")
    assert isinstance(charge, Charge)
    assert (charge.state, charge.live, charge.disputed) == (state, False, True)


def test_a_payment_that_never_became_a_charge_is_passed_over() -> None:
    (row,) = read(PAYMENTS, "pi_1,2024-03-08 18:00:00,99.00,,eur,,,,requires_payment_method,,,,,,,")
    assert row.passed_over == "a payment without a charge"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("",), "1: None: a line of headings is expected"),
        (("a,b", "1,2"), "a column of this name is expected"),
        ((ITEMIZED.replace("created_utc,", ""), "x"), "1: created_utc: a column of this name is expected"),
        ((ITEMIZED + ",gross", itemized("charge", "ch_1")), "1: gross: each column once is expected"),
        ((ITEMIZED, itemized("charge", "ch_1"), "a" + ",b" * 30), "3: None: as many cells as there are headings"),
        ((ITEMIZED, itemized("charge", "ch_1", "99;5", ",")), "2: gross: an amount"),
        ((ITEMIZED, itemized("charge", "ch_1", "9.999", ",")), "2: gross: an amount of USD such as 99.00 is expected"),
        ((ITEMIZED, itemized("charge", "ch_1", "9", ",", "zzz")), "2: currency: a currency of ISO 4217 is expected"),
        ((ITEMIZED, itemized("charge", "ch_1").replace("2024-03-08 18", "2024-13-08 18")), "2: created_utc: a time"),
        ((ITEMIZED, itemized("charge", "ch_1/../x")), "2: source_id: an id such as ch_1 is expected"),
        ((ITEMIZED, '"unclosed'), "2: None: cells between quotes"),
        ((f"{ITEMIZED}\r{ITEMIZED}",), "1: None: lines that end in LF or CR LF, not in CR alone, are expected"),
        ((PAYMENTS, "ch_1,2024-03-08 18:00,99.00,,eur,,,,Sold,,,,,,,"), "2: Status: a status such as Paid"),
    ],
)
def test_a_bad_file_is_refused_with_line_field_and_what_is_expected(lines: tuple[str, ...], said: str) -> None:
    assert said in refused(*lines)


@given(st.lists(st.text(max_size=60), max_size=5), st.sampled_from([ITEMIZED, HISTORY, PAYMENTS, ""]))
def test_any_text_is_read_or_refused(lines: list[str], heading: str) -> None:
    with suppress(BadReportError):
        read(heading, *lines)
