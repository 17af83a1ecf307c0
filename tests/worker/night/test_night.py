"""The night: once a night, all of it, told once; after downtime one for all; incomplete is said first."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select, update

from tests.answering import Answered, serving
from tests.worker import world as w
from tests.worker.alerts.endpoints import Chat
from tests.worker.conftest import Clock
from tests.worker.night.eve import AFTER, NIGHT
from worker import nightly
from worker.clock import run_clock
from worker.doctor import _last_night
from worker.night import phases
from worker.nightly import run_due, run_night
from worker.runtime import Runtime
from worker.schema import backfills, findings, memberships, nights
from worker.store import listings
from worker.store import nights as rows

# A list of Stripe's in which nothing stands.
NOTHING = Answered(body=b'{"object": "list", "data": [], "has_more": false, "url": "/v1/charges"}')


@pytest.fixture(autouse=True)
def _the_night(clock: Clock) -> None:
    clock.now = AFTER


def test_a_night_handles_judges_sums_up_reports_and_tells(eve: Runtime, slack: Chat) -> None:
    done = run_night(eve, NIGHT)
    assert done is not None
    told = phases.summary(done)
    assert done.state == rows.DONE
    assert told.complete
    assert told.ties
    (total,) = told.totals
    assert (total.charges, total.charged, total.excess) == (15, 14 * 9900 + 12_900, 9900 + 12_900)
    assert {tally.name for tally in told.kinds} >= {"unrecognised_charge", "duplicate_charge"}
    assert (eve.settings.report_dir / f"report-{NIGHT}.html").is_file()
    (text,) = slack.texts
    assert f"night of {NIGHT}" in text


def test_a_night_that_is_done_is_not_done_again_unless_wanted(eve: Runtime, slack: Chat) -> None:
    first = run_night(eve, NIGHT)
    assert run_night(eve, NIGHT) is None
    again = run_night(eve, NIGHT, again=True)
    assert first is not None
    assert again is not None
    assert again.summary == first.summary  # what was new that night is new in it still
    assert len(slack.got) == 1


def test_what_a_night_shows_is_published_and_new_only_once(eve: Runtime, clock: Clock) -> None:
    first = run_night(eve, NIGHT)
    assert first is not None
    with eve.engine.begin() as conn:
        assert set(conn.scalars(select(findings.c.published))) == {True}
    clock.advance(timedelta(days=1))
    second = run_night(eve, NIGHT + timedelta(days=1))
    assert second is not None
    before, after = phases.summary(first), phases.summary(second)
    assert before.new.count > 0
    assert (after.new.count, after.persisting.count) == (0, before.new.count)


def test_a_finding_that_is_no_longer_open_is_told_once(eve: Runtime, clock: Clock) -> None:
    run_night(eve, NIGHT)
    refunded = w.refund("re_1", NIGHT, w.charge("ch_1_twice", NIGHT), 9900)
    w.deliver(eve, w.body(refunded))
    closed = []
    for _ in range(2):
        clock.advance(timedelta(days=1))
        done = run_night(eve, clock.now.date())
        assert done is not None
        assert phases.summary(done).ties
        closed.append(phases.summary(done).closed.count)
    assert closed == [1, 0]


def test_the_clock_runs_a_night_at_its_time_and_once(quiet: Runtime, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 7, 20, tzinfo=UTC)
    assert run_due(quiet) is None  # a new installation makes up for nothing
    ran = []
    while clock.now < datetime(2026, 3, 10, 20, tzinfo=UTC):
        clock.advance(timedelta(minutes=30))
        if (done := run_due(quiet)) is not None:
            ran.append((done.night, clock.now))
    assert ran == [
        (date(2026, 3, 8), datetime(2026, 3, 8, 8, 0, tzinfo=UTC)),  # 03:00 of summer time, for 02:30 is not there
        (date(2026, 3, 9), datetime(2026, 3, 9, 7, 30, tzinfo=UTC)),
        (date(2026, 3, 10), datetime(2026, 3, 10, 7, 30, tzinfo=UTC)),
    ]


def test_the_hour_that_comes_twice_brings_one_night(quiet: Runtime, clock: Clock) -> None:
    told = quiet.settings.model_copy(update={"night_at": "01:30"})
    twice = replace(quiet, settings=told)
    clock.now = datetime(2026, 10, 31, 20, tzinfo=UTC)
    run_due(twice)
    ran = []
    while clock.now < datetime(2026, 11, 1, 20, tzinfo=UTC):
        clock.advance(timedelta(minutes=15))
        if run_due(twice) is not None:
            ran.append(clock.now)
    assert ran == [datetime(2026, 11, 1, 6, 30, tzinfo=UTC)]


def test_after_three_days_of_downtime_one_night_makes_up_for_all(eve: Runtime, clock: Clock, slack: Chat) -> None:
    run_night(eve, NIGHT)
    clock.now = datetime(2026, 3, 12, 15, tzinfo=UTC)
    done = run_due(eve)
    assert done is not None
    assert (done.night, done.since) == (date(2026, 3, 12), date(2026, 3, 9))
    assert run_due(eve) is None
    assert len(slack.got) == 2
    assert "It covers 2026-03-09 to 2026-03-12" in json.dumps(slack.got[1])


def test_a_night_that_is_run_late_judges_no_earlier_than_today(eve: Runtime, clock: Clock) -> None:
    """Between midnight and its time the last slot is yesterday's; what was judged today must not be judged back."""
    clock.now = datetime(2026, 3, 7, 20, tzinfo=UTC)
    run_due(eve)
    clock.now = datetime(2026, 3, 9, 6, tzinfo=UTC)  # 01:00 of the 9th
    done = run_due(eve)
    assert done is not None
    assert (done.night, done.as_of) == (date(2026, 3, 8), date(2026, 3, 9))


