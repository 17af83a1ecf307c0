"""Roster files: what the contract shows comes in whole, and what does not fit is said in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.membership import (
    Agreed,
    Agreement,
    CancelNotice,
    Channel,
    Discount,
    Every,
    Membership,
    MonthEnd,
    Pause,
    Plan,
    PlanChange,
    PriceChange,
    QuantityChange,
    Reactivation,
    Termination,
)
from reconcile.money import Money
from worker.roster.files import LINE_BYTES_MAX, RosterError, read
from worker.roster.row import Bundles
from worker.store.roster import RosterRow

BUNDLES = Bundles(("smartcalls", "voip-fulfillment", "iptv"), ("smartcalls", "voip-fulfillment"))

FULL: dict[str, Any] = {
    "membership": "M-1001",
    "member": {"name": "Member 1001", "email": "m1001@example.test", "country": "US"},
    "started_on": "2024-01-31",
    "ended_on": None,
    "policy": ["smartcalls", "voip-fulfillment"],
    "plan": {
        "code": "dialer",
        "price": 9900,
        "currency": "USD",
        "every": "month",
        "count": 1,
        "setup_fee": 14900,
        "trial_days": 0,
        "month_end": "clamp",
    },
    "changes": [
        {"kind": "price", "from": "2024-04-08", "price": 10900},
        {"kind": "plan", "from": "2024-06-08", "code": "dialer-year", "price": 99000, "every": "year", "count": 1},
        {"kind": "quantity", "from": "2024-07-08", "quantity": 3},
        {"kind": "discount", "from": "2024-02-29", "percent": 20, "periods": 3},
        {"kind": "pause", "from": "2024-08-08", "until": "2024-10-08"},
        {"kind": "agreed", "on": "2024-05-02", "amount": 2500, "what": "number pack"},
    ],
    "notices": [
        {"kind": "cancel", "at": "2024-06-28T23:59:00-05:00", "channel": "email"},
        {"kind": "reactivate", "on": "2024-09-10"},
        {"kind": "terminate", "on": "2025-05-01", "reason": "breach"},
    ],
    "agreements": [
        {"provider": "stripe", "customer": "cus_1", "subscription": "sub_1", "from": "2024-01-31"},
        {"provider": "paypal", "subscription": "I-1", "payer": "P1", "from": "2023-01-31", "until": "2024-01-31"},
    ],
}
LEAST: dict[str, Any] = {
    "membership": "M-1",
    "started_on": "2024-01-31",
    "plan": {"price": 9900, "currency": "USD"},
    "agreements": [{"provider": "stripe", "customer": "cus_1"}],
}
MEMBERSHIP = Membership(
    ref="M-1001",
    started_on=date(2024, 1, 31),
    plan=Plan(Money(9900, "USD"), Every.MONTH, 1, "dialer", 14900, 0, MonthEnd.CLAMP),
    policy=("smartcalls", "voip-fulfillment"),
    changes=(
        PriceChange(date(2024, 4, 8), 10900),
        PlanChange(date(2024, 6, 8), 99000, Every.YEAR, 1, "dialer-year"),
        QuantityChange(date(2024, 7, 8), 3),
        Discount(date(2024, 2, 29), 2000, 3),
        Pause(date(2024, 8, 8), date(2024, 10, 8)),
        Agreed(date(2024, 5, 2), 2500, "number pack"),
    ),
    notices=(
        CancelNotice(datetime(2024, 6, 28, 23, 59, tzinfo=timezone(timedelta(hours=-5))), Channel.EMAIL),
        Reactivation(date(2024, 9, 10)),
        Termination(date(2025, 5, 1), "breach"),
    ),
    agreements=(
        Agreement("stripe", "sub_1", "cus_1", since=date(2024, 1, 31)),
        Agreement("paypal", "I-1", None, "P1", date(2023, 1, 31), date(2024, 1, 31)),
    ),
)


def write(folder: Path, rows: Iterable[object], name: str = "roster.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


def rows(file: Path) -> list[RosterRow]:
    return list(read(file, BUNDLES))


def refusal(file: Path) -> str:
    """The one line, with the folder taken off the file's name."""
    with pytest.raises(RosterError) as raised:
        rows(file)
    line = str(raised.value)
    assert "\n" not in line
    assert line.startswith(f"{file}:")
    return line.removeprefix(f"{file.parent}/")


def changed(path: str, value: object) -> dict[str, Any]:
    """`FULL` with the value at `path` replaced, or taken away where it is `...`."""
    row = json.loads(json.dumps(FULL))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = row
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return dict(row)


def test_the_row_of_the_contract_comes_in_whole(tmp_path: Path) -> None:
    assert rows(write(tmp_path, [FULL])) == [RosterRow(MEMBERSHIP, FULL["member"])]


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    (row,) = rows(write(tmp_path, [LEAST]))
    plan = Plan(Money(9900, "USD"))
    agreements = (Agreement("stripe", customer="cus_1"),)
    assert row.membership == Membership("M-1", date(2024, 1, 31), plan, BUNDLES.default, agreements=agreements)
    assert row.personal is None


