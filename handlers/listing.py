"""What webhooks missed: a provider's own lists, page by page, as the same facts that a webhook tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from handlers.gateway import NoCredential, NotExecuted, Refused, Uncertain
from reconcile.facts import Fact


@dataclass(frozen=True, slots=True)
class Listed:
    """One page's facts, and the cursor of the next page; None after the last. `unreadable` says of each object that
    could not be understood, why: it is for a person, and does not hold up the others. `told_until` is how far the
    provider says that its list reaches, where it says so."""

    facts: tuple[Fact, ...]
    cursor: str | None
    unreadable: tuple[str, ...] = ()
    told_until: datetime | None = None


# Why a list was not told: later, perhaps (the first two), or never in this way.
NotListed = NotExecuted | Uncertain | NoCredential | Refused


class Listing(Protocol):
    """One provider's lists. A cursor is `kind:` and where in the list of that kind the page begins."""

    name: str

    def list_since(self, since: datetime, until: datetime, cursor: str | None) -> Listed | NotListed:
        """The page at `cursor`. Nothing that the provider or the network does is raised, and reading twice is harmless.
        Raises ValueError for a cursor that is not one of its own."""
        ...

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        ...