def test_an_earlier_night_that_was_never_finished_is_covered_by_the_next(eve: Runtime, clock: Clock) -> None:
    run_night(eve, NIGHT, stopping=lambda: True)
    clock.advance(timedelta(days=1))
    done = run_night(eve, NIGHT + timedelta(days=1))
    assert done is not None
    with eve.engine.begin() as conn:
        states = {row.night: row.state for row in conn.execute(select(nights))}
    assert states == {NIGHT: rows.SUPERSEDED, NIGHT + timedelta(days=1): rows.DONE}


def test_a_night_that_another_run_has_is_left_alone_until_its_lease_is_over(eve: Runtime, clock: Clock) -> None:
    wanted = rows.Taking(NIGHT, NIGHT, phases.FIRST, timedelta(minutes=4))
    with eve.engine.begin() as conn:
        first = rows.take(conn, wanted, clock.now)
    assert first is not None
    assert run_night(eve, NIGHT) is None
    assert run_night(eve, NIGHT + timedelta(days=1)) is None  # one night at a time
    clock.advance(timedelta(minutes=5))
    assert run_night(eve, NIGHT) is not None
    with eve.engine.begin() as conn:
        assert not rows.advance(conn, first, "judge", {})  # the fence: whoever was taken for dead writes nothing


def test_a_run_that_has_lost_its_night_gives_up(eve: Runtime, slack: Chat) -> None:
    def overtaken(point: str) -> None:
        if point == "judge:done":
            with eve.engine.begin() as conn:
                conn.execute(update(nights).values(attempt=nights.c.attempt + 1))

    assert run_night(eve, NIGHT, passing=overtaken) is None
    assert not slack.got


def test_a_fault_leaves_the_night_to_the_next_who_comes(eve: Runtime, slack: Chat) -> None:
    def fails(point: str) -> None:
        if point == "report:begin":
            raise RuntimeError("a fault of the program")

    with pytest.raises(RuntimeError):
        run_night(eve, NIGHT, passing=fails)
    went = list[str]()
    assert run_night(eve, NIGHT, passing=went.append) is not None
    assert went[0] == "report:begin"
    assert len(slack.got) == 1


def asking(runtime: Runtime, base: str) -> Runtime:
    """The same product with a key for Stripe, which is asked at this address and not waited for."""
    key = SecretStr("sk_test_made_up")
    told = {"stripe_api_key": key, "stripe_api_base": base, "retry_base_seconds": 0.001, "request_timeout_seconds": 5.0}
    return replace(runtime, settings=runtime.settings.model_copy(update=told))


