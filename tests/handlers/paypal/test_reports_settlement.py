"""PayPal's settlement and transaction detail files: hundredths in every currency, the sign beside, odd headings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from handlers.paypal.reports import read_report
from handlers.reports import BadReportError, Options, ReportRow
from reconcile.facts import Charge, ChargeState, Refund
from reconcile.money import Money

FRAME = (
    '"RH","2024/08/21 02:10:00 -0700","A","XYZ000000000","009",',
    '"FH",1',
    '"SH","2024/08/20 00:00:00 -0700","2024/08/20 23:59:59 -0700","XYZ000000000",""',
)
HEADINGS = (
    '"CH","Transaction ID","Invoice ID","PayPal Reference ID","PayPal Reference ID Type","Transaction Event Code",'
    '"Transaction Initiation Date","Transaction Completion Date","Transaction  Debit or Credit",'
    '"Gross Transaction Amount","Gross Transaction Currency","Fee Debit or Credit","Fee Amount","Fee Currency",'
    '"Custom Field","Consumer ID","Payment Tracking ID","Store ID","Bank Reference ID","Credit Transactional Fee",'
    '"Credit Promotional Fee","Credit Term"'
)
ENDS = ('"SF","USD","CR",9900', '"SC",2', '"RF","USD","CR",9900', '"RC",2', '"FF",2')


def body(code: str = "T0002", side: str = "CR", amount: str = "9900", currency: str = "USD", **cells: str) -> str:
    reference = cells.get("reference", "I-ABC123456DEF")
    times = '"2024/08/20 00:01:17 -0700","2024/08/20 00:01:19 -0700"'
    return (
        f'"SB","{cells.get("id", "8XY00000000000001")}","","{reference}","SUB","{code}",{times},"{side}",{amount},'
        f'"{currency}","DR",300,"{currency}","M-1","PAYER1","","","","","",""'
    )


def read(*lines: str) -> list[ReportRow]:
    def again() -> Iterator[str]:
        yield from (f"{one}\r\n" for one in lines)

    return list(read_report(again, Options()))


def test_a_subscription_charge_of_a_settlement_report() -> None:
    (row,) = read(*FRAME, HEADINGS, body(), *ENDS)
    (charge,) = row.facts
    assert isinstance(charge, Charge)
    assert (row.line, charge.ref.id, charge.amount) == (5, "8XY00000000000001", Money(9900, "USD"))
    assert (charge.state, charge.subscription, charge.payer) == (ChargeState.TAKEN, "I-ABC123456DEF", "PAYER1")
    assert (charge.named, charge.kind, charge.detail) == ("M-1", "sale", 0)
    assert charge.fee_minor == 300
    assert charge.taken_at == datetime(2024, 8, 20, 7, 1, 17, tzinfo=UTC)
    assert charge.told_at == datetime(2024, 8, 20, 7, 1, 19, tzinfo=UTC)


def test_a_fee_in_another_currency_is_no_fee_of_the_charge() -> None:
    (row,) = read(*FRAME, HEADINGS, body().replace('300,"USD"', '300,"EUR"'))
    (charge,) = row.facts
    assert isinstance(charge, Charge)
    assert charge.fee_minor is None


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("10000", "JPY", 100), ("10000", "USD", 10000), ("10000", "TWD", 10000), ("5", "EUR", 5), ("5", "TND", 50)],
)
def test_amounts_are_hundredths_in_every_currency(amount: str, currency: str, minor: int) -> None:
    (row,) = read(*FRAME, HEADINGS, body(amount=amount, currency=currency))
    (charge,) = row.facts
    assert isinstance(charge, Charge)
    assert charge.amount == Money(minor, currency)


def test_a_refund_names_its_charge_and_a_reversal_says_that_it_is_one() -> None:
    rows = read(
        *FRAME,
        HEADINGS,
        body("T1107", "DR", "2500", id="9AB1", reference="8XY00000000000001"),
        body("T1106", "DR", "9900", id="9AB2", reference="8XY00000000000001"),
        body("T1108", "CR", "300", id="9AB3", reference="8XY00000000000001"),
        body("T1107", "CR", "2500", id="9AB4", reference="8XY00000000000001"),
    )
    refund, reversal = (fact for row in rows for fact in row.facts)
    assert isinstance(refund, Refund)
    assert (refund.charge, refund.amount, refund.reversal) == ("8XY00000000000001", Money(2500, "USD"), None)
    assert isinstance(reversal, Refund)
    assert reversal.reversal is True
    assert [row.passed_over for row in rows[2:]] == ["T1108: no charge or refund", "T1107: money the other way"]


def test_a_transaction_detail_report_says_the_state_and_its_columns_differ_by_section() -> None:
    detail = '"CH","Transactional Status","Transaction ID","Transaction Event Code","Transaction Initiation Date",'
    detail += '"Transaction Debit or Credit","Gross Transaction Amount","Gross Transaction Currency"'
    pending = '"SB","P","8XY2","T0006","2024/08/20 00:01:17 -0700","CR",9900,"USD"'
    first, second = read(*FRAME, HEADINGS, body(), detail, pending)
    (charge,) = second.facts
    assert isinstance(charge, Charge)
    assert (charge.state, charge.kind) == (ChargeState.PENDING, None)
    assert len(first.facts) == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((body(),), "a CH line that names every cell is expected above"),
        ((HEADINGS.replace("Gross Transaction Amount", "Amount"),), "a column of this name is expected"),
        ((HEADINGS, body(amount='"99.00"')), "whole hundredths such as 9900 are expected"),
        ((HEADINGS, body(amount="9950", currency="JPY")), "an amount of JPY in hundredths"),
        ((HEADINGS, body(side="UP")), "CR or DR is expected"),
        ((HEADINGS, body().replace("2024/08/20 00:01:17", "2024/13/20 00:01:17")), "a time such as"),
        ((HEADINGS, '"XX",1'), "a line of kind SB is expected"),
        ((HEADINGS, body(id="a b")), "a transaction id is expected"),
    ],
)
def test_a_bad_line_is_refused(lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadReportError, match=said):
        read(*FRAME, *lines)
