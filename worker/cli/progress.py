"""Long work says how far it is, on standard error: a moving line on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 5.0


@contextmanager
def progress(what: str) -> Iterator[Callable[[int], None]]:
    """A function that is told how many there are so far; `what` names them ("memberships judged")."""
    if sys.stderr.isatty():
        with _on_a_terminal(what) as tell:
            yield tell
    else:
        yield _in_a_log(what)


@contextmanager
def _on_a_terminal(what: str) -> Iterator[Callable[[int], None]]:
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda count: status.update(f"{count} {what}")


def _in_a_log(what: str) -> Callable[[int], None]:
    last = time.monotonic()

    def tell(count: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY_S:
            last = now
            sys.stderr.write(f"{count} {what}\n")

    return tell
