"""What a channel promises."""

from __future__ import annotations

from typing import Protocol

from worker.alerts.message import Message

TIMEOUT_S = 10.0


class ChannelError(Exception):
    """The channel did not take the message: why, in words without an address, and how long it asks to be left alone."""

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """One place to which messages go. `send` returns once the other side has taken the message, or raises
    ChannelError; it never waits longer than its time-outs."""

    @property
    def name(self) -> str: ...

    def send(self, told: Message) -> None: ...
