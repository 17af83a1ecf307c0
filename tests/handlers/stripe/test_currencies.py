"""Money is read and written exactly, in each provider's own way of writing it, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from handlers.currencies import currency_code, exponent, paypal_money, paypal_value, stripe_amount, stripe_money
from handlers.inbox import MalformedDelivery
from reconcile.currency import EXPONENTS
from reconcile.money import Money

HISTORIC = {"BGN", "HRK"}


def test_our_exponents_are_those_of_iso_4217() -> None:
    standard = {c.code: c.exponent for c in Currency if c.exponent is not None}
    assert {code: exponent(code) for code in EXPONENTS if code not in HISTORIC} == standard


@pytest.mark.parametrize(
    ("written", "currency", "minor"),
    [
        (9900, "usd", 9900),
        (100, "jpy", 100),
        (5, "mga", 500),  # Stripe writes ariary whole, ISO gives them two decimals
        (500, "isk", 5),
        (500, "ugx", 5),
        (1099, "huf", 1099),
        (1099, "twd", 1099),
        (12340, "kwd", 12340),
        (-2500, "eur", -2500),
        (0, "vnd", 0),
    ],
)
def test_stripes_amounts_are_read_and_written_exactly(written: int, currency: str, minor: int) -> None:
    money = stripe_money(written, currency)
    assert money == Money(minor, currency.upper())
    assert stripe_amount(money) == written


@pytest.mark.parametrize(("written", "currency"), [(505, "isk"), (1, "ugx"), (10**12 + 1, "usd"), (1, "iqd")])
def test_an_amount_that_stripe_cannot_mean_is_set_aside(written: int, currency: str) -> None:
    with pytest.raises(MalformedDelivery):
        stripe_money(written, currency)


@pytest.mark.parametrize("money", [Money(150, "MGA"), Money(1234, "KWD"), Money(5, "XXX"), Money(5, "CLF")])
def test_an_amount_that_stripe_cannot_take_exactly_is_never_sent(money: Money) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  MalformedDelivery is one
        stripe_amount(money)


@pytest.mark.parametrize(
    ("written", "currency", "minor", "sent"),
    [
        ("10", "USD", 1000, "10.00"),
        ("10.0", "USD", 1000, "10.00"),
        ("10.00", "USD", 1000, "10.00"),
        ("0.01", "USD", 1, "0.01"),
        ("-0.01", "USD", -1, "-0.01"),
        ("0.0", "USD", 0, "0.00"),
        ("1000", "JPY", 1000, "1000"),
        ("1000.00", "JPY", 1000, "1000"),
        ("1000", "HUF", 100000, "1000"),
        ("1000.00", "TWD", 100000, "1000"),
        ("1.234", "KWD", 1234, "1.234"),
    ],
)
def test_paypals_amounts_are_read_and_written_exactly(written: str, currency: str, minor: int, sent: str) -> None:
    money = paypal_money(written, currency)
    assert money == Money(minor, currency)
    assert paypal_value(money) == sent


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        ".5",
        "5.",
        "00.10",
        "1,000.00",
        "1_000",
        " 5",
        "5 ",
        "5\n",
        "+5",
        "1e3",
        "NaN",
        "--5",
        "\u0665",
        "0x1",
        "1" * 13,
    ],
)
def test_an_amount_that_is_no_plain_decimal_is_set_aside(written: str) -> None:
    with pytest.raises(MalformedDelivery):
        paypal_money(written, "USD")


@pytest.mark.parametrize(("written", "currency"), [("0.001", "USD"), ("0.5", "JPY")])
def test_digits_below_the_minor_unit_are_never_dropped(written: str, currency: str) -> None:
    with pytest.raises(MalformedDelivery):
        paypal_money(written, currency)


def test_paypal_is_never_sent_decimals_that_it_does_not_take() -> None:
    for code in ("HUF", "TWD"):
        with pytest.raises(ValueError, match="no decimals"):
            paypal_value(Money(150, code))


def test_an_unknown_currency_is_named_and_set_aside() -> None:
    with pytest.raises(MalformedDelivery, match="ZZZ"):
        currency_code("zzz")
    # Upper-cased, the long s would pass for an S.
    for text in ("", "usdollar", "u$d", "u\u017fd", "\u24ca\u24c8\u24b9"):
        with pytest.raises(MalformedDelivery) as refused:
            currency_code(text)
        assert not text or text not in str(refused.value)


@given(st.integers(-(10**9), 10**9), st.sampled_from(sorted(EXPONENTS)))
def test_what_can_be_sent_is_read_back_as_the_same_money(minor: int, code: str) -> None:
    money = Money(minor, code)
    try:
        assert stripe_money(stripe_amount(money), code.lower()) == money
    except ValueError:
        assert code not in {"USD", "EUR", "GBP", "JPY", "HUF", "ISK"}
    try:
        assert paypal_money(paypal_value(money), code) == money
    except ValueError:
        assert code in {"HUF", "TWD"}
