"""A roster from the provider, for those who have none: memberships as subscriptions and prices state them now.

Such an expectation is the provider's own word. What cannot be said from it without guessing is left out and said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from handlers.listing import NotListed
from reconcile.membership import Membership

CANNOT_CATCH = (
    "a price, a quantity or a plan that was entered wrongly at the provider: it is what is expected here",
    "a subscription that nobody agreed to, or that went on after a cancellation that the provider was never told of",
    "one member with two subscriptions: each is a membership of its own",
    "a price that was changed at the provider without the member's word",
)


@dataclass(frozen=True, slots=True)
class Stated:
    """One membership by the provider's word (its `policy` is the caller's to say), and the member's plain fields."""

    membership: Membership
    personal: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An agreement that gives no membership, and why, in words that hold for every such agreement."""

    agreement: str
    why: str


@dataclass(frozen=True, slots=True)
class RosterPage:
    """Some agreements, and the cursor of the next page; None after the last."""

    stated: tuple[Stated | LeftOut, ...]
    cursor: str | None


class RosterSource(Protocol):
    """One provider's agreements. Nothing that the provider or the network does is raised."""

    name: str

    def page(self, cursor: str | None) -> RosterPage | NotListed: ...

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        ...


class UnclearError(ValueError):
    """From here the agreement states no expectation; the text says why."""
