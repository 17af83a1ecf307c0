"""What people do with notices: see which there are, read one, let it go out, or say that the member was told in another
way. None of them shows an address or a text but `read`, and that is an audit entry (PR-5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select, update

from worker.audit import Entry, append_all
from worker.notices.texts import Text
from worker.notices.writing import text_of
from worker.runtime import Runtime
from worker.schema import Row, notices
from worker.store.sql import run

STATES = ("review", "waiting", "sent", "failed")
OPEN = frozenset({"review", "failed"})  # for a person
BY_HAND = "told in another way"


class NoticeError(ValueError):
    """The notice cannot be read, or is in no state for this; the text says why."""


def listing(conn: Connection, states: Sequence[str] = (), membership: str | None = None) -> Iterator[Row]:
    """Notices by their time: what each is about and where it stands, without its text."""
    c = notices.c
    query = select(c.key, c.kind, c.membership, c.subject, c.state, c.note, c.tries, c.at, c.sent_at)
    if states:
        query = query.where(c.state.in_(list(states)))
    if membership is not None:
        query = query.where(c.membership == membership)
    with conn.execute(query.order_by(c.at, c.key).execution_options(yield_per=500)) as rows:
        for row in rows.mappings():
            yield dict(row)


def read(runtime: Runtime, key: str, by: str) -> Text:
    """What one says. Raises NoticeError."""

    def work(conn: Connection) -> Text:
        text = text_of(conn, runtime, _locked(conn, key))
        if text is None:
            raise NoticeError(
                f"{key}: its text is not kept any more: the member was erased, or nothing was known of them"
            )
        _audit(conn, runtime, by, "notice_read", key)
        return text

    return run(runtime.engine, work)


def release(runtime: Runtime, key: str, by: str) -> None:
    """Let one that waits for a person go out. Raises NoticeError."""
    _settle(runtime, key, by, "notice_released", {"state": "waiting", "tries": 0, "note": None})


def told(runtime: Runtime, key: str, by: str) -> None:
    """Note that the member was told in another way, so that it does not go out. Raises NoticeError."""
    _settle(runtime, key, by, "notice_told", {"state": "sent", "sent_at": runtime.clock(), "note": BY_HAND})


def _settle(runtime: Runtime, key: str, by: str, action: str, values: Row) -> None:
    def work(conn: Connection) -> None:
        row = _locked(conn, key)
        if row["state"] not in OPEN:
            raise NoticeError(f"{key}: one for review or failed is expected, and it is {row['state']}")
        conn.execute(update(notices).where(notices.c.key == key).values(values))
        _audit(conn, runtime, by, action, key)

    run(runtime.engine, work)


def _locked(conn: Connection, key: str) -> Row:
    row = conn.execute(select(notices).where(notices.c.key == key).with_for_update()).mappings().one_or_none()
    if row is None:
        raise NoticeError(f"{key}: a notice is expected, and there is none of that key (see makegood notices)")
    return dict(row)


def _audit(conn: Connection, runtime: Runtime, by: str, action: str, key: str) -> None:
    append_all(conn, [Entry(by, action, key, {})], runtime.clock())
