"""The shape of a membership, a row of the roster: sent and answered alike, read by the reader of `import roster`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from handlers.currencies import AMOUNT_MAX
from reconcile.membership import Channel, Every, MonthEnd
from worker.fields import EMAIL, TEXT_MAX
from worker.roster.row import COUNT_MAX, QUANTITY_MAX, TRIAL_DAYS_MAX, Provider
from worker.web.api.shapes.base import Shape

Minor = Annotated[int, Field(ge=0, le=AMOUNT_MAX, description="Whole minor units.")]


Count = Annotated[int, Field(ge=1, le=COUNT_MAX)]


Text = Annotated[str, Field(max_length=TEXT_MAX)]


Id = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]


Currency = Annotated[str, Field(pattern="^[A-Za-z]{3}$", description="ISO 4217.")]


class Member(Shape):
    name: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    email: Annotated[str, Field(max_length=254, pattern=f"^{EMAIL}$")] | None = None
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
    changes: list[Change] | None = Field([])
    notices: list[Notice] | None = Field([])
    agreements: list[Agreement] | None = Field([])
