"""Slack: an incoming webhook, with blocks for people and a text for notifications and screen readers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from slack_sdk.errors import SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.webhook import WebhookClient

from worker.alerts.addresses import SlackAddress
from worker.alerts.channel import TIMEOUT_S, ChannelError
from worker.alerts.message import Message

PATIENCE_S = 5  # a longer wait is the outbox's, not a thread's
BLOCK_MAX = 2900  # Slack takes 3000 characters in a block
HEADER_MAX = 150


class SlackChannel:
    """One incoming webhook."""

    def __init__(self, address: SlackAddress) -> None:
        self.name = address.name
        self._url = address.url

    def send(self, told: Message) -> None:
        client = WebhookClient(
            self._url, timeout=int(TIMEOUT_S), retry_handlers=[_ShortRateLimit(max_retry_count=2)], logger=_quiet()
        )
        try:
            answer = client.send(text=_text(told), blocks=blocks(told), unfurl_links=False, unfurl_media=False)
        except (OSError, HTTPException, SlackClientError) as fault:
            raise ChannelError(f"not reachable ({type(fault).__name__})") from None
        if answer.status_code != 200:
            raise ChannelError(f"answered {answer.status_code}", _retry_after(answer.headers))


def blocks(told: Message) -> list[dict[str, Any]]:
    """The message as blocks of plain text, in which nothing is markup, a mention or a link; and the links to the
    console, whose addresses are ours."""
    return [_block("header", told.title, HEADER_MAX), *_links(told), *_sections(told), _context(told.reference)]


def _links(told: Message) -> Iterator[dict[str, Any]]:
    if told.links:
        lines = "\n".join(f"<{link.address}|{escaped(link.text).replace('|', '/')}>" for link in told.links)
        yield {"type": "section", "text": {"type": "mrkdwn", "text": lines, "verbatim": True}}


def escaped(text: str) -> str:
    """Without this, <!channel> would ring everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sections(told: Message) -> Iterator[dict[str, Any]]:
    for section in told.sections:
        lines = "\n".join(f"• {line}" for line in section.lines)
        yield _block("section", f"{section.heading}\n{lines}", BLOCK_MAX)


def _block(kind: str, text: str, most: int) -> dict[str, Any]:
    return {"type": kind, "text": _plain(text, most)}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_plain(text, BLOCK_MAX)]}


def _plain(text: str, most: int) -> dict[str, Any]:
    """Cut before it is escaped, and shorter for what escaping adds, so that no escape is cut in two."""
    cut = text
    while len(escaped(cut)) > most:
        cut = cut[: len(cut) - max(1, (len(escaped(cut)) - most) // 5)]
    return {"type": "plain_text", "text": escaped(cut), "emoji": False}


def _text(told: Message) -> str:
    """What a notification shows."""
    first = told.sections[0].lines[0] if told.sections and told.sections[0].lines else ""
    return escaped(" | ".join(part for part in (told.title, first, told.reference) if part))


def _retry_after(headers: dict[str, Any]) -> float | None:
    """The wait that the other side asks for, if it is a number of seconds."""
    asked = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(asked) if asked.isdigit() else None


def _quiet() -> logging.Logger:
    """The client writes the address, which is a secret, into debug lines: it gets a logger that has none."""
    logger = logging.getLogger("makegood.slack")
    logger.setLevel(logging.WARNING)
    return logger


class _ShortRateLimit(RateLimitErrorRetryHandler):
    """Slack's own handler, for as long as a thread may rightly sleep."""

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if not super()._can_retry(state=state, request=request, response=response, error=error) or response is None:
            return False
        asked = _retry_after({name: value[0] for name, value in response.headers.items()})
        return asked is not None and asked <= PATIENCE_S