def test_an_email_stands_in_for_an_agreement(tmp_path: Path) -> None:
    row = {**LEAST, "agreements": [], "member": {"email": "m1@example.test"}}
    assert rows(write(tmp_path, [row]))[0].personal == {"email": "m1@example.test"}


def test_byte_order_mark_empty_lines_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    file = tmp_path / "roster.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(LEAST).encode() + b"\r\n\r\n")
    assert len(rows(file)) == 1


BAD: list[tuple[object, str]] = [
    (changed("plan.price", "99.00"), 'plan.price: a whole number of minor units is expected, not "99.00"'),
    (changed("plan.price", 99.5), "plan.price: a whole number of minor units is expected, not 99.5"),
    (changed("plan.price", True), "plan.price: a whole number of minor units is expected, not true"),
    (
        changed("plan.price", -1),
        "plan.price: a whole number of minor units from 0 to 1000000000000 is expected, not -1",
    ),
    (changed("plan.price", ...), "plan.price: a whole number of minor units is expected, and nothing is there"),
    (changed("plan", ...), "plan.price: a whole number of minor units is expected, and nothing is there"),
    (changed("plan", []), "plan: an object is expected, not []"),
    (changed("plan.currency", "USX"), 'plan.currency: an ISO 4217 currency such as USD is expected, not "USX"'),
    (changed("plan.every", "quarter"), 'plan.every: one of day, week, month, year is expected, not "quarter"'),
    (changed("plan.count", 0), "plan.count: a whole number from 1 to 1000 is expected, not 0"),
    (changed("plan.month_end", "last"), 'plan.month_end: one of clamp, walk is expected, not "last"'),
    (
        changed("plan.prize", 1),
        (
            "plan.prize: unknown key, the keys here are code, price, currency, every, count, setup_fee, trial_days, "
            "month_end"
        ),
    ),
    (
        changed("Membership", "M"),
        (
            "Membership: unknown key, the keys here are membership, member, started_on, ended_on, policy, plan, "
            "changes, notices, agreements"
        ),
    ),
    (changed("member.phone", "1"), "member.phone: unknown key, the keys here are name, email, country"),
    (changed("member.email", "nobody"), "member.email: an e-mail address is expected, not something else"),
    (
        changed("member.country", "USA"),
        "member.country: a country of two capital letters such as US is expected, not something else",
    ),
    (changed("membership", ""), 'membership: text of 1 to 128 characters is expected, not ""'),
    (changed("membership", " M"), 'membership: text of 1 to 128 characters is expected, not " M"'),
    (changed("membership", "M\n1"), 'membership: text without control characters is expected, not "M\\n1"'),
    (changed("membership", 7), "membership: text of 1 to 128 characters is expected, not 7"),
    (changed("membership", None), "membership: text of 1 to 128 characters is expected, and nothing is there"),
    (changed("started_on", "31.01.2024"), 'started_on: a date such as 2024-01-31 is expected, not "31.01.2024"'),
    (changed("started_on", "2024-02-30"), 'started_on: a date such as 2024-01-31 is expected, not "2024-02-30"'),
    (
        changed("started_on", "0001-01-01"),
        'started_on: a date from 1970-01-01 to 2199-12-31 is expected, not "0001-01-01"',
    ),
    (
        changed("ended_on", "2024-01-30"),
        'ended_on: a date not before started_on (2024-01-31) is expected, not "2024-01-30"',
    ),
    (
        changed("policy", ["smartcall"]),
        'policy[0]: the name of a policy bundle (iptv, smartcalls, voip-fulfillment) is expected, not "smartcall"',
    ),
    (changed("policy", "iptv"), 'policy: a list is expected, not "iptv"'),
    (changed("policy", []), "policy: at least one policy bundle is expected, not []"),
    (changed("policy", ["iptv", "iptv"]), "policy[1]: each bundle once is expected, and iptv is there twice"),
    (
        changed("changes.0.kind", "prize"),
        'changes[0].kind: one of price, plan, quantity, discount, pause, agreed is expected, not "prize"',
    ),
    (changed("changes.0.on", "2024-01-01"), "changes[0].on: unknown key, the keys here are kind, from, price"),
    (changed("changes.2.quantity", 0), "changes[2].quantity: a whole number from 1 to 100000 is expected, not 0"),
    (
        changed("changes.3.percent", 12.345),
        "changes[3].percent: a percentage above 0, up to 100, with two decimals at most is expected, not 12.345",
    ),
    (
        changed("changes.3.percent", 101),
        "changes[3].percent: a percentage above 0, up to 100, with two decimals at most is expected, not 101",
    ),
    (
        changed("changes.4.until", "2024-08-08"),
        'changes[4].until: a date after from (2024-08-08) is expected, not "2024-08-08"',
    ),
    (changed("changes.5", 3), "changes[5]: an object is expected, not 3"),
    (
        changed("notices.0.at", "2024-06-28T23:59:00"),
        (
            "notices[0].at: a time with its offset such as 2024-06-28T23:59:00-05:00 is expected, not "
            '"2024-06-28T23:59:00"'
        ),
    ),
    (
        changed("notices.0.channel", "fax"),
        'notices[0].channel: one of email, portal, letter, chat, provider, phone is expected, not "fax"',
    ),
    (
        changed("notices.0.channel", ...),
        "notices[0].channel: one of email, portal, letter, chat, provider, phone is expected, and nothing is there",
    ),
    (
        changed("agreements.0.provider", "square"),
        'agreements[0].provider: one of stripe, paypal is expected, not "square"',
    ),
    (
        changed("agreements.1.until", "2023-01-31"),
        'agreements[1].until: a date after from (2023-01-31) is expected, not "2023-01-31"',
    ),
    (
        changed("agreements.0", {"provider": "stripe"}),
        "agreements[0]: a subscription, customer or payer is expected, and none is there",
    ),
    (
        {**LEAST, "agreements": []},
        "agreements: an agreement, or the member's e-mail, is expected, and neither is there",
    ),
    ("{", "a JSON object is expected, and the line is not JSON"),
    ("[1]", "a JSON object is expected, and the line is no JSON object"),
    ('{"plan": 1, "plan": 2}', "a JSON object is expected, and an object in it has a key twice"),
    ('{"plan": NaN}', "a JSON object is expected, and the line has NaN or Infinity, which JSON has not"),
]


