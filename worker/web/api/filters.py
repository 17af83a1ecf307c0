"""The filters of the lists: those of the commands, under the same names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from reconcile.claims_types import ClaimKind, ClaimState
from reconcile.outcome import FindingKind, FindingStatus, RemedyState
from worker.store.console import AuditAsked
from worker.store.listings import Filter, Page
from worker.web.api.paging import Day, Name, Paged

_STATUS = "One or more, repeated or with commas between them; all is the default."


def _several(given: object) -> object:
    """`?status=open,waived` is `?status=open&status=waived`."""
    if isinstance(given, list):
        return [word for part in given for word in (part.split(",") if isinstance(part, str) else [part])]
    return given


class _Chosen(Paged):
    since: Day | None = Field(None, description="First seen on this date or later.")
    membership: Name | None = Field(None, description="Of this membership only.")

    def page(self, of: str, parts: int = 1) -> Page:
        """What to ask the store for: one more than wanted tells whether there is more."""
        return Page(self.limit + 1, self.after(of, parts))

    def _filter(self, status: list[str], kind: str | None) -> Filter:
        return Filter(tuple(status), kind, self.since, self.membership)


class OfFindings(_Chosen):
    """What `makegood findings` takes."""

    status: Annotated[list[FindingStatus | Literal["all"]], BeforeValidator(_several)] = Field([], description=_STATUS)
    kind: FindingKind | None = None

    def filter(self) -> Filter:
        return self._filter([*self.status], self.kind)


class OfRemedies(_Chosen):
    """What `makegood remedies` takes; `kind` is the finding's."""

    status: Annotated[list[RemedyState | Literal["all"]], BeforeValidator(_several)] = Field([], description=_STATUS)
    kind: FindingKind | None = None

    def filter(self) -> Filter:
        return self._filter([*self.status], self.kind)


class OfClaims(_Chosen):
    """What `makegood claims` takes."""

    since: Day | None = Field(None, description="Received on this date or later.")
    status: Annotated[list[ClaimState | Literal["all"]], BeforeValidator(_several)] = Field([], description=_STATUS)
    kind: ClaimKind | None = None

    def filter(self) -> Filter:
        return self._filter([*self.status], self.kind)


class OfAudit(Paged):
    """What the console's page takes."""

    actor: Name | None = None
    action: Name | None = None
    subject: Name | None = Field(None, description="A membership, or the key of a finding, remedy or claim.")

    def asked(self) -> AuditAsked:
        return AuditAsked(self.actor, self.action, self.subject)
