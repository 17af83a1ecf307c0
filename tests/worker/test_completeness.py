"""The night knows what it does not know: which day came how, what is missing where; and what no webhook told is found,
by kind and day, once it is sure that none will come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import update

from reconcile.facts import Charge, ChargeState, Fact
from tests.worker import world as w
from tests.worker.conftest import Clock
from tests.worker.stripe_lists import Json, Lists, charge, refund, stripe_with
from tests.worker.test_backfill import by_list, by_webhook, no_wait
from worker.backfill import KINDS, backfill
from worker.completeness import LAG, Days, completeness
from worker.missed import missed_webhooks
from worker.runtime import Runtime
from worker.schema import deliveries, findings
from worker.store import backfills, listings
from worker.store.backfills import Window, advance, begin
from worker.store.facts import store_facts

ZONE = "America/Chicago"
DAY = date(2026, 10, 8)
AT = datetime(2026, 10, 8, 18, tzinfo=UTC)


def days(runtime: Runtime, provider: str = "stripe", first: date = DAY, last: date = DAY) -> Days:
    with runtime.engine.begin() as conn:
        return completeness(conn, provider, first, last, ZONE)


def missed(runtime: Runtime, since: date, until: date | None = None) -> list[tuple[str, str, int]]:
    with runtime.engine.begin() as conn:
        return missed_webhooks(conn, since, until or since, zone=ZONE, at=runtime.clock())


def found(runtime: Runtime) -> dict[str, str]:
    with runtime.engine.begin() as conn:
        chosen = listings.Filter(kind="missed_webhook")
        return {row["key"]: row["status"] for row in listings.findings(conn, chosen)}


def webhooks_since(runtime: Runtime, at: datetime) -> None:
    """As if the first webhook had come then."""
    with runtime.engine.begin() as conn:
        conn.execute(update(deliveries).where(deliveries.c.source == "webhook").values(received_at=at))


def store(runtime: Runtime, source: str, *facts: Fact) -> None:
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(*facts, source=source))


STORY: Sequence[Json] = (charge("ch_1", DAY), charge("ch_2", DAY), refund("re_1", DAY, "ch_1", 500))


def test_each_day_says_what_came_how(runtime: Runtime) -> None:
    by_webhook(runtime, *STORY[:2])
    by_list(runtime, *STORY)
    store(runtime, "report", w.charge("ch_2", DAY), w.charge("ch_9", DAY))
    (day,) = days(runtime)
    assert day.by_webhook == {"charge": 2}
    assert day.by_poll == {"charge": 2, "refund": 1}
    assert day.by_report == {"charge": 2}
    assert day.not_by_webhook == {"charge": 1, "refund": 1}


def test_a_day_is_complete_once_its_lists_were_read_to_its_end(runtime: Runtime, clock: Clock) -> None:
    by_webhook(runtime, *STORY)
    assert str(days(runtime)) == "2026-10-08: not asked to its end"
    clock.now = datetime(2026, 10, 8, 20, tzinfo=UTC)
    with stripe_with(runtime, Lists([*STORY])) as with_stripe:
        backfill(with_stripe, "stripe", DAY, DAY, wait=no_wait)
    # The day goes on, and all that there was of it has been asked for.
    assert days(runtime).complete
    clock.advance(timedelta(days=2))
    with stripe_with(runtime, Lists([*STORY])) as with_stripe:
        backfill(with_stripe, "stripe", later(1), later(1), wait=no_wait)
    # What happened in the evening nobody has asked for since.
    assert not days(runtime).complete
    assert days(runtime, first=later(1), last=later(1)).complete
    with stripe_with(runtime, Lists([*STORY])) as with_stripe:
        backfill(with_stripe, "stripe", DAY, later(1), wait=no_wait)
    whole = days(runtime, last=later(1))
    assert whole.complete
    assert str(whole) == ""


def later(by: int) -> date:
    return DAY + timedelta(days=by)


def test_a_list_that_lacks_what_a_webhook_told_is_no_whole_picture(runtime: Runtime) -> None:
    by_webhook(runtime, *STORY)
    by_list(runtime, STORY[0])
    assert not days(runtime).complete
    assert str(days(runtime)) == (
        "2026-10-08: 1 charge told by webhook and not listed, 1 refund told by webhook and not listed"
    )


def test_what_could_not_be_read_is_said(runtime: Runtime) -> None:
    by_list(runtime, STORY[0], charge("ch_3", DAY) | {"currency": "zzz"})
    assert str(days(runtime)) == "2026-10-08: 1 could not be read"


def test_attempts_and_money_on_its_way_are_not_counted(runtime: Runtime) -> None:
    by_list(runtime)
    states = (ChargeState.FAILED, ChargeState.PENDING, ChargeState.AUTHORISED)
    for n, state in enumerate(states):
        told = w.charge(f"ch_{n}", DAY)
        store(runtime, "webhook", Charge(told.ref, told.told_at, state, told.amount, told.taken_at))
    assert days(runtime).complete


def window(runtime: Runtime, kind: str, since: datetime, until: datetime, told_until: datetime | None = None) -> None:
    """A back-fill of PayPal's that is over."""
    wanted = Window("paypal", kind, since, until, runtime.clock(), covered_until=told_until, done=True)
    with runtime.engine.begin() as conn:
        backfills.begin(conn, [wanted])
        backfills.advance(conn, wanted)


