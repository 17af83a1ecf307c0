"""The books that the demo adds up would show a wrong one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from worker.sandbox.balance import Balance, Sums, complaints, lines
from worker.sandbox.live import Evening

RIGHT = Sums(charged=30000, refunded=9900, credited=100, owed=19000, waiting=1000)
EVENING = Evening(Counter(settled=2, held=1), Counter(), doubled=0)


def of(*sums: Sums, evening: Evening = EVENING, disagreeing: tuple[str, ...] = ()) -> Balance:
    return Balance({(f"M-{n}", "USD"): one for n, one in enumerate(sums)}, evening, disagreeing)


def last(found: Balance) -> str:
    return list(lines(found))[-1]


def test_books_that_balance_say_so() -> None:
    found = of(RIGHT, RIGHT)
    assert found.right
    assert last(found) == ("books balance for 2 of 2 memberships and in total: 2 remedies settled, 1 held for a person")
    assert list(complaints(found)) == []


def test_one_members_loss_is_not_anothers_gain() -> None:
    more, less = replace(RIGHT, refunded=RIGHT.refunded + 1), replace(RIGHT, refunded=RIGHT.refunded - 1)
    assert (more + less).balances
    found = of(RIGHT, more, less)
    assert not found.right
    assert last(found).startswith("books do not balance for 1 of 3 memberships")
    assert len(list(complaints(found))) == 2


def test_money_that_left_twice_or_is_on_its_way_or_nobodys_is_no_balance() -> None:
    assert not of(RIGHT, evening=replace(EVENING, doubled=1)).right
    assert not of(RIGHT, evening=replace(EVENING, states=Counter(submitted=1))).right
    assert not of(RIGHT, disagreeing=("remedy:stripe:ch_1 is settled, which is not what the bank did",)).right
