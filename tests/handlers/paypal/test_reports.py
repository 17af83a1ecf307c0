"""PayPal's activity download in four languages, both orders of dates and both decimal signs; what a file leaves open is
asked for and never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.paypal.reports import read_report
from handlers.reports import BadReportError, Options, ReportRow
from reconcile.facts import Charge, ChargeState, Fact, Refund, RefundState
from reconcile.money import Money

SALE, GIVEN_BACK, AGREEMENT = "8XY00000000000001", "9AB00000000000002", "I-ABC123456DEF"
AT = datetime(2024, 3, 8, 18, 30, tzinfo=UTC)

ENGLISH = ["Date", "Time", "TimeZone", "Name", "Type", "Status", "Currency", "Gross", "Fee", "Net"]
ENGLISH += ["From Email Address", "Transaction ID", "Reference Txn ID", "Custom Number", "Balance Impact"]
GERMAN = ["Datum", "Uhrzeit", "Zeitzone", "Name", "Typ", "Status", "Währung", "Brutto", "Gebühr", "Netto"]
GERMAN += ["Absender E-Mail-Adresse", "Transaktionscode", "Zugehöriger Transaktionscode", "Zollnummer"]
GERMAN += ["Auswirkung auf Guthaben"]
FRENCH = ["Date", "Heure", "Fuseau horaire", "Nom", "Type", "État", "Devise", "Avant commission", "Commission", "Net"]
FRENCH += ["De l'adresse email", "Numéro de transaction", "Numéro de la transaction de référence", "Numéro de client"]
FRENCH += ["Impact sur le solde"]
SPANISH = ["Fecha", "Hora", "Zona horaria", "Nombre", "Tipo", "Estado", "Divisa", "Bruto ", "Comisión ", "Neto"]
SPANISH += ["Correo electrónico del remitente", "Id. de transacción", "Id. de referencia de trans."]
SPANISH += ["Número de cliente", "Repercusiones en el saldo"]


def line(*cells: str) -> str:
    return ",".join(f'"{cell}"' for cell in cells)


def tabs(*cells: str) -> str:
    return line(*cells).replace('","', '"\t"')


def read(*lines: str, **said: str) -> list[ReportRow]:
    def again() -> Iterator[str]:
        yield from (f"{one}\n" for one in lines)

    return list(read_report(again, Options(**said)))  # type: ignore[arg-type] # words of the options


def facts(*lines: str, **said: str) -> list[Fact]:
    return [fact for row in read(*lines, **said) for fact in row.facts]


def refused(*lines: str, **said: str) -> str:
    with pytest.raises(BadReportError) as found:
        read(*lines, **said)
    return f"{found.value.line}: {found.value.field}: {found.value.said}"


def english(
    date: str = "03/28/2024", gross: str = "1,099.00", kind: str = "Subscription Payment", status: str = "Completed",
    impact: str = "Credit", zone: str = "PST", currency: str = "USD",
) -> str:  # fmt: skip
    ids = ("a@example.com", SALE, AGREEMENT, "M-1")
    return line(date, "10:30:00", zone, "Ann", kind, status, currency, gross, "-1.00", "98.00", *ids, impact)


STORIES = {
    "en_US": (
        line(*ENGLISH),
        english("03/08/2024"),
        line("03/28/2024", "10:30:00", "PDT", "Ann", "Payment Refund", "Completed", "USD", "-99.00", "0", "-99.00",
             "me@example.com", GIVEN_BACK, SALE, "", "Debit"),
    ),
    "en_GB": (
        line(*ENGLISH),
        english("08/03/2024", zone="PST"),
        line("28/03/2024", "17:30:00", "GMT", "Ann", "Payment Refund", "Completed", "USD", "-99.00", "0", "-99.00",
             "me@example.com", GIVEN_BACK, SALE, "", "Debit"),
    ),
    "de": (
        "\ufeff" + line(*GERMAN),
        line("08.03.2024", "19:30:00", "CET", "Ann", "Abonnementzahlung", "Abgeschlossen", "USD", "1.099,00", "-1,00",
             "98,00", "a@example.com", SALE, AGREEMENT, "M-1", "Haben"),
        line("28.03.2024", "18:30:00", "CET", "Ann", "Rückzahlung", "Abgeschlossen", "USD", "-99,00", "0,00", "-99,00",
             "me@example.com", GIVEN_BACK, SALE, "", "Soll"),
    ),
    "fr": (
        line(*FRENCH),
        line("08/03/2024", "19:30:00", "Europe/Berlin", "Ann", "Paiement d'abonnement", "Terminé", "USD",
             "1\u202f099,00", "-1,00", "98,00", "a@example.com", SALE, AGREEMENT, "M-1", "Crédit"),
        line("28/03/2024", "18:30:00", "Europe/Berlin", "Ann", "Remboursement de paiement", "Terminé", "USD", "-99,00",
             "0,00", "-99,00", "me@example.com", GIVEN_BACK, SALE, "", "Débit"),
    ),
    "es": (
        tabs(*SPANISH),
        tabs("8/3/2024", "19:30:00", "Europe/Berlin", "Ann", "Pago de suscripción", "Completado", "USD",
                   "1.099,00", "-1,00", "98,00", "a@example.com", SALE, AGREEMENT, "M-1", "Abono"),
        tabs("28/3/2024", "18:30:00", "Europe/Berlin", "Ann", "Reembolso de pago", "Completado", "USD", "-99,00",
                   "0,00", "-99,00", "me@example.com", GIVEN_BACK, SALE, "", "Cargo"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", STORIES)
def test_one_story_in_every_language_gives_the_same_facts(language: str) -> None:
    charge, refund = facts(*STORIES[language])
    assert isinstance(charge, Charge)
    assert (charge.ref.id, charge.amount, charge.state) == (SALE, Money(109900, "USD"), ChargeState.TAKEN)
    assert (charge.taken_at, charge.subscription, charge.named) == (AT, AGREEMENT, "M-1")
    assert charge.fee_minor == 100
    assert (charge.email, charge.kind, charge.detail) == ("a@example.com", "sale", 0)
    assert isinstance(refund, Refund)
    assert (refund.ref.id, refund.charge, refund.amount) == (GIVEN_BACK, SALE, Money(9900, "USD"))
    assert (refund.state, refund.made_at) == (RefundState.SETTLED, datetime(2024, 3, 28, 17, 30, tzinfo=UTC))


def test_columns_may_stand_in_any_order() -> None:
    first, *rest = STORIES["de"]
    order = [12, 3, 7, 11, 0, 4, 2, 1, 14, 6, 5, 10, 13, 8, 9]
    turned = [line(*(one.lstrip("\ufeff").strip('"').split('","')[n] for n in order)) for one in (first, *rest)]
    assert facts(*turned) == facts(first, *rest)


def test_dates_that_fit_both_orders_need_a_word_from_a_person() -> None:
    said = refused(line(*ENGLISH), english("03/04/2024"), english("05/06/2024"))
    assert said.startswith("2: Date: --dates dmy or --dates mdy is expected: '03/04/2024'")
    (charge, _) = facts(line(*ENGLISH), english("03/04/2024"), english("05/06/2024"), dates="dmy")
    assert isinstance(charge, Charge)
    assert charge.taken_at.date().isoformat() == "2024-04-03"
    # One that is the same day either way needs nobody.
    assert len(facts(line(*ENGLISH), english("03/03/2024"))) == 1


def test_a_file_with_both_orders_is_refused() -> None:
    said = refused(line(*ENGLISH), english("31/01/2024"), english("01/31/2024"))
    assert said == "3: Date: one way of writing in a file is expected, and line 2 has another"
    assert "3: Date: a date such as 31/01/2024" in refused(
        line(*ENGLISH), english("31/01/2024"), english("01/31/2024"), dates="dmy"
    )


@pytest.mark.parametrize(
    ("gross", "currency", "minor"),
    [
        ("1,234.56", "USD", 123456),
        ("1.234,56", "EUR", 123456),
        ("1 234,56", "EUR", 123456),
        ("1'234.50", "CHF", 123450),
        ("1.234.567", "EUR", 123456700),
        ("1,234", "JPY", 1234),
        ("1.234", "EUR", 123400),
        ("0,5", "EUR", 50),
        ("99", "USD", 9900),
        ("1.234,567", "TND", 1234567),
    ],
)
def test_numbers_as_people_write_them(gross: str, currency: str, minor: int) -> None:
    (charge,) = facts(line(*ENGLISH), english(gross=gross, currency=currency))
    assert isinstance(charge, Charge)
    assert charge.amount == Money(minor, currency)


def test_a_number_that_can_be_read_in_two_ways_needs_a_word_from_a_person() -> None:
    said = refused(line(*ENGLISH), english(gross="1,234", currency="TND"))
    assert said.startswith("2: Gross: --numbers point or --numbers comma is expected: '1,234'")
    (charge,) = facts(line(*ENGLISH), english(gross="1,234", currency="TND"), numbers="comma")
    assert isinstance(charge, Charge)
    assert charge.amount == Money(1234, "TND")
    # Another line may tell.
    told = facts(line(*ENGLISH), english(gross="1,234", currency="TND"), english(gross="9,50", currency="EUR"))
    assert [fact.amount.minor for fact in told if isinstance(fact, Charge)] == [1234, 950]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Completed", ChargeState.TAKEN),
        ("Partially Refunded", ChargeState.TAKEN),
        ("Zurückgezahlt", ChargeState.TAKEN),
        ("Ausstehend", ChargeState.PENDING),
        ("En attente", ChargeState.PENDING),
        ("Denegado", ChargeState.FAILED),
        ("Refusé", ChargeState.FAILED),
        ("Denied", ChargeState.FAILED),
    ],
)
def test_states_in_every_language(status: str, state: ChargeState) -> None:
    (charge,) = facts(line(*ENGLISH), english(status=status))
    assert isinstance(charge, Charge)
    assert charge.state is state


def test_what_is_no_payment_is_passed_over_and_said() -> None:
    rows = read(
        line(*ENGLISH),
        english(impact="Memo"),
        english(kind="General Currency Conversion"),
        english(gross="-1,099.00"),
        english(kind="Tombola"),
    )
    assert [row.passed_over for row in rows] == [
        "Memo: the balance did not change",
        "General Currency Conversion: no charge or refund",
        "Subscription Payment: money the other way",
        "Tombola: no charge or refund",
    ]


def test_the_code_of_a_transaction_says_more_than_its_word() -> None:
    header = line(*ENGLISH, "Transaction Event Code")
    (charge,) = facts(header, f'{english(kind="Tombola")},"T0006"')
    assert isinstance(charge, Charge)
    assert charge.kind is None
    assert facts(header, f'{english()},"T0400"') == []


def test_a_chargeback_is_a_reversal() -> None:
    (refund,) = facts(line(*ENGLISH), english(kind="Chargeback", gross="-99.00", impact="Debit"))
    assert isinstance(refund, Refund)
    assert refund.reversal is True


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((english(),), "1: Date: a column of this name is expected"),
        ((line(*ENGLISH), english(zone="XYZ")), "2: TimeZone: a time zone such as PST or Europe/Berlin is expected"),
        ((line(*ENGLISH), english(status="Wow")), "2: Status: a status such as Completed"),
        ((line(*ENGLISH), english(gross="many")), "2: Gross: an amount of USD is expected, not 'many'"),
        ((line(*ENGLISH), english(currency="ZZZ")), "2: Currency: a currency of ISO 4217"),
        ((line(*ENGLISH), english(impact="Sideways")), "2: Balance Impact: Credit, Debit or Memo is expected"),
        ((line(*ENGLISH), english().replace(SALE, "../x")), "2: Transaction ID: a transaction id is expected"),
        ((line(*ENGLISH), english().replace("10:30:00", "25:00:00")), "2: Time: a time such as 18:30:00 is expected"),
        ((line(*ENGLISH), english("2024-02-30")), "2: Date: a date such as 2024-01-31 is expected"),
    ],
)
def test_a_bad_row_is_refused_with_line_field_and_what_is_expected(rows: tuple[str, ...], said: str) -> None:
    assert refused(*rows).startswith(said)


@given(st.lists(st.text(max_size=60), max_size=5), st.sampled_from([line(*ENGLISH), line(*GERMAN), '"RH"', ""]))
def test_any_text_is_read_or_refused(lines: list[str], heading: str) -> None:
    with suppress(BadReportError):
        read(heading, *lines)
