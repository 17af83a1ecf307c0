"""The doctor sees a night that did not come, and a message that does not get through."""

from __future__ import annotations

from datetime import timedelta

from tests.worker import world as w
from tests.worker.alerts.endpoints import Chat
from tests.worker.conftest import Clock
from tests.worker.night.eve import NIGHT
from worker.doctor import NIGHT_MAX, State, _last_night, _untold
from worker.nightly import run_night
from worker.runtime import Runtime


def test_silence_does_not_pass_for_good_news(eve: Runtime, clock: Clock) -> None:
    clock.now = w.at(NIGHT)
    assert _last_night(eve.engine, clock).state is State.NOTE
    run_night(eve, NIGHT)
    assert _last_night(eve.engine, clock).state is State.FINE
    clock.advance(NIGHT_MAX + timedelta(minutes=1))
    late = _last_night(eve.engine, clock)
    assert (late.state, late.said.partition(":")[0]) == (State.MEND, f"the last one was {NIGHT}")


def test_a_message_that_does_not_get_through_shows(eve: Runtime, clock: Clock, slack: Chat) -> None:
    clock.now = w.at(NIGHT)
    assert _untold(eve.engine).state is State.FINE
    slack.answers = [(404, {})]
    run_night(eve, NIGHT)
    told = _untold(eve.engine)
    assert (told.state, told.said) == (State.MEND, "1 messages wait; the last try: answered 404")