def test_an_incomplete_night_says_so_first_and_holds_what_it_finds(eve: Runtime, slack: Chat, clock: Clock) -> None:
    done = run_night(asking(eve, "http://127.0.0.1:9"), NIGHT)
    assert done is not None
    assert not phases.summary(done).complete
    (body,) = slack.got
    assert body["text"].startswith("INCOMPLETE (stripe): ")
    assert body["blocks"][0]["text"]["text"].startswith("INCOMPLETE (stripe): ")
    assert body["blocks"][1]["text"]["text"].startswith("Incomplete\n• stripe: it could not be asked")
    assert confidences(eve) == {"likely"}
    clock.advance(timedelta(days=1))
    closed = run_night(eve, NIGHT + timedelta(days=1))
    assert closed is not None
    assert phases.summary(closed).complete
    assert "certain" in confidences(eve)  # what was judged meanwhile is judged anew


def test_a_provider_that_answers_makes_the_picture_complete(quiet: Runtime, slack: Chat) -> None:
    """Nothing happened, and the provider says so too; the other one cannot be asked, which is said."""
    with serving(lambda _: NOTHING) as base:
        done = run_night(asking(quiet, base), NIGHT)
    assert done is not None
    told = phases.summary(done)
    assert told.complete
    assert told.unchecked == ("paypal",)
    assert "paypal could not be asked what is missing" in json.dumps(slack.got)


def test_the_first_night_asks_for_all_since_the_first_webhook(eve: Runtime, clock: Clock) -> None:
    """Until a night was complete, none has made up for what was lost before it."""
    came = clock.now.date()
    clock.now = w.at(NIGHT, 23) + timedelta(days=10)
    with serving(lambda _: NOTHING) as base:
        run_night(asking(eve, base), clock.now.date())
    with eve.engine.begin() as conn:
        asked = conn.scalars(select(backfills.c.since).where(backfills.c.provider == "stripe")).all()
    assert asked
    assert all(since.date() <= came for since in asked)


def test_a_provider_that_lists_less_than_its_webhooks_told_has_a_gap(eve: Runtime, clock: Clock) -> None:
    clock.now = w.at(NIGHT, 23)  # after the day's charges, which the provider then should list
    with serving(lambda _: NOTHING) as base:
        done = run_night(asking(eve, base), NIGHT)
    assert done is not None
    (gap_told,) = phases.summary(done).gaps
    assert "told by webhook and not listed" in gap_told.said


def test_a_provider_that_refuses_the_key_is_told_at_once(eve: Runtime, slack: Chat) -> None:
    refused = Answered(401, b'{"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}')
    with serving(lambda _: refused) as base:
        done = run_night(asking(eve, base), NIGHT)
    assert done is not None
    assert not phases.summary(done).complete
    assert [text.partition(":")[0] for text in slack.texts] == ["URGENT", "INCOMPLETE (stripe)"]


def gap(runtime: Runtime, found: Mapping[str, str]) -> None:
    with runtime.engine.begin() as conn:
        rows.set_gaps(conn, NIGHT, found)


def confidences(runtime: Runtime) -> set[str]:
    with runtime.engine.begin() as conn:
        listed = [row for row in listings.findings(conn) if row["finding"] in {"duplicate_charge", "overcharge"}]
    return {row["confidence"] for row in listed}


def test_what_is_not_judged_and_not_read_is_said(eve: Runtime) -> None:
    w.deliver(eve, b"malformed")
    done = run_night(eve, NIGHT)
    assert done is not None
    told = phases.summary(done)
    assert (told.work.failed_deliveries, told.work.unjudged) == (1, 0)
    assert told.needs_a_person


def test_a_gap_touches_only_what_was_judged_while_it_was_open(eve: Runtime) -> None:
    gap(eve, {"stripe": "a gap"})
    with eve.engine.begin() as conn:
        conn.execute(update(memberships).values(touched=False, judged_as_of=NIGHT))
        early = update(memberships).where(memberships.c.ref == "M-2")
        conn.execute(early.values(judged_as_of=NIGHT - timedelta(days=1)))
    gap(eve, {})
    with eve.engine.begin() as conn:
        touched = conn.scalars(select(memberships.c.ref).where(memberships.c.touched).order_by(memberships.c.ref))
        assert list(touched) == ["M-1", "M-3", "M-4", "M-5"]


