"""Notices go out by mail, each once: a row is `sent` before the next one is begun."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

import msgspec
from sqlalchemy import Connection, select, update

from worker.alerts.addresses import MailAddress, parse
from worker.notices.texts import Text
from worker.notices.writing import place
from worker.runtime import Runtime
from worker.schema import Row, notices
from worker.store import members
from worker.store.roster import personal
from worker.store.sql import run

TRIES_MAX = 5
TIMEOUT_S = 10.0

Send = Callable[[EmailMessage], None]


def send_waiting(runtime: Runtime, send: Send | None = None) -> int:
    """Send every notice that waits; how many went. One that the server does not take waits, the fifth time for a
    person."""
    if runtime.settings.notices != "email" or (send is None and runtime.settings.notices_url is None):
        return 0
    with runtime.engine.connect() as conn:
        waiting = conn.scalars(select(notices.c.key).where(notices.c.state == "waiting").order_by(notices.c.key)).all()
    return sum(_send(runtime, key, send or (lambda mail: _deliver(mail, _server(runtime)))) for key in waiting)


def _send(runtime: Runtime, key: str, send: Send) -> int:
    """Claimed by its state first, so that two processes never send one notice; a crash in between leaves it for a
    person, for nobody knows then whether it went."""
    prepared = run(runtime.engine, lambda conn: _prepared(conn, runtime, key))
    if prepared is None:
        return 0
    try:
        send(prepared)
    except (OSError, smtplib.SMTPException) as fault:
        why = f"the mail server did not take it ({type(fault).__name__})"
        run(runtime.engine, lambda conn: _set(conn, key, {"state": "waiting", "note": why}))
        return 0
    sent = {"state": "sent", "sent_at": runtime.clock(), "note": None}
    run(runtime.engine, lambda conn: _set(conn, key, sent))
    return 1


def _prepared(conn: Connection, runtime: Runtime, key: str) -> EmailMessage | None:
    row = conn.execute(select(notices).where(notices.c.key == key).with_for_update()).mappings().one()
    if row["state"] != "waiting":
        return None
    cipher = members.keys_of(conn, runtime.keyring, [row["membership"]]).get(row["membership"])
    address = personal(conn, runtime.keyring, row["membership"]).get("email")
    tried = {"state": "failed", "tries": row["tries"] + 1, "note": "it was begun and not confirmed"}
    if cipher is None or row["text"] is None or not address or row["tries"] >= TRIES_MAX:
        _set(conn, key, {"state": "failed", "note": row["note"] or "nothing is known to send it to"})
        return None
    _set(conn, key, tried)
    subject, body = msgspec.json.decode(cipher.open(row["text"], place(key)), type=list[str])
    return composed(Text(subject, body), address, key, _sender(runtime))


def composed(text: Text, address: str, key: str, sender: str) -> EmailMessage:
    """The mail. One notice has one Message-ID, whenever it is sent."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = text.subject
    mail["From"] = sender
    mail["To"] = address
    mail["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text.body)
    return mail


def _set(conn: Connection, key: str, values: Row) -> None:
    conn.execute(update(notices).where(notices.c.key == key).values(values))


def _server(runtime: Runtime) -> MailAddress:
    url = runtime.settings.notices_url
    (found,) = parse([] if url is None else [url.get_secret_value()])
    if not isinstance(found, MailAddress):
        raise TypeError("notices go by mail")
    return found


def _sender(runtime: Runtime) -> str:
    return _server(runtime).sender if runtime.settings.notices_url is not None else "billing@example.invalid"


def _deliver(mail: EmailMessage, to: MailAddress) -> None:
    me = to.sender.rpartition("@")[2]
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if to.tls:
        server = smtplib.SMTP_SSL(to.host, to.port, me, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(to.host, to.port, me, timeout=TIMEOUT_S)
    with server:
        server.ehlo()
        if not to.tls and (server.has_extn("starttls") or not to.plain_allowed):
            server.starttls(context=context)
        if to.user:
            server.login(to.user, to.password)
        server.send_message(mail)
