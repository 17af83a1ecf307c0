"""The made-up merchant: repeatable, complete, and by its own reckoning right."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

import pytest

from reconcile.outcome import FindingKind
from worker.roster.files import read
from worker.roster.row import Bundles
from worker.sandbox import reckoning
from worker.sandbox.deliveries import posted
from worker.sandbox.merchant import DEFAULT_POLICY, Member, Plan
from worker.sandbox.roster_lines import roster_line
from worker.sandbox.stories import ERRORS, LOOK_ALIKES, World, world

# Their issues follow: nothing is sent yet that could fail, be overdue or be too much, and no claim bars anybody.
LATER = {"refund_overdue", "refund_failed", "over_refunded", "missed_webhook", "ineligible_resubscription"}


@pytest.fixture(scope="module")
def default_world() -> World:
    return world(500, 12, 7)


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, same, other = world(60, 6, 3), world(60, 6, 3), world(60, 6, 4)
    assert one.told == same.told
    assert posted(one.told, 3) == posted(same.told, 3)
    assert [roster_line(m) for m in one.members] == [roster_line(m) for m in same.members]
    assert [told.body for told in one.told] != [told.body for told in other.told]


def test_every_kind_of_finding_is_planted_at_least_twice(default_world: World) -> None:
    planted = Counter(plant.kind for plant in default_world.planted)
    assert set(planted) == {kind.value for kind in FindingKind} - LATER
    assert min(planted.values()) >= 2


def test_there_are_as_many_look_alikes_as_errors_and_each_story_is_told_twice(default_world: World) -> None:
    told = Counter(member.story for member in default_world.members)
    wrong, fine = ({story.__name__ for story in stories} for stories in (ERRORS, LOOK_ALIKES))
    assert sum(told[story] for story in wrong) == sum(told[story] for story in fine)
    assert min(told[story] for story in wrong | fine) >= 2


def test_nothing_is_planted_in_members_who_were_charged_rightly(default_world: World) -> None:
    fine = {"plain", *(story.__name__ for story in LOOK_ALIKES)}
    assert not [plant for member in default_world.members if member.story in fine for plant in member.planted]


def test_nothing_is_told_that_comes_after_the_last_day(default_world: World) -> None:
    assert max(told.at for told in default_world.told) < default_world.end


def test_the_roster_of_the_world_is_a_roster(default_world: World, tmp_path: Path) -> None:
    file = tmp_path / "roster.jsonl"
    file.write_text("".join(json.dumps(roster_line(m)) + "\n" for m in default_world.members), encoding="utf-8")
    bundles = Bundles({"smartcalls", "voip-fulfillment", "iptv"}, DEFAULT_POLICY)
    rows = list(read(file, bundles))
    assert [row.membership.ref for row in rows] == [member.ref for member in default_world.members]


@pytest.mark.parametrize("members", [1, 2, 7])
@pytest.mark.parametrize("months", [1, 3])
def test_small_worlds_live_too(members: int, months: int) -> None:
    assert len(world(members, months, 1).members) == members


def test_the_mail_holds_everything_and_more(default_world: World) -> None:
    mail = posted(default_world.told, 7)
    genuine = [delivery.body for delivery in (*mail.in_time, *mail.late) if not delivery.forged]
    assert {told.body for told in default_world.told} <= set(genuine)
    assert mail.forged >= 3
    assert mail.late
    assert len(genuine) > len(default_world.told)
    forged = {delivery.body for delivery in mail.in_time if delivery.forged}
    assert not forged & set(genuine)


# The rows of policies.md, section 7, by the world's own reckoning: if it were wrong, a wrong core could please it.


def _days(plan: Plan, started: date, count: int) -> list[date]:
    member = Member("M", "", "", "US", started, plan)
    return [due.on for due in islice(member.dues(date(2030, 1, 1)), count)]


def test_a_month_from_the_31st_is_the_last_of_the_month() -> None:
    assert _days(Plan("p", 1), date(2024, 1, 31), 5) == [
        date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31)
    ]  # fmt: skip


def test_a_year_from_the_leap_day() -> None:
    assert _days(Plan("p", 1, every="year"), date(2024, 2, 29), 5) == [
        date(2024, 2, 29), date(2025, 2, 28), date(2026, 2, 28), date(2027, 2, 28), date(2028, 2, 29)
    ]  # fmt: skip


def test_an_older_paypal_agreement_walks_to_the_first_and_stays() -> None:
    assert _days(Plan("p", 1, month_end="walk"), date(2025, 1, 30), 3) == [
        date(2025, 1, 30), date(2025, 3, 1), date(2025, 4, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("anniversary", "last_day"),
    [
        (date(2024, 7, 8), date(2024, 6, 28)),
        (date(2024, 6, 15), date(2024, 6, 10)),
        (date(2025, 1, 2), date(2024, 12, 24)),
        (date(2026, 11, 30), date(2026, 11, 20)),
    ],
)
def test_the_last_day_of_notice_counts_business_days(anniversary: date, last_day: date) -> None:
    assert reckoning.last_day_of_notice(anniversary, DEFAULT_POLICY) == last_day
