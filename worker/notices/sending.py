"""Notices go out by mail, each once: a row is `sent` before the next one is begun."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

from pydantic import SecretStr
from sqlalchemy import Connection, select, update

from config.settings import SettingsError
from worker.alerts.addresses import MailAddress, mail_address
from worker.alerts.mail import addressed, connected
from worker.notices.writing import text_of
from worker.runtime import Runtime
from worker.schema import Row, notices
from worker.store.roster import personal
from worker.store.sql import run

TRIES_MAX = 5


def send_waiting(runtime: Runtime) -> int:
    """Send every notice that waits; how many went. One that the server does not take waits, the fifth time for a
    person."""
    url = runtime.settings.notices_url
    if runtime.settings.notices != "email" or url is None:
        return 0
    server = _server(url)
    with runtime.engine.connect() as conn:
        waiting = conn.scalars(select(notices.c.key).where(notices.c.state == "waiting").order_by(notices.c.key)).all()
    return sum(_send(runtime, key, server) for key in waiting)


def _send(runtime: Runtime, key: str, to: MailAddress) -> int:
    """Claimed by its state first, so that two processes never send one notice; a crash in between leaves it for a
    person, for nobody knows then whether it went."""
    prepared = run(runtime.engine, lambda conn: _prepared(conn, runtime, key, to.sender))
    if prepared is None:
        return 0
    try:
        with connected(to) as server:
            server.send_message(prepared)
    except (OSError, smtplib.SMTPException) as fault:
        why = f"the mail server did not take it ({type(fault).__name__})"
        run(runtime.engine, lambda conn: _set(conn, key, {"state": "waiting", "note": why}))
        return 0
    sent = {"state": "sent", "sent_at": runtime.clock(), "note": None}
    run(runtime.engine, lambda conn: _set(conn, key, sent))
    return 1


def _prepared(conn: Connection, runtime: Runtime, key: str, sender: str) -> EmailMessage | None:
    row = conn.execute(select(notices).where(notices.c.key == key).with_for_update()).mappings().one()
    if row["state"] != "waiting":
        return None
    text = text_of(conn, runtime, dict(row))
    address = personal(conn, runtime.keyring, row["membership"]).get("email")
    tried = {"state": "failed", "tries": row["tries"] + 1, "note": "it was begun and not confirmed"}
    if text is None or not address or row["tries"] >= TRIES_MAX:
        _set(conn, key, {"state": "failed", "note": row["note"] or "nothing is known to send it to"})
        return None
    _set(conn, key, tried)
    mail = addressed(text.subject, sender, address, key)
    mail.set_content(text.body)
    return mail


def _set(conn: Connection, key: str, values: Row) -> None:
    conn.execute(update(notices).where(notices.c.key == key).values(values))


def _server(url: SecretStr) -> MailAddress:
    """The mail server for notices. Raises SettingsError."""
    try:
        return mail_address(url.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"MAKEGOOD_NOTICES_URL is malformed: {error}") from None
