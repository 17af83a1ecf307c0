"""One roster row, read strictly: the membership as the core knows it, and apart from it the member's own fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from handlers.currencies import AMOUNT_MAX, currency_code
from handlers.inbox import MalformedDelivery
from reconcile.membership import (
    Agreed,
    Agreement,
    CancelNotice,
    Change,
    Channel,
    Discount,
    Every,
    Membership,
    MonthEnd,
    Notice,
    Pause,
    Plan,
    PlanChange,
    PriceChange,
    QuantityChange,
    Reactivation,
    Termination,
)
from reconcile.money import Money
from worker.fields import EMAIL, BadFieldError, Fields, shown
from worker.store.roster import RosterRow

_ROW = ("membership", "member", "started_on", "ended_on", "policy", "plan", "changes", "notices", "agreements")
_MEMBER = ("name", "email", "country")
_PLAN = ("code", "price", "currency", "every", "count", "setup_fee", "trial_days", "month_end")
_AGREEMENT = ("provider", "customer", "subscription", "payer", "from", "until")
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_MINOR = " of minor units"
COUNT_MAX = 1000
TRIAL_DAYS_MAX = 3650
QUANTITY_MAX = 100_000

K = TypeVar("K", bound=StrEnum)


class Provider(StrEnum):
    STRIPE = "stripe"
    PAYPAL = "paypal"


class ChangeKind(StrEnum):
    PRICE = "price"
    PLAN = "plan"
    QUANTITY = "quantity"
    DISCOUNT = "discount"
    PAUSE = "pause"
    AGREED = "agreed"


class NoticeKind(StrEnum):
    CANCEL = "cancel"
    REACTIVATE = "reactivate"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Bundles:
    """The policy bundles there are, and the ones of a row that names none."""

    known: Collection[str]
    default: tuple[str, ...]


def row(given: object, bundles: Bundles) -> RosterRow:
    """The row that `given` (parsed JSON) states. Raises BadFieldError for the first thing that is wrong in it."""
    fields = Fields(given, "", _ROW)
    ref = fields.text("membership", longest=128)
    personal = _personal(fields)
    started_on, ended_on = fields.day("started_on"), fields.maybe_day("ended_on")
    if ended_on is not None and ended_on < started_on:
        raise fields.refuse("ended_on", f"a date not before started_on ({started_on})")
    agreements = tuple(_agreement(item, path) for path, item in fields.items("agreements"))
    membership = Membership(
        ref=ref,
        started_on=started_on,
        plan=_plan(fields.raw("plan")),
        policy=_policy(fields, bundles),
        ended_on=ended_on,
        changes=tuple(change(item, path) for path, item in fields.items("changes")),
        notices=tuple(notice(item, path) for path, item in fields.items("notices")),
        agreements=agreements,
    )
    if not agreements and "email" not in personal:
        raise BadFieldError("agreements", "an agreement, or the member's e-mail, is expected, and neither is there")
    return RosterRow(membership, personal or None)


def _personal(fields: Fields) -> dict[str, str]:
    return personal_fields(fields.raw("member")) if fields.has("member") else {}


def personal_fields(given: object) -> dict[str, str]:
    """A member's own fields. Raises BadFieldError, which does not repeat them."""
    member = Fields(given, "member", _MEMBER, private=True)
    found = {name: text for name in _MEMBER if (text := member.maybe_text(name, longest=254)) is not None}
    if "email" in found and not re.fullmatch(EMAIL, found["email"]):
        raise member.refuse("email", "an e-mail address")
    if "country" in found and not _COUNTRY.fullmatch(found["country"]):
        raise member.refuse("country", "a country of two capital letters such as US")
    return found


def _policy(fields: Fields, bundles: Bundles) -> tuple[str, ...]:
    if not fields.has("policy"):
        return bundles.default
    found: list[str] = []
    for path, item in fields.items("policy"):
        if not isinstance(item, str) or item not in bundles.known:
            known = ", ".join(sorted(bundles.known))
            raise BadFieldError(path, f"the name of a policy bundle ({known}) is expected, not {shown(item)}")
        if item in found:
            raise BadFieldError(path, f"each bundle once is expected, and {item} is there twice")
        found.append(item)
    if not found:
        raise fields.refuse("policy", "at least one policy bundle")
    return tuple(found)


def _plan(given: object) -> Plan:
    fields = Fields({} if given is None else given, "plan", _PLAN)
    price = fields.whole("price", 0, AMOUNT_MAX, of=_MINOR)
    return Plan(
        price=Money(price, _currency(fields)),
        every=fields.word("every", Every, Every.MONTH),
        count=fields.whole("count", 1, COUNT_MAX, 1),
        code=fields.text("code", ""),
        setup_fee_minor=fields.whole("setup_fee", 0, AMOUNT_MAX, 0, of=_MINOR),
        trial_days=fields.whole("trial_days", 0, TRIAL_DAYS_MAX, 0),
        month_end=fields.word("month_end", MonthEnd, MonthEnd.CLAMP),
    )


