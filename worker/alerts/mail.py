"""Mail: HTML and text in one, over TLS; the report and its workbook go with it where a setting says so."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from pathlib import Path

from worker.alerts.addresses import MailAddress
from worker.alerts.channel import TIMEOUT_S, ChannelError
from worker.alerts.message import Message
from worker.alerts.words import plain
from worker.tables import XLSX

_TYPES = {".html": "text/html", ".xlsx": XLSX}
_STYLE = "font:14px/1.5 system-ui,sans-serif;color:#1b1b1b;max-width:46rem"


class MailChannel:
    """One mail server and the mailboxes behind it."""

    def __init__(self, address: MailAddress, *, attach: bool = False) -> None:
        self.name = address.name
        self._to = address
        self._attach = attach

    def send(self, told: Message) -> None:
        try:
            with connected(self._to) as server:
                server.send_message(composed(told, self._to, attach=self._attach))
        except smtplib.SMTPResponseException as fault:
            # Its text may repeat what was sent.
            raise ChannelError(f"answered {fault.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as fault:
            raise ChannelError(f"not reachable ({type(fault).__name__})") from None


def connected(to: MailAddress) -> smtplib.SMTP:
    """The server, ready to be sent to: over TLS, signed in. Raises OSError and SMTPException."""
    # Its own name is said, not looked up: that would ask a name server, and for as long as that likes.
    me = to.sender.rpartition("@")[2]
    context = ssl.create_default_context()
    if to.tls:
        server: smtplib.SMTP = smtplib.SMTP_SSL(to.host, to.port, me, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(to.host, to.port, me, timeout=TIMEOUT_S)
    try:
        server.ehlo()
        if not to.tls and (server.has_extn("starttls") or not to.plain_allowed):
            server.starttls(context=context)
        if to.user:
            server.login(to.user, to.password)
    except BaseException:
        server.close()
        raise
    return server


def addressed(subject: str, sender: str, to: str, about: str) -> EmailMessage:
    """A mail without its text. What is `about` the same thing has the same Message-ID: a mail client shows it once."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = subject
    mail["From"] = sender
    mail["To"] = to
    mail["Message-ID"] = f"<{hashlib.sha256(about.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    return mail


def composed(told: Message, to: MailAddress, *, attach: bool = False) -> EmailMessage:
    """The mail: the message to these mailboxes."""
    mail = addressed(told.title, to.sender, ", ".join(to.to), f"{to.name} {told.key}")
    if told.urgent:
        mail["Importance"] = "high"
    mail.set_content(plain(told))
    mail.add_alternative(html(told), subtype="html")
    for file in _files(told.report) if attach and told.report is not None else ():
        main, _, sub = _TYPES[file.suffix].partition("/")
        mail.add_attachment(file.read_bytes(), maintype=main, subtype=sub, filename=file.name)
    return mail


def _files(report: str) -> Iterator[Path]:
    """The page and the workbook beside it, those that are there."""
    for suffix in _TYPES:
        if (file := Path(report).with_suffix(suffix)).is_file():
            yield file


def html(told: Message) -> str:
    """The message as a page without images, scripts or anything from elsewhere. Its links lead to the console."""
    return f'<!doctype html><html lang="en"><body style="{_STYLE}">{"".join(_html(told))}</body></html>'


def _html(told: Message) -> Iterator[str]:
    yield f"<h1 style='font-size:1.2rem'>{escape(told.title)}</h1>"
    for link in told.links:
        yield f'<p style="margin:.3rem 0"><a href="{escape(link.address)}">{escape(link.text)}</a></p>'
    for section in told.sections:
        lines = "".join(f"<li>{escape(line)}</li>" for line in section.lines)
        yield f"<h2 style='font-size:1rem'>{escape(section.heading)}</h2><ul>{lines}</ul>"
    yield f"<p style='color:#666'>{escape(told.reference)}</p>"
