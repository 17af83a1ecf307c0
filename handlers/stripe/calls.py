"""One call to Stripe, and its answer read: over all pages of a list, with every failure as a classified value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Generic, TypeVar

import stripe

from handlers.gateway import Uncertain
from handlers.inbox import MalformedDelivery
from handlers.strict_json import JsonObject, children, flag, needed, parse, text
from handlers.stripe.answers import Failure, classify
from handlers.stripe.reading import moment

PAGE_SIZE = 100
PAGES_MAX = 20

T = TypeVar("T")
Reader = Callable[[JsonObject, datetime], T]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and where the next page begins; None after the last."""

    items: tuple[T, ...]
    after: str | None


def ask(call: Callable[[], stripe.StripeObject], read: Reader[T]) -> T | Failure:
    """One request, and its answer read as the object stood at the time that Stripe's own clock gives the answer."""
    try:
        response = call().last_response
        if response is None:
            return Uncertain("the answer cannot be read")
        return read(parse(response.body.encode()), _date(response.headers.get("Date")))
    except stripe.StripeError as error:
        return classify(error)
    except MalformedDelivery as error:
        return Uncertain(f"the answer cannot be read: {error}")
    # The SDK fails in many ways on an answer it did not expect. By then the request has been sent.
    except Exception as error:  # noqa: BLE001
        return Uncertain(f"the answer cannot be read ({type(error).__name__})")


def list_page(
    page: Callable[[str | None], stripe.StripeObject], after: str | None, read: Reader[T]
) -> Page[T] | Failure:
    """The page of a list that begins after the item `after`."""
    return ask(partial(page, after), partial(_read_page, read))


def list_all(page: Callable[[str | None], stripe.StripeObject], read: Reader[T]) -> tuple[T, ...] | Failure:
    """Every item of a list, over its pages."""
    items: tuple[T, ...] = ()
    after: str | None = None
    for _ in range(PAGES_MAX):
        told = list_page(page, after, read)
        if not isinstance(told, Page):
            return told
        items, after = items + told.items, told.after
        if after is None:
            return items
    return Uncertain("the list has no end")


def page_after(
    lists: Callable[[Any], stripe.StripeObject], wanted: Mapping[str, object], after: str | None
) -> stripe.StripeObject:
    """The page of what is `wanted` of one of the SDK's lists that begins after the item `after`."""
    return lists({**wanted, "limit": PAGE_SIZE, **({"starting_after": after} if after else {})})


def _read_page(read: Reader[T], told: JsonObject, told_at: datetime) -> Page[T]:
    if text(told, "object") != "list":
        raise MalformedDelivery("object is not list")
    data = children(told, "data")
    more = needed(flag(told, "has_more"), "has_more")
    after = needed(text(data[-1] if data else {}, "id"), "data", "id") if more else None
    return Page(tuple(read(item, told_at) for item in data), after)


def of_kind(kind: str, read: Reader[T]) -> Reader[T]:
    """Reads an object of the kind that was asked for; another one is an answer that cannot be read."""

    def read_of_kind(told: JsonObject, told_at: datetime) -> T:
        if text(told, "object") != kind:
            raise MalformedDelivery(f"object is not {kind}")
        return read(told, told_at)

    return read_of_kind


def as_made(read: Reader[T]) -> Reader[T]:
    """Reads the answer to a POST, which may be a stored one of hours ago: it tells of the time the object was made."""

    def read_as_made(told: JsonObject, _told_at: datetime) -> T:
        return read(told, needed(moment(told, "created"), "created"))

    return read_as_made


def _date(header: object) -> datetime:
    try:
        at = parsedate_to_datetime(str(header))
    except ValueError:
        raise MalformedDelivery("the answer has no date") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