@pytest.mark.parametrize(("row", "said"), BAD, ids=[f"{n} {said[:30]}" for n, (_, said) in enumerate(BAD)])
def test_what_does_not_fit_is_said_in_one_line(tmp_path: Path, row: object, said: str) -> None:
    # On the third line: the two rows before it are good.
    file = write(tmp_path, [LEAST, {**LEAST, "membership": "M-2"}, row])
    assert refusal(file) == f"roster.jsonl:3: {said}"


def test_a_membership_is_in_a_file_once(tmp_path: Path) -> None:
    said = "roster.jsonl:3: membership: each membership once is expected, and M-1 is on line 1 too"
    assert refusal(write(tmp_path, [LEAST, FULL, LEAST])) == said


def test_personal_fields_are_not_repeated_in_an_error(tmp_path: Path) -> None:
    row = {**LEAST, "member": {"email": "no address of anybody", "name": "x"}}
    assert "anybody" not in refusal(write(tmp_path, [row]))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("roster.jsonl", b"", "roster.jsonl: at least one membership is expected, and none is there"),
        ("roster.csv", b"membership,started_on,price,currency\n", "roster.csv: at least one membership is expected"),
        ("roster.txt", b"", "roster.txt: a file ending in .jsonl or .csv is expected"),
        ("roster.jsonl", b"\xff\n", "roster.jsonl:1: a JSON object is expected, and the line is not UTF-8"),
        ("roster.jsonl", b"[" * (LINE_BYTES_MAX + 5), "roster.jsonl:1: a line of at most 1000000 bytes is expected"),
    ],
)
def test_what_is_no_roster_is_said_too(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(RosterError) as raised:
        rows(file)
    assert str(raised.value).removeprefix(f"{tmp_path}/").startswith(said)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FULL, *FULL["plan"]]), inner),
    max_leaves=8,
)
PATHS = ["plan", "plan.price", "plan.count", "member", "changes", "changes.0", "changes.3.percent", "notices.0.at"]
PATHS += ["agreements", "agreements.1.until", "policy", "policy.0", "membership", "started_on", "plan.currency"]


@given(path=st.sampled_from(PATHS), value=JSON_VALUES)
def test_any_value_anywhere_gives_a_row_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, path: str, value: object
) -> None:
    rows_or_one_line(write(tmp_path_factory.mktemp("any"), [changed(path, value)]))


@given(name=st.sampled_from(["roster.jsonl", "roster.csv"]), text=st.text() | st.binary())
def test_any_text_gives_rows_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str | bytes
) -> None:
    file = tmp_path_factory.mktemp("any") / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    rows_or_one_line(file)


def rows_or_one_line(file: Path) -> None:
    said = ""
    try:
        assert all(row.membership.plan.price.minor >= 0 for row in read(file, BUNDLES))
    except RosterError as error:
        said = str(error)
    assert said == "" or said.isprintable()


def test_times_keep_their_moment(tmp_path: Path) -> None:
    (row,) = rows(write(tmp_path, [changed("notices.0.at", "2024-06-29T04:59:00Z")]))
    (notice, *_) = row.membership.notices
    assert isinstance(notice, CancelNotice)
    assert notice.at == datetime(2024, 6, 29, 4, 59, tzinfo=UTC)
