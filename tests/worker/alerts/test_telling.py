"""Each thing is told once to each channel, whatever is down in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import insert, select

from tests.worker.alerts.endpoints import Chat, Mailbox
from tests.worker.conftest import Clock
from worker.alerts import channels
from worker.alerts.message import Message, message
from worker.alerts.telling import FIRST_WAIT, LEASE, deliver, put_out, wait_after
from worker.runtime import Runtime
from worker.schema import alarms, outbox
from worker.store import outbox as rows
from worker.store.sql import run

Made = Callable[..., Runtime]


def said(key: str = "night:2026-03-08", *, urgent: bool = False) -> Message:
    return message(key, f"makegood, {key}", [("Not done", ["Held: 1"])], urgent=urgent)


def put(runtime: Runtime, *told: Message) -> None:
    names = channels.names(runtime.settings)
    with runtime.engine.begin() as conn:
        for one in told:
            put_out(conn, names, one, runtime.clock())


def alarm(runtime: Runtime, key: str, kind: str = "breaker") -> None:
    row = {"key": key, "kind": kind, "subject": "remedy:stripe:ch_1", "text": "over 2 %", "at": runtime.clock()}
    with runtime.engine.begin() as conn:
        conn.execute(insert(alarms), [row])


def test_a_thing_is_told_once_to_each_channel(telling: Made, slack: Chat, post: Mailbox) -> None:
    runtime = telling(slack.url, post.url)
    put(runtime, said(), said())
    assert deliver(runtime) == 2
    put(runtime, said())
    assert deliver(runtime) == 0
    assert (len(slack.got), len(post.got)) == (1, 1)


def test_a_channel_that_is_down_loses_nothing_and_keeps_no_other_waiting(
    telling: Made, slack: Chat, post: Mailbox, clock: Clock
) -> None:
    runtime = telling(slack.url, post.url)
    post.close()
    put(runtime, said("night:1"), said("night:2"))
    assert deliver(runtime) == 2
    assert len(slack.got) == 2
    assert deliver(runtime) == 0  # too early to try again
    clock.advance(FIRST_WAIT)
    assert deliver(runtime) == 0
    post.open()
    clock.advance(timedelta(hours=2))
    assert deliver(runtime) == 2
    assert [str(mail["Subject"]) for mail in post.got] == ["makegood, night:1", "makegood, night:2"]
    assert len(slack.got) == 2


def test_a_rate_limit_is_waited_out(telling: Made, slack: Chat) -> None:
    runtime = telling(slack.url)
    slack.answers = [(429, {"Retry-After": "1"})]
    put(runtime, said())
    assert deliver(runtime) == 1
    assert (slack.tries, len(slack.got)) == (2, 1)


def test_a_long_rate_limit_is_the_outboxs_to_wait_for(telling: Made, slack: Chat, clock: Clock) -> None:
    runtime = telling(slack.url)
    slack.answers = [(429, {"Retry-After": "1800"})]
    put(runtime, said())
    assert deliver(runtime) == 0
    assert slack.tries == 1
    clock.advance(timedelta(seconds=1799))
    assert deliver(runtime) == 0
    clock.advance(timedelta(seconds=1))
    assert deliver(runtime) == 1


def test_every_kind_of_refusal_is_tried_again(telling: Made, slack: Chat, post: Mailbox, clock: Clock) -> None:
    runtime = telling(slack.url, post.url)
    slack.answers = [(500, {}), (403, {}), (404, {})]
    post.refuse = "451 later, finance@example.test"
    put(runtime, said())
    for _ in range(3):
        assert deliver(runtime) == 0
        clock.advance(timedelta(hours=1))
    with runtime.engine.begin() as conn:
        notes = set(conn.scalars(select(outbox.c.note)))
    assert notes == {"answered 404", "answered 451"}  # and no word of what the other side said
    post.refuse = None
    assert deliver(runtime) == 2


def test_waits_double_up_to_an_hour_and_heed_the_other_side() -> None:
    assert [wait_after(tries) // FIRST_WAIT for tries in (1, 2, 3, 6, 7, 50)] == [1, 2, 4, 32, 60, 60]
    assert wait_after(1, 1800) == timedelta(minutes=30)
    assert wait_after(1, 1e9) == timedelta(days=1)


def test_an_alarm_is_told_at_once_and_before_summaries(telling: Made, slack: Chat) -> None:
    runtime = telling(slack.url)
    put(runtime, said())
    alarm(runtime, "breaker:1")
    assert deliver(runtime) == 2
    assert slack.texts[0].startswith("URGENT: makegood: The breaker is open")
    assert deliver(runtime) == 0


def test_an_alarm_raised_before_there_was_a_channel_is_told_once_there_is_one(telling: Made, slack: Chat) -> None:
    nowhere = telling()
    alarm(nowhere, "breaker:1")
    assert deliver(nowhere) == 0
    assert deliver(telling(slack.url)) == 1


def test_a_sender_that_died_after_sending_repeats_it_with_the_same_reference(
    telling: Made, slack: Chat, clock: Clock
) -> None:
    """The one case in which a channel hears a thing twice: people see by the reference that it is one thing."""
    runtime = telling(slack.url)
    put(runtime, said())
    names = channels.names(runtime.settings)
    taken = run(runtime.engine, lambda conn: rows.take(conn, names, clock.now, LEASE))
    assert taken is not None
    channels.build(runtime.settings)[taken.channel].send(said())
    assert deliver(runtime) == 0  # it is still the other sender's
    clock.advance(LEASE)
    assert deliver(runtime) == 1
    assert deliver(runtime) == 0
    assert len(set(slack.texts)) == 1
    assert "Reference: night:2026-03-08" in slack.texts[0]


def test_several_senders_tell_each_thing_once(telling: Made, slack: Chat) -> None:
    runtime = telling(slack.url)
    put(runtime, *(said(f"night:{n:02}") for n in range(12)))
    threads = [threading.Thread(target=deliver, args=(runtime,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slack.texts) == sorted({*slack.texts})
    assert len(slack.texts) == 12
