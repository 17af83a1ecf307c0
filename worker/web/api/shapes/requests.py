"""The shapes of what is sent, for the document; the readers of the commands read it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from reconcile.claims_types import ClaimKind, Prefers
from reconcile.membership import Channel
from reconcile.outcome import RemedyKind
from worker.claims.reading import EVIDENCE_MAX
from worker.claims.reading import TEXT_MAX as EXPLANATION_MAX
from worker.fields import EMAIL
from worker.web.api.sent import JSON, LINES
from worker.web.api.shapes.base import Shape
from worker.web.api.shapes.rows import Id, Minor

SCHEMAS = "#/components/schemas/"


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
    evidence: Annotated[list[Id], Field(max_length=EVIDENCE_MAX)] | None = Field([])
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
    email: Annotated[str, Field(max_length=254, pattern=f"^({EMAIL})?$")] | None = None
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] | None = None


class Restriction(Shape):
    lift: bool | None = Field(default=False, description="End the restriction.")


class Reason(Shape):
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


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