def test_paypals_search_lags_and_says_how_far_it_reaches(runtime: Runtime, clock: Clock) -> None:
    since, until = AT - timedelta(days=3), AT + timedelta(days=3)
    clock.now = AT
    for kind in KINDS["paypal"]:
        window(runtime, kind, since, until, AT - timedelta(hours=2) if kind == "transactions" else None)
    # Three hours are PayPal's own; what a webhook told meanwhile is not missed in the search.
    store(runtime, "webhook", w.charge("8XY1", DAY, provider="paypal"))
    assert days(runtime, "paypal").complete
    for kind in KINDS["paypal"]:
        window(runtime, kind, since, until, AT - timedelta(hours=4) if kind == "transactions" else None)
    assert not days(runtime, "paypal").complete


def test_a_gap_between_windows_is_a_gap(runtime: Runtime, clock: Clock) -> None:
    clock.now = AT + timedelta(days=5)
    for kind in KINDS["paypal"]:
        window(runtime, kind, AT - timedelta(days=3), AT - timedelta(hours=1))
        window(runtime, kind, AT + timedelta(hours=1), AT + timedelta(days=3))
    assert not days(runtime, "paypal").complete
    for kind in KINDS["paypal"]:
        window(runtime, kind, AT - timedelta(hours=1), AT + timedelta(hours=2))
    assert days(runtime, "paypal").complete


def test_what_no_webhook_told_is_found_by_kind_and_day_when_none_can_come_any_more(runtime: Runtime) -> None:
    by_webhook(runtime, STORY[0])
    webhooks_since(runtime, AT - timedelta(days=30))
    by_list(runtime, *STORY, charge("ch_5", later(1)))
    # Providers try again for three days.
    assert missed(runtime, later(3)) == []
    assert missed(runtime, later(4)) == [("stripe", "charge", 1), ("stripe", "refund", 1)]
    assert missed(runtime, later(5)) == [("stripe", "charge", 1)]
    assert found(runtime) == {
        "missed:stripe:charge:2026-10-08": "open",
        "missed:stripe:refund:2026-10-08": "open",
        "missed:stripe:charge:2026-10-09": "open",
    }


def test_a_delivery_that_is_brought_in_later_clears_it(runtime: Runtime) -> None:
    by_webhook(runtime, STORY[0])
    webhooks_since(runtime, AT - timedelta(days=30))
    by_list(runtime, *STORY)
    missed(runtime, later(4))
    by_webhook(runtime, STORY[1])
    missed(runtime, later(5))
    assert set(found(runtime)) == {"missed:stripe:refund:2026-10-08"}
    with runtime.engine.begin() as conn:
        conn.execute(update(findings).values(published=True))
    by_webhook(runtime, STORY[2])
    missed(runtime, later(6))
    assert found(runtime) == {"missed:stripe:refund:2026-10-08": "cleared"}


def test_who_has_no_webhooks_misses_none(runtime: Runtime) -> None:
    by_list(runtime, *STORY)
    store(runtime, "report", w.charge("8XY1", DAY, provider="paypal"))
    assert missed(runtime, later(4)) == []
    # And none is missed from before the first came.
    by_webhook(runtime, STORY[0])
    webhooks_since(runtime, AT + timedelta(hours=1))
    assert missed(runtime, later(4)) == []
    assert found(runtime) == {}


def test_finding_it_again_changes_nothing(runtime: Runtime) -> None:
    by_webhook(runtime, STORY[0])
    webhooks_since(runtime, AT - timedelta(days=30))
    by_list(runtime, *STORY)
    missed(runtime, later(4))
    with runtime.engine.begin() as conn:
        before = list(listings.findings(conn))
    missed(runtime, later(4))
    missed(runtime, later(1), later(20))
    with runtime.engine.begin() as conn:
        assert list(listings.findings(conn)) == before


def test_a_search_that_reaches_as_far_as_it_says_is_read_to_its_end(runtime: Runtime) -> None:
    """PayPal says to the second how far its search reaches; our clocks know parts of one."""
    asked_at = datetime(2026, 10, 8, 20, 0, 0, 400_000, tzinfo=UTC)
    reached = asked_at.replace(microsecond=0) - LAG["paypal"]
    windows = [
        Window("paypal", kind, w.at(DAY, 0), w.at(later(1), 0), asked_at, covered_until=covered, done=True)
        for kind, covered in (("transactions", reached), ("disputes", None))
    ]
    with runtime.engine.begin() as conn:
        begin(conn, windows)
        for window in windows:
            advance(conn, window)
        assert completeness(conn, "paypal", DAY, DAY).complete
