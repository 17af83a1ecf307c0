"""The shapes of what is answered: written by the listings, and held against them by a test."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from reconcile.claims_types import ClaimKind, ClaimState
from reconcile.outcome import Confidence, FindingKind, FindingStatus, HeldBecause, RemedyKind, RemedyState
from reconcile.policy import Force
from worker.web.api.shapes.base import Shape
from worker.web.api.shapes.rows import Membership


class RemedyOfFinding(Shape):
    key: str
    kind: RemedyKind
    amount: int | None
    state: RemedyState
    clause: str | None
    policy_version: str | None


class Finding(Shape):
    key: str
    finding: FindingKind
    membership: str | None
    charge: str | None
    renewal: date | None
    charged: int | None
    expected: int | None
    excess: int | None
    currency: str | None
    confidence: Confidence
    status: FindingStatus
    because: list[str]
    first_seen: date
    remedy: RemedyOfFinding | None


class Remedy(RemedyOfFinding):
    membership: str | None
    charge: str | None
    currency: str | None
    finding: FindingKind | None
    held_because: HeldBecause | None


class Answer(Shape):
    claim: str
    remedy: RemedyKind
    amount: int | None
    currency: str | None
    force: Force | None
    state: ClaimState
    clause: str | None
    policy_version: str | None
    reason: str
    asked_for: list[str]
    deadline: datetime | None


class ListedClaim(Answer):
    membership: str
    charge: str | None
    kind: ClaimKind
    received_at: datetime
    decided_at: datetime
    held_because: HeldBecause | None
    remedy_key: str | None
    remedy_state: RemedyState | None


class ListedNight(Shape):
    night: date
    state: Literal["running", "done", "superseded"]
    as_of: date
    since: date
    complete: bool | None
    done_at: datetime | None
    audit_head: str | None


class Night(ListedNight):
    summary: dict[str, Any] | None = Field(description="As `makegood night --json` tells it.")


class Kept(BaseModel):
    """What is kept of a member in one membership, as `makegood privacy export` tells it; more may stand in it."""

    membership: str
    member: dict[str, str]
    statement: str | None = Field(description="The version of the privacy statement under which it was collected.")
    restricted_at: datetime | None
    erased_at: datetime | None
    roster: dict[str, Any]
    facts: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    remedies: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    notices: list[dict[str, Any]]


class Exported(Shape):
    data: list[Kept]


class _Righted(Shape):
    membership: str
    left: list[str] = Field(description="What stays as it was, in words.")


class Corrected(_Righted):
    corrected: list[Literal["name", "email", "country"]]


class Restricted(_Righted):
    restricted: bool


class Erased(_Righted):
    erased: Literal[True]
    bodies_removed: int = Field(description="Webhooks that named the member, whose bodies are gone.")


class CorrectedAll(Shape):
    data: list[Corrected]


class RestrictedAll(Shape):
    data: list[Restricted]


class ErasedAll(Shape):
    data: list[Erased]


class Switch(Shape):
    stopped: bool
    by: str | None = Field(description="Who turned it last; null where nobody ever did.")
    reason: str | None
    at: datetime | None


class Turned(Switch):
    already: bool = Field(description="Whether it stood so before.")


class AuditEntry(Shape):
    n: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    hash: str = Field(description="Over this entry and the hash of the one before it.")


class Verified(Shape):
    entries: int
    head: str
    first_broken: int | None = Field(description="The first entry that does not fit; null where all do.")


class Explained(BaseModel):
    """What `makegood explain --json` tells; more may stand in it."""

    ref: str
    is_: Literal["membership", "charge", "finding", "remedy"] = Field(alias="is")
    membership: str | None
    as_of: date
    expected: list[dict[str, Any]]
    came: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    clauses: list[dict[str, Any]]
    since: list[dict[str, Any]]


class _Listed(Shape):
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class Findings(_Listed):
    data: list[Finding]


class Remedies(_Listed):
    data: list[Remedy]


class Claims(_Listed):
    data: list[ListedClaim]


class AuditEntries(_Listed):
    data: list[AuditEntry]


class Nights(_Listed):
    data: list[ListedNight]


class Memberships(_Listed):
    data: list[Membership]


class Written(Shape):
    membership: str
    version: int
    outcome: Literal["added", "changed", "unchanged"]


class Taken(Shape):
    new: int
    known: int


class Problem(BaseModel):
    """RFC 9457. `field` is the place in the body, or the name of the parameter."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
