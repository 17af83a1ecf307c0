"""The shapes of what is sent and answered, for the OpenAPI document. The answers are written by the listings, and what
is sent is read by the readers of the commands; a test holds these shapes against both."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from handlers.currencies import AMOUNT_MAX
from reconcile.claims_types import ClaimKind, ClaimState, Prefers
from reconcile.membership import Channel, Every, MonthEnd
from reconcile.outcome import Confidence, FindingKind, FindingStatus, HeldBecause, RemedyKind, RemedyState
from reconcile.policy import Force
from worker.claims.reading import EVIDENCE_MAX
from worker.claims.reading import TEXT_MAX as EXPLANATION_MAX
from worker.roster_fields import TEXT_MAX
from worker.roster_row import COUNT_MAX, QUANTITY_MAX, TRIAL_DAYS_MAX, Provider
from worker.web.api.sent import JSON, LINES

SCHEMAS = "#/components/schemas/"

Minor = Annotated[int, Field(ge=0, le=AMOUNT_MAX, description="Whole minor units.")]
Count = Annotated[int, Field(ge=1, le=COUNT_MAX)]
Text = Annotated[str, Field(max_length=TEXT_MAX)]
Id = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
Currency = Annotated[str, Field(pattern="^[A-Za-z]{3}$", description="ISO 4217.")]


class Shape(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


# --- What is listed


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


# --- What is sent


_EMAIL = r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,190}"


class Member(Shape):
    name: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    email: Annotated[str, Field(max_length=254, pattern=f"^{_EMAIL}$")] | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    masked: Literal[True] | None = Field(
        None, json_schema_extra={"readOnly": True}, description="Only in answers. A row that has it is not taken back."
    )


class Plan(Shape):
    price: Minor
    currency: Currency
    every: Every | None = Every.MONTH
    count: Count | None = 1
    code: Text | None = ""
    setup_fee: Minor | None = 0
    trial_days: Annotated[int, Field(ge=0, le=TRIAL_DAYS_MAX)] | None = 0
    month_end: MonthEnd | None = MonthEnd.CLAMP


class _From(Shape):
    from_: date = Field(alias="from")


class Price(_From):
    kind: Literal["price"]
    price: Minor


class NewPlan(_From):
    kind: Literal["plan"]
    price: Minor
    code: Text | None = ""
    every: Every | None = Every.MONTH
    count: Count | None = 1


class Quantity(_From):
    kind: Literal["quantity"]
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]


class Discount(_From):
    kind: Literal["discount"]
    percent: Annotated[float, Field(gt=0, le=100, description="Two decimals at most.")]
    periods: Count


class Pause(_From):
    kind: Literal["pause"]
    until: date


class Agreed(Shape):
    kind: Literal["agreed"]
    on: date
    amount: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    what: Text | None = ""


class Cancel(Shape):
    kind: Literal["cancel"]
    at: datetime = Field(description="With its offset.")
    channel: Channel


class Reactivate(Shape):
    kind: Literal["reactivate"]
    on: date


class Terminate(Shape):
    kind: Literal["terminate"]
    on: date
    reason: Text | None = ""


Change = Annotated[Price | NewPlan | Quantity | Discount | Pause | Agreed, Field(discriminator="kind")]
Notice = Annotated[Cancel | Reactivate | Terminate, Field(discriminator="kind")]


class Agreement(Shape):
    provider: Provider
    customer: Id | None = None
    subscription: Id | None = None
    payer: Id | None = None
    from_: date | None = Field(None, alias="from")
    until: date | None = None


class Membership(Shape):
    """A row of the roster."""

    membership: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        None, description="The reference of the address; may be left out."
    )
    member: Member | None = None
    started_on: date
    ended_on: date | None = None
    policy: Annotated[list[str], Field(min_length=1)] | None = None
    plan: Plan
    changes: list[Change] | None = []
    notices: list[Notice] | None = []
    agreements: list[Agreement] | None = []


class Memberships(_Listed):
    data: list[Membership]


class Written(Shape):
    membership: str
    version: int
    outcome: Literal["added", "changed", "unchanged"]


class Disruption(Shape):
    from_: datetime = Field(alias="from")
    until: datetime | None = None


class Defect(Shape):
    complained_at: datetime
    approved_at: datetime | None = None
    repaired_at: datetime | None = None
    access_refused: bool | None = False
    access_asked_at: datetime | None = None
    access_given_at: datetime | None = None
    prefers: Prefers | None = Prefers.REFUND


class Claim(Shape):
    claim: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
    membership: Annotated[str, Field(min_length=1, max_length=128)]
    kind: ClaimKind
    received_at: datetime
    charge: str | None = Field(None, max_length=128)
    channel: Channel | None = None
    from_email: Annotated[str, Field(max_length=254)] | None = None
    invoice: Id | None = None
    explanation: Annotated[str, Field(max_length=EXPLANATION_MAX)] | None = None
    contacted_support_at: datetime | None = None
    evidence: Annotated[list[Id], Field(max_length=EVIDENCE_MAX)] | None = []
    disruption: Disruption | None = None
    defect: Defect | None = None


class Seen(Shape):
    """What was seen of a remedy, as it is listed: if it is another by now, nothing is done."""

    kind: RemedyKind
    amount: Minor | None = None
    currency: Id | None = None
    clause: Id | None = None
    held_because: Id | None = None


class Correction(Shape):
    """At least one of them. An empty text removes the field."""

    name: Annotated[str, Field(max_length=254)] | None = None
    email: Annotated[str, Field(max_length=254, pattern=f"^({_EMAIL})?$")] | None = None
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] | None = None


class Restriction(Shape):
    lift: bool | None = Field(default=False, description="End the restriction.")


class Reason(Shape):
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


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


def sends(shape: Any) -> dict[str, Any]:  # noqa: ANN401 - a model, or a union of some
    """The body that an address takes, for the document; its reader is the command's."""
    return _body(shape, required=True)


def may_send(shape: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """The same, where nothing may be sent too."""
    return _body(shape, required=False)


def _body(shape: Any, *, required: bool) -> dict[str, Any]:  # noqa: ANN401 - as above
    schema = TypeAdapter(shape).json_schema(ref_template=SCHEMAS + "{model}")
    return {"requestBody": {"required": required, "content": {JSON: {"schema": schema}}}}


NOTHING_SENT: dict[str, Any] = {
    "requestBody": {"required": False, "content": {JSON: {"schema": {"type": "object", "maxProperties": 0}}}}
}
SENDS_EVENTS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"type": "object", "description": "One event as the provider sends it."}},
            LINES: {"schema": {"type": "string", "description": "Several, one on each line."}},
        },
    }
}
