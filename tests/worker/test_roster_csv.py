"""The CSV form of a roster: what people keep in a spreadsheet."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.membership import Agreement, CancelNotice, Channel, Every, Membership, Plan
from reconcile.money import Money
from tests.worker.test_roster import BUNDLES, rows_or_one_line
from worker.roster.csv_form import COLUMNS
from worker.roster.files import RosterError, read

HEADER = ",".join(COLUMNS)
LEAST = "membership,started_on,price,currency,stripe_customer\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "roster.csv"
    file.write_text(text, encoding="utf-8")
    return file


def one(folder: Path, text: str) -> Membership:
    (row,) = read(write(folder, text), BUNDLES)
    return row.membership


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(RosterError) as raised:
        list(read(write(folder, text), BUNDLES))
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{folder}/")


def test_a_full_row_comes_in_whole(tmp_path: Path) -> None:
    cells = "M-1,m1@example.test,Member 1,US,2024-01-31,dialer,99.00,usd,month,2,149,iptv,cus_1,sub_1,I-1"
    (row,) = read(write(tmp_path, f"\ufeff{HEADER}\r\n{cells},2024-06-28T23:59:00Z,email\r\n"), BUNDLES)
    assert row.personal == {"name": "Member 1", "email": "m1@example.test", "country": "US"}
    assert row.membership == Membership(
        "M-1",
        date(2024, 1, 31),
        Plan(Money(9900, "USD"), Every.MONTH, 2, "dialer", 14900),
        ("iptv",),
        notices=(CancelNotice(datetime(2024, 6, 28, 23, 59, tzinfo=UTC), Channel.EMAIL),),
        agreements=(Agreement("stripe", "sub_1", "cus_1"), Agreement("paypal", "I-1")),
    )


@pytest.mark.parametrize(
    ("price", "currency", "minor"),
    [
        ("99.00", "USD", 9900),
        ("99", "USD", 9900),
        ("99.9", "USD", 9990),
        ("0.07", "USD", 7),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("5", "ISK", 5),
    ],
)
def test_prices_are_as_people_write_them(tmp_path: Path, price: str, currency: str, minor: int) -> None:
    found = one(tmp_path, f"{LEAST}M-1,2024-01-31,{price},{currency},cus_1\n")
    assert found.plan.price == Money(minor, currency)


def test_several_policies_stand_in_one_cell(tmp_path: Path) -> None:
    header = "membership,started_on,price,currency,stripe_customer,policy"
    assert one(tmp_path, f'{header}\nM-1,2024-01-31,9,USD,c,"iptv, smartcalls"\n').policy == ("iptv", "smartcalls")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{LEAST}M-1,2024-01-31,$99,USD,c\n", 'roster.csv:2: price: an amount such as 99.00 is expected, not "$99"'),
        (
            f"{LEAST}M-1,2024-01-31,99.005,USD,c\n",
            'roster.csv:2: price: an amount such as 99.00 is expected, not "99.005"',
        ),
        (f"{LEAST}M-1,2024-01-31,1.5,JPY,c\n", 'roster.csv:2: price: an amount such as 99 is expected, not "1.5"'),
        (
            f'{LEAST}M-1,2024-01-31,"1,000.00",USD,c\n',
            'roster.csv:2: price: an amount such as 99.00 is expected, not "1,000.00"',
        ),
        (
            f"{LEAST}M-1,2024-01-31,99,XXX,c\n",
            'roster.csv:2: currency: an ISO 4217 currency such as USD is expected, not "XXX"',
        ),
        (
            f"{LEAST}M-1,2024-01-31,,USD,c\n",
            "roster.csv:2: price: an amount such as 99.00 is expected, and nothing is there",
        ),
        (
            f"{LEAST}M-1,2024-01-31,99999999999,USD,c\n",
            'roster.csv:2: price: an amount up to 10000000000 USD is expected, not "99999999999"',
        ),
        (
            f"{LEAST}M-1,1/31/2024,9,USD,c\n",
            'roster.csv:2: started_on: a date such as 2024-01-31 is expected, not "1/31/2024"',
        ),
        (f"{LEAST}M-1,2024-01-31,9,USD\n", "roster.csv:2: 5 cells are expected, not 4"),
        (
            f"{LEAST}M-1,2024-01-31,9,USD,\n",
            (
                "roster.csv:2: stripe_subscription: an agreement, or the member's e-mail, is expected, "
                "and neither is there"
            ),
        ),
        (
            f'{LEAST}"M-1",2024-01-31,9,USD,"c\n',
            "roster.csv:2: cells between quotes that are closed are expected",
        ),
        (
            f"{LEAST}M-1,2024-01-31,9,USD,c\n".replace("\n", "\r"),
            "roster.csv:1: lines that end in LF or CR LF, not in CR alone, are expected",
        ),
        (f"{LEAST}M-1,2024-01-31,9,USD,c\n".replace(",", ";"), "roster.csv:1: commas between the columns are expected"),
        (
            "membership,started_on,price\n",
            "roster.csv:1: currency: this column is expected, and it is not there",
        ),
        ("membership,membership\n", "roster.csv:1: membership: each column once is expected, and it is there twice"),
        (
            "membership,started_on,price,currency,email,cancel_channel\nM-1,2024-01-31,9,USD,a@example.test,email\n",
            (
                "roster.csv:2: cancel_notice_at: a time with its offset such as 2024-06-28T23:59:00-05:00 is expected, "
                "and nothing is there"
            ),
        ),
        (
            "membership,started_on,price,currency,email,count\nM-1,2024-01-31,9,USD,a@example.test,many\n",
            'roster.csv:2: count: a whole number is expected, not "many"',
        ),
    ],
)
def test_what_does_not_fit_names_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    assert refusal(tmp_path, text) == said


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, "membership,started on\n")
    assert said == f'roster.csv:1: "started on": unknown column, the columns are {", ".join(COLUMNS)}'


def test_a_row_over_several_lines_is_counted_where_it_begins(tmp_path: Path) -> None:
    header = "membership,name,started_on,price,currency,stripe_customer"
    good = 'M-1,"Member\nof one",2024-01-31,9,USD,c'
    assert refusal(tmp_path, f"{header}\n{good}\n").startswith("roster.csv:2: name: text without control characters")
    plain = "M-1,x,2024-01-31,9,USD,c"
    assert refusal(tmp_path, f'{header}\n{plain}\n"M-\n2",x,2024-01-31,9,USD,c\n').startswith(
        "roster.csv:3: membership"
    )


CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)


@given(cells=st.lists(st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS)), max_size=3))
def test_any_cells_give_rows_or_one_line(tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]) -> None:
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in cells]
    rows_or_one_line(write(tmp_path_factory.mktemp("any"), "\n".join([HEADER, *lines])))
