"""Telling: from the outbox to the channels, each thing once to each. What is down is tried again later and later, and
keeps nothing and nobody else waiting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import Connection

from worker.alerts import channels, words
from worker.alerts.channel import Channel, ChannelError
from worker.alerts.message import Message
from worker.faults import where
from worker.runtime import Runtime
from worker.store import outbox
from worker.store.outbox import Waiting
from worker.store.sql import run

# Longer than the slowest send: a row that a dead sender had taken is taken again, and then only may be told twice.
LEASE = timedelta(minutes=5)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)

_log = structlog.get_logger(__name__)


def put_out(conn: Connection, names: Sequence[str], told: Message, at: datetime) -> None:
    """Note a message for these channels, in the transaction of what it tells about."""
    outbox.add(conn, names, told.key, msgspec.to_builtins(told), at, urgent=told.urgent)


def deliver(runtime: Runtime) -> int:
    """Tell alarms that are new and all else that is due; how many messages got through. A channel that fails is left
    alone for the rest of this round."""
    up = channels.build(runtime.settings)
    if not up:
        return 0
    run(runtime.engine, lambda conn: _collect(conn, runtime, sorted(up)))
    through = 0
    while up and (row := run(runtime.engine, lambda conn: outbox.take(conn, up, runtime.clock(), LEASE))) is not None:
        if _send(runtime, up[row.channel], row):
            through += 1
        else:
            del up[row.channel]
    return through


def wait_after(tries: int, retry_after_s: float | None = None) -> timedelta:
    """How long a channel is left alone: twice as long each time, up to an hour, and never less than it asked for."""
    own = min(FIRST_WAIT * (1 << min(tries - 1, 10)), LONGEST_WAIT)
    asked = timedelta(seconds=min(retry_after_s or 0.0, LONGEST_WAIT.total_seconds() * 24))
    return max(own, asked)


def _collect(conn: Connection, runtime: Runtime, names: Sequence[str]) -> None:
    at = runtime.clock()
    found = outbox.untold_alarms(conn)
    for alarm in found:
        put_out(conn, names, words.of_alarm(alarm.key, alarm.kind, alarm.subject, alarm.text), at)
    if found:
        outbox.alarms_told(conn, [alarm.key for alarm in found], at)


def _send(runtime: Runtime, channel: Channel, row: Waiting) -> bool:
    """One send, outside of any transaction."""
    try:
        channel.send(msgspec.convert(row.message, Message))
    except ChannelError as fault:
        why, asked = str(fault), fault.retry_after_s
    except Exception as fault:  # noqa: BLE001 - a message that no channel can take must not keep the others from theirs
        why, asked = where(fault), None
    else:
        run(runtime.engine, lambda conn: outbox.sent(conn, row, runtime.clock()))
        return True
    _log.warning("alert_not_told", name=channel.name, key=row.key, attempt=row.tries, why=why)
    again = runtime.clock() + wait_after(row.tries, asked)
    run(runtime.engine, lambda conn: outbox.later(conn, row, why, again))
    return False