def _currency(fields: Fields) -> str:
    text = fields.text("currency", longest=3)
    try:
        return currency_code(text)
    except MalformedDelivery:
        raise fields.refuse("currency", "an ISO 4217 currency such as USD") from None


def _range(fields: Fields) -> tuple[date, date]:
    since, until = fields.day("from"), fields.day("until")
    if until <= since:
        raise fields.refuse("until", f"a date after from ({since})")
    return since, until


def _price(fields: Fields) -> Change:
    return PriceChange(fields.day("from"), fields.whole("price", 0, AMOUNT_MAX, of=_MINOR))


def _plan_change(fields: Fields) -> Change:
    return PlanChange(
        since=fields.day("from"),
        price_minor=fields.whole("price", 0, AMOUNT_MAX, of=_MINOR),
        every=fields.word("every", Every, Every.MONTH),
        count=fields.whole("count", 1, COUNT_MAX, 1),
        code=fields.text("code", ""),
    )


def _quantity(fields: Fields) -> Change:
    return QuantityChange(fields.day("from"), fields.whole("quantity", 1, QUANTITY_MAX))


def _discount(fields: Fields) -> Change:
    return Discount(fields.day("from"), fields.percent("percent"), fields.whole("periods", 1, COUNT_MAX))


def _pause(fields: Fields) -> Change:
    return Pause(*_range(fields))


def _agreed(fields: Fields) -> Change:
    return Agreed(fields.day("on"), fields.whole("amount", 1, AMOUNT_MAX, of=_MINOR), fields.text("what", ""))


_CHANGES: dict[ChangeKind, tuple[tuple[str, ...], Callable[[Fields], Change]]] = {
    ChangeKind.PRICE: (("kind", "from", "price"), _price),
    ChangeKind.PLAN: (("kind", "from", "code", "price", "every", "count"), _plan_change),
    ChangeKind.QUANTITY: (("kind", "from", "quantity"), _quantity),
    ChangeKind.DISCOUNT: (("kind", "from", "percent", "periods"), _discount),
    ChangeKind.PAUSE: (("kind", "from", "until"), _pause),
    ChangeKind.AGREED: (("kind", "on", "amount", "what"), _agreed),
}


def _cancel(fields: Fields) -> Notice:
    return CancelNotice(fields.time("at"), fields.word("channel", Channel))


def _reactivate(fields: Fields) -> Notice:
    return Reactivation(fields.day("on"))


def _terminate(fields: Fields) -> Notice:
    return Termination(fields.day("on"), fields.text("reason", ""))


_NOTICES: dict[NoticeKind, tuple[tuple[str, ...], Callable[[Fields], Notice]]] = {
    NoticeKind.CANCEL: (("kind", "at", "channel"), _cancel),
    NoticeKind.REACTIVATE: (("kind", "on"), _reactivate),
    NoticeKind.TERMINATE: (("kind", "on", "reason"), _terminate),
}


def change(item: object, path: str = "") -> Change:
    """One change. Raises BadFieldError."""
    keys, read = _CHANGES[_kind(item, path, ChangeKind)]
    return read(Fields(item, path, keys))


def notice(item: object, path: str = "") -> Notice:
    """One notice. Raises BadFieldError."""
    keys, read = _NOTICES[_kind(item, path, NoticeKind)]
    return read(Fields(item, path, keys))


def _kind(item: object, path: str, kinds: type[K]) -> K:
    """The kind decides which keys are known, so it is read before the others are."""
    if not isinstance(item, dict):
        raise BadFieldError(path, f"an object is expected, not {shown(item)}")
    return Fields({"kind": item.get("kind")}, path, ("kind",)).word("kind", kinds)


def _agreement(item: object, path: str) -> Agreement:
    fields = Fields(item, path, _AGREEMENT)
    found = Agreement(
        provider=fields.word("provider", Provider).value,
        subscription=fields.maybe_text("subscription"),
        customer=fields.maybe_text("customer"),
        payer=fields.maybe_text("payer"),
        since=fields.maybe_day("from"),
        until=fields.maybe_day("until"),
    )
    if not (found.subscription or found.customer or found.payer):
        raise BadFieldError(path, "a subscription, customer or payer is expected, and none is there")
    if found.since and found.until and found.until <= found.since:
        raise fields.refuse("until", f"a date after from ({found.since})")
    return found