def test_the_clock_starts_the_night_and_the_alerts_beside_its_ticks(eve: Runtime, slack: Chat, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 7, 20, tzinfo=UTC)
    run_due(eve)
    clock.now = AFTER
    stop = threading.Event()
    ticking = threading.Thread(target=run_clock, args=(eve, lambda: None, stop), kwargs={"every_s": 0.05})
    ticking.start()
    for _ in range(600):
        if slack.got or stop.wait(0.05):
            break
    stop.set()
    ticking.join()
    assert len(slack.got) == 1
    with eve.engine.begin() as conn:
        assert [night.state for night in [rows.latest(conn, NIGHT)] if night is not None] == [rows.DONE]


def test_a_long_night_keeps_its_lease(eve: Runtime, clock: Clock) -> None:
    """A phase may take longer than the lease, which is for runs that are gone."""
    short = replace(eve, settings=eve.settings.model_copy(update={"lease_seconds": 0.4}))
    kept = threading.Event()

    def slow(point: str) -> None:
        if point == "judge:begin":
            clock.advance(timedelta(seconds=30))
            kept.wait(0.5)
            assert nightly.run_night(eve, NIGHT) is None

    assert run_night(short, NIGHT, passing=slow) is not None


def test_latest_is_the_latest_that_is_done(eve: Runtime, clock: Clock) -> None:
    made = {"phase": "over", "since": NIGHT, "attempt": 1, "started_at": clock.now, "notes": {}}
    with eve.engine.begin() as conn:
        for days, state in ((0, rows.DONE), (1, rows.DONE), (2, rows.SUPERSEDED)):
            night = NIGHT + timedelta(days=days)
            conn.execute(insert(nights), [{**made, "night": night, "as_of": night, "state": state}])
        latest = rows.latest(conn, NIGHT + timedelta(days=5))
        before = rows.latest(conn, NIGHT)
    assert latest is not None
    assert before is not None
    assert (before.night, latest.night) == (NIGHT, NIGHT + timedelta(days=1))


def test_a_night_that_was_run_for_a_date_to_come_keeps_none_before_it_from_coming(eve: Runtime, clock: Clock) -> None:
    """A date is easily mistyped, and silence until then would pass for good news."""
    run_night(eve, NIGHT)
    run_night(eve, NIGHT + timedelta(days=365))
    clock.now = datetime(2026, 3, 12, 15, tzinfo=UTC)
    done = run_due(eve)
    assert done is not None
    assert (done.night, done.since) == (date(2026, 3, 12), date(2026, 3, 9))
    assert _last_night(eve.engine, clock).said.startswith("2026-03-12")
    assert run_due(eve) is None


def test_a_night_states_for_each_provider_and_day_what_came_how(eve: Runtime, clock: Clock, slack: Chat) -> None:
    clock.now = w.at(NIGHT, 23)
    with serving(lambda _: NOTHING) as base:
        done = run_night(asking(eve, base), NIGHT)
    assert done is not None
    told = {(day.provider, day.day): day for day in phases.summary(done).days}
    assert {provider for provider, _ in told} == {"paypal", "stripe"}
    day = told["stripe", NIGHT]
    assert (day.webhook, day.listed, day.report, day.no_webhook) == (5, 0, 0, 0)
    assert day.missing == "5 charges told by webhook and not listed"
    assert "no credentials" in told["paypal", NIGHT].missing
    page = next(eve.settings.report_dir.glob("*.html")).read_text(encoding="utf-8")
    assert "incomplete: 5 charges told by webhook and not listed" in page
    (plain,) = [json.loads(file.read_text()) for file in eve.settings.report_dir.glob("*.json")]
    rows = {(row["provider"], row["day"]): row for row in plain["completeness"]}
    assert rows["stripe", str(NIGHT)]["webhook"] == 5
    assert "days complete" in json.dumps(slack.got)
