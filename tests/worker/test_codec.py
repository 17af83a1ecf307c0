"""Facts and memberships survive the way through JSON unchanged, and the same content is always the same text."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import cast, get_args, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile import facts as f
from reconcile.facts import Fact, Ref
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
from worker import codec

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
TIME = st.datetimes(
    datetime.fromisoformat("2000-01-01"),
    datetime.fromisoformat("2100-01-01"),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]),
)
MONEY = st.builds(Money, st.integers(0, 2**53), st.sampled_from(["USD", "JPY", "KWD"]))
LINE = st.builds(f.InvoiceLine, st.none() | TIME, st.none() | TIME, st.integers(-(10**9), 10**9))
BY_TYPE: dict[object, st.SearchStrategy[object]] = {
    str: TEXT,
    datetime: TIME,
    Money: MONEY,
    Ref: st.builds(Ref, TEXT, TEXT),
    tuple[f.InvoiceLine, ...]: st.lists(LINE, max_size=3).map(tuple),
}


def of_type(hint: object) -> st.SearchStrategy[object]:
    """Anything that a field of this type may hold."""
    if hint in BY_TYPE:
        return BY_TYPE[hint]
    return (
        st.one_of([of_type(part) for part in get_args(hint)])
        if get_args(hint)
        else st.from_type(cast("type[object]", hint))
    )


def any_of(cls: type[Fact]) -> st.SearchStrategy[Fact]:
    return st.builds(cls, **{name: of_type(hint) for name, hint in get_type_hints(cls).items()})


FACTS: st.SearchStrategy[Fact] = st.one_of([any_of(cls) for cls in codec.KINDS.values()])

MEMBERSHIP = Membership(
    "M-1",
    date(2024, 1, 31),
    Plan(Money(9900, "USD"), Every.MONTH, 1, "dialer", 14900, 7, MonthEnd.WALK),
    ("smartcalls",),
    ended_on=date(2026, 1, 1),
    changes=(
        PriceChange(date(2024, 4, 8), 10900),
        PlanChange(date(2024, 6, 8), 99000, Every.YEAR, 1, "dialer-year"),
        QuantityChange(date(2024, 7, 8), 3),
        Discount(date(2024, 2, 29), 2000, 3),
        Pause(date(2024, 8, 8), date(2024, 10, 8)),
        Agreed(date(2024, 5, 2), 2500, "number pack"),
    ),
    notices=(
        CancelNotice(datetime(2024, 6, 28, 23, 59, tzinfo=ZoneInfo("America/Chicago")), Channel.EMAIL),
        Reactivation(date(2024, 9, 10)),
        Termination(date(2025, 5, 1), "breach"),
    ),
    agreements=(Agreement("stripe", "sub_1", "cus_1", None, date(2024, 1, 31), date(2025, 1, 1)),),
    email="abc",
)


@given(FACTS)
def test_a_fact_comes_back_equal_from_its_text_which_is_that_of_its_plain_form(fact: Fact) -> None:
    text = codec.fact_to_text(fact)
    assert codec.fact_from_text(codec.kind_of(fact), text) == fact
    plain = codec.fact_to_plain(fact)
    assert text == json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_one_moment_has_one_spelling_and_so_one_digest() -> None:
    there = datetime(2024, 3, 8, 6, tzinfo=ZoneInfo("America/Chicago"))
    fact = f.Subscription(Ref("stripe", "sub_1"), there)
    same = replace(fact, told_at=there.astimezone(UTC))
    assert codec.fact_to_plain(fact) == codec.fact_to_plain(same)
    assert codec.fact_to_plain(fact)["told_at"] == "2024-03-08T12:00:00Z"


def test_what_a_telling_says_nothing_of_is_not_in_its_text() -> None:
    fact = f.Dispute(Ref("stripe", "dp_1"), datetime(2024, 3, 8, tzinfo=UTC), f.DisputeState.OPEN)
    text = codec.fact_to_text(fact)
    assert text == (
        '{"detail":2,"ref":{"id":"dp_1","provider":"stripe"},"state":"open","told_at":"2024-03-08T00:00:00Z"}'
    )
    assert len(codec.digest(text)) == 64


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        codec.fact_to_plain(f.Subscription(Ref("stripe", "sub_1"), datetime.fromisoformat("2024-03-08")))


def test_a_membership_comes_back_equal() -> None:
    plain = codec.membership_to_plain(MEMBERSHIP)
    assert codec.membership_from_plain(plain) == MEMBERSHIP
    assert codec.membership_to_plain(codec.membership_from_plain(plain)) == plain
    assert plain["notices"][0] == {"kind": "cancel", "at": "2024-06-29T04:59:00Z", "channel": "email"}


def test_an_unknown_kind_of_change_is_refused() -> None:
    plain = codec.membership_to_plain(MEMBERSHIP)
    with pytest.raises(ValueError, match="no kind"):
        codec.membership_from_plain({**plain, "changes": [{"kind": "gift"}]})
