"""Event exports: JSON Lines of provider event bodies, read as deliveries. A file is taken whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from handlers.inbox import Inbox, MalformedDelivery
from worker.store.recording import NewDelivery

LINE_BYTES_MAX = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class EventsFileError(ValueError):
    """One line for a person: file, line, and what is expected there."""


def read(file: Path, inbox: Inbox, received_at: datetime) -> Iterator[NewDelivery]:
    """The deliveries of a file, in its order, each with its body as it stands there. Raises EventsFileError at the
    first line that is no event of this provider."""
    try:
        yield from _deliveries(file, inbox, received_at)
    except OSError as error:
        raise EventsFileError(f"{file}: cannot be read ({error.strerror})") from None


def _deliveries(file: Path, inbox: Inbox, received_at: datetime) -> Iterator[NewDelivery]:
    with file.open("rb") as opened:
        yield from lines(opened, f"{file}:", inbox, received_at)


def lines(opened: BinaryIO, place: str, inbox: Inbox, received_at: datetime) -> Iterator[NewDelivery]:
    """The deliveries of anything that has lines; `place` stands before a line's number in an EventsFileError."""
    number = 0
    while line := opened.readline(LINE_BYTES_MAX + 2):
        number += 1
        body = (line.removeprefix(_BOM) if number == 1 else line).strip()
        if len(body) > LINE_BYTES_MAX:
            raise EventsFileError(f"{place}{number}: an event of at most {LINE_BYTES_MAX} bytes is expected")
        if body:
            yield delivery(f"{place}{number}", body, inbox, received_at)


def delivery(place: str, body: bytes, inbox: Inbox, received_at: datetime) -> NewDelivery:
    """The delivery that one body is."""
    try:
        envelope = inbox.envelope(body)
    except MalformedDelivery as error:
        raise EventsFileError(f"{place}: an event body of {inbox.name} is expected, and {error}") from None
    return NewDelivery(inbox.name, envelope, body, "import", received_at)
