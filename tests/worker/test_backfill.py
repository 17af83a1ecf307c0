"""What webhooks missed comes in by the provider's lists, once, without loss at whatever moment a run ends; and one
story told by webhooks, lists and reports in any mix and order is the same story."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from handlers.inbox import Envelope
from tests.worker import world as w
from tests.worker.conftest import Clock
from tests.worker.stripe_lists import Json, Lists, charge, refund, refused, report, stripe_with, webhook
from worker import report_file
from worker.backfill import BackfillError, NoCredentialError, RefusedError, backfill
from worker.handling import drain
from worker.runtime import Runtime
from worker.schema import backfills, facts, memberships, tellings
from worker.store import deliveries
from worker.store.deliveries import NewDelivery

SINCE, UNTIL = date(2026, 1, 1), date(2026, 10, 31)
AS_OF = date(2026, 10, 20)


def no_wait(_seconds: float) -> None:
    """Tests do not wait."""


def by_webhook(runtime: Runtime, *told: Json) -> None:
    rows = []
    for one in told:
        body = webhook(one)
        envelope: Envelope = runtime.inboxes["stripe"].envelope(body)
        rows.append(NewDelivery("stripe", envelope, body, "webhook", runtime.clock()))
    with runtime.engine.begin() as conn:
        deliveries.record(conn, runtime.keyring, rows)
    drain(runtime)


def by_list(runtime: Runtime, *told: Json) -> None:
    with stripe_with(runtime, Lists([*told])) as with_stripe:
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)


def by_report(runtime: Runtime, folder: Path, *told: Json) -> None:
    file = folder / "report.csv"
    file.write_text(report(told))
    report_file.take_in(runtime, file, "stripe")


def charges(runtime: Runtime) -> dict[str, tuple[int, str | None]]:
    """Every stored charge: what it took, and whose it is."""
    f = facts.c
    query = select(f.object_id, f.amount_minor, f.membership).where(f.kind == "charge")
    with runtime.engine.begin() as conn:
        return {name: (minor, membership) for name, minor, membership in conn.execute(query)}


def count(runtime: Runtime, source: str) -> int:
    with runtime.engine.begin() as conn:
        return conn.execute(select(func.count()).select_from(tellings).where(tellings.c.source == source)).scalar_one()


STORY = [*(charge(f"ch_{n}", w.month(n)) for n in range(7)), refund("re_1", w.later(w.month(3), 2), "ch_3", 2500)]


def test_what_no_webhook_told_is_found(runtime: Runtime) -> None:
    w.take_in(runtime, w.row("M-1", w.stripe(1)))
    by_webhook(runtime, *STORY[:3])
    by_list(runtime, *STORY)
    assert charges(runtime) == {f"ch_{n}": (9900, "M-1") for n in range(7)}


def test_what_is_known_already_is_noted_and_touches_nobody(runtime: Runtime) -> None:
    w.take_in(runtime, w.row("M-1", w.stripe(1)))
    by_webhook(runtime, *STORY)
    for _ in range(3):
        by_list(runtime, *STORY)
    with runtime.engine.begin() as conn:
        assert not conn.scalar(select(memberships.c.touched))
    # One confirmation each, however many nights.
    assert count(runtime, "backfill") == len(STORY)


def test_a_change_that_a_list_tells_counts(runtime: Runtime) -> None:
    w.take_in(runtime, w.row("M-1", w.stripe(1)))
    by_webhook(runtime, *STORY[:1])
    by_list(runtime, STORY[0] | {"amount_refunded": 500})
    with runtime.engine.begin() as conn:
        assert conn.execute(select(facts.c.body)).scalar_one()["refunded_minor"] == 500
        assert conn.scalar(select(memberships.c.touched))


@pytest.mark.parametrize("requests", range(1, 8))
def test_a_run_that_ends_at_any_request_goes_on_without_loss(runtime: Runtime, requests: int) -> None:
    lists = Lists([*STORY])
    tried = 0

    class EndedError(Exception):
        pass

    def ends(_seconds: float) -> None:
        nonlocal tried
        tried += 1
        if tried == requests:
            raise EndedError

    with stripe_with(runtime, lists) as with_stripe:
        with pytest.raises(EndedError):
            backfill(with_stripe, "stripe", SINCE, UNTIL, wait=ends)
        asked = len(lists.asked)
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
    assert len(charges(runtime)) == 7
    # 7 charges and 1 refund in pages of two, and three empty lists: no page that was kept is asked for again.
    assert len(lists.asked) == 4 + 1 + 3
    assert asked < len(lists.asked)


def test_a_page_that_is_not_kept_is_asked_for_again(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    class CrashError(Exception):
        pass

    def crash(*_: object) -> None:
        raise CrashError

    lists = Lists([*STORY])
    with stripe_with(runtime, lists) as with_stripe:
        with monkeypatch.context() as patched:
            patched.setattr(type(runtime.keyring), "email_key", crash)
            emails = [one | {"receipt_email": "a@example.com"} for one in STORY if one["object"] == "charge"]
            lists.held = emails
            with pytest.raises(CrashError):
                backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
        assert charges(runtime) == {}
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
    assert len(charges(runtime)) == 7


def test_too_many_requests_are_waited_for(runtime: Runtime) -> None:
    lists = Lists([*STORY], first=[refused(429), refused(500), refused(429, **{"Retry-After": "7"})])
    waited: list[float] = []
    with stripe_with(runtime, lists) as with_stripe:
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=waited.append)
    assert waited[:2] == [15.0, 30.0]
    assert len(charges(runtime)) == 7


def test_a_provider_that_is_away_stops_the_run_and_the_next_goes_on(runtime: Runtime) -> None:
    lists = Lists([*STORY], first=[refused(500)] * 6)
    with stripe_with(runtime, lists) as with_stripe:
        with pytest.raises(BackfillError, match="stripe's charges cannot be asked for"):
            backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
    assert len(charges(runtime)) == 7


def test_what_the_provider_refuses_is_said_at_once_in_its_words(runtime: Runtime) -> None:
    lists = Lists([*STORY], first=[refused(400)])
    with stripe_with(runtime, lists) as with_stripe:
        with pytest.raises(RefusedError, match=r"stripe's charges cannot be asked for in this way: .*: no"):
            backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
        assert len(lists.asked) == 1
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
    assert len(charges(runtime)) == 7


def test_a_list_is_begun_anew_where_what_it_had_come_to_is_gone(runtime: Runtime) -> None:
    class EndedError(Exception):
        pass

    def ends(_seconds: float) -> None:
        raise EndedError

    with stripe_with(runtime, Lists([*STORY[:4]])) as with_stripe, pytest.raises(EndedError):
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=ends)
    lists = Lists([*STORY[4:]])
    with stripe_with(runtime, lists) as with_stripe:
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
    assert [params.get("starting_after") for _, params in lists.asked[:3]] == ["ch_2", None, "ch_5"]
    assert set(charges(runtime)) == {"ch_3", "ch_2", "ch_4", "ch_5", "ch_6"}


def test_a_key_that_is_refused_is_said_at_once(runtime: Runtime) -> None:
    lists = Lists(first=[refused(403)])
    with stripe_with(runtime, lists) as with_stripe, pytest.raises(NoCredentialError):
        backfill(with_stripe, "stripe", SINCE, UNTIL, wait=no_wait)
    assert len(lists.asked) == 1


def test_a_window_is_asked_for_anew_once_it_was_read(runtime: Runtime, clock: Clock) -> None:
    today = clock().date()
    by_list(runtime)
    with stripe_with(runtime, Lists([charge("ch_now", today - timedelta(days=1))])) as with_stripe:
        for _ in range(2):
            backfill(with_stripe, "stripe", today - timedelta(days=3), wait=no_wait)
            clock.advance(timedelta(hours=1))
    assert set(charges(runtime)) == {"ch_now"}
    with runtime.engine.begin() as conn:
        assert set(conn.scalars(select(backfills.c.state))) == {"done"}


def told_in_any_way(runtime: Runtime, story: list[Json], dice: Random, folder: Path) -> None:
    """Each object by one to three ways, in random parts and order, the roster somewhere between."""
    ways: list[Callable[..., None]] = [by_webhook, by_list, lambda r, *told: by_report(r, folder, *told)]
    steps: list[tuple[Callable[..., None], list[Json]]] = []
    for one in story:
        for way in dice.sample(ways, dice.randint(1, 3)):
            if steps and dice.random() < 0.5 and (same := [step for step in steps if step[0] is way]):
                same[0][1].append(one)
            else:
                steps.append((way, [one]))
    dice.shuffle(steps)
    roster_at = dice.randrange(len(steps) + 1)
    for n, (way, told) in enumerate(steps):
        if n == roster_at:
            w.take_in(runtime, w.row("M-1", w.stripe(1)))
        way(runtime, *told)
    if roster_at == len(steps):
        w.take_in(runtime, w.row("M-1", w.stripe(1)))


def story_of(dice: Random) -> list[Json]:
    story = []
    for n in range(dice.randint(1, 6)):
        day = w.later(w.month(dice.randint(0, 6)), dice.choice((0, 0, 1, 15)))
        minor = dice.choice((9900, 9900, 9901, 5000))
        story.append(charge(f"ch_{n}", day, minor, dice.choice(("cus_1", "cus_1", "cus_1"))))
        if dice.random() < 0.4:
            story.append(refund(f"re_{n}", w.later(day, 3), f"ch_{n}", dice.choice((100, minor))))
    return story


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_one_story_in_any_mix_and_order_is_the_same_story(runtime: Runtime, tmp_path: Path, seed: int) -> None:
    dice = Random(seed)
    story = story_of(dice)
    w.wipe(runtime)
    w.take_in(runtime, w.row("M-1", w.stripe(1)))
    by_webhook(runtime, *story)
    expected, once = w.listed(runtime, AS_OF), charges(runtime)
    w.wipe(runtime)
    told_in_any_way(runtime, story, dice, tmp_path)
    assert charges(runtime) == once
    assert w.listed(runtime, AS_OF) == expected


def test_without_a_key_the_setting_is_named(runtime: Runtime) -> None:
    bare = replace(runtime, settings=runtime.settings.model_copy(update={"stripe_api_key": None}))
    with pytest.raises(ValueError, match="MAKEGOOD_STRIPE_API_KEY is not set"):
        backfill(bare, "stripe", SINCE, wait=no_wait)
