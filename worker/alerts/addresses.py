"""`ALERT_URLS`: where alerts go.

- `https://hooks.slack.com/services/…`: an incoming webhook of Slack
- `smtps://USER:PASSWORD@HOST?from=A&to=B&to=C`: mail over TLS (port 465); `smtp://…` begins plainly and must turn to
  TLS before anything is said (port 587). On loopback plain mail is taken too.
- any other scheme (`msteams://…`, `pagerduty://…`, `mailto://…`): an `apprise` address; needs `makegood[apprise]`

A comma separates addresses, so one inside an address is written `%2C`. No message of an error repeats an address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from config.kinds import is_loopback
from config.settings import SettingsError

_MAIL = frozenset({"smtp", "smtps"})
_SLACK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\\]+@[A-Za-z0-9.-]+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://.+", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SlackAddress:
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class MailAddress:
    name: str
    host: str
    port: int
    tls: bool  # from the first byte; else STARTTLS
    plain_allowed: bool
    user: str
    password: str
    sender: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppriseAddress:
    name: str
    url: str


Address = SlackAddress | MailAddress | AppriseAddress


def parse(urls: Iterable[str]) -> tuple[Address, ...]:
    """The addresses, each once. Raises SettingsError."""
    found = (_address(url, place) for place, url in enumerate(urls, start=1))
    return tuple({address.name: address for address in found}.values())


def _address(url: str, place: int) -> Address:
    try:
        split = urlsplit(url)
        if split.scheme in {"http", "https"}:
            return _slack(url, split)
        if split.scheme in _MAIL:
            return mail_address(url)
    except ValueError as error:
        raise _malformed(place, str(error)) from None
    if not _SCHEME.fullmatch(url):
        raise _malformed(place, "expected https://hooks.slack.com/services/…, smtps://… or an apprise address")
    return AppriseAddress(_name("apprise", url), url)


def _slack(url: str, split: SplitResult) -> SlackAddress:
    secure = split.scheme == "https" and split.hostname in _SLACK_HOSTS
    if not (secure or is_loopback(split.hostname)) or not split.path.startswith("/services/"):
        raise ValueError("expected https://hooks.slack.com/services/… (json:// and jsons:// reach other servers)")
    return SlackAddress(_name("slack", url), url)


def mail_address(url: str) -> MailAddress:
    """A mail server and the mailboxes behind it. Raises ValueError, which does not repeat the address."""
    split = urlsplit(url)
    asked = parse_qs(split.query, strict_parsing=split.scheme in _MAIL)
    senders, to = asked.pop("from", []), asked.pop("to", [])
    mailboxes = len(senders) == 1 and to and all(map(_MAILBOX.fullmatch, [*senders, *to]))
    if split.scheme not in _MAIL or not split.hostname or not mailboxes or asked:
        raise ValueError("expected smtps://USER:PASSWORD@HOST?from=MAILBOX&to=MAILBOX, `to` as often as needed")
    tls = split.scheme == "smtps"
    return MailAddress(
        _name("mail", url),
        split.hostname,
        split.port or (465 if tls else 587),
        tls,
        is_loopback(split.hostname),
        unquote(split.username or ""),
        unquote(split.password or ""),
        senders[0],
        tuple(dict.fromkeys(to)),
    )


def _name(kind: str, url: str) -> str:
    """What a channel is called in the outbox and the log: an address is a secret."""
    return f"{kind}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def _malformed(place: int, said: str) -> SettingsError:
    return SettingsError(f"MAKEGOOD_ALERT_URLS is malformed: address {place}: {said}")
