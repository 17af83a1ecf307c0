"""Memberships as Stripe's subscriptions and their prices state them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import stripe

from handlers.inbox import MalformedDelivery
from handlers.listing import NotListed
from handlers.roster import LeftOut, RosterPage, Stated, UnclearError
from handlers.strict_json import JsonObject, child, children, integer, needed, text
from handlers.stripe.calls import Page, list_page, page_after
from handlers.stripe.charges import named
from handlers.stripe.client import make_client, make_session
from handlers.stripe.reading import PROVIDER, minor, moment, ref, reference
from reconcile.membership import Agreement, Every, Membership, Plan
from reconcile.money import Money

if TYPE_CHECKING:
    from stripe.params import SubscriptionListParams

_NOT_BEGUN = frozenset({"incomplete", "incomplete_expired"})
# The clock of whoever made price and subscription in one call may tick between the two.
_AT_ONCE = timedelta(minutes=1)


class StripeRoster:
    """Implements `handlers.roster.RosterSource`. Dates are in `zone`."""

    name = PROVIDER

    def __init__(self, api_key: str, api_base: str | None, timeout_s: float, zone: str) -> None:
        self._session = make_session()
        self._v1 = make_client(api_key, api_base, timeout_s, self._session).v1
        self._zone = ZoneInfo(zone)

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        self._session.close()

    def page(self, cursor: str | None) -> RosterPage | NotListed:
        """The subscriptions after `cursor`, ended ones among them."""
        page = list_page(self._list, cursor, partial(_read, zone=self._zone))
        return RosterPage(page.items, page.after) if isinstance(page, Page) else page

    def _list(self, after: str | None) -> stripe.StripeObject:
        wanted: SubscriptionListParams = {"status": "all", "expand": ["data.customer"]}
        return page_after(self._v1.subscriptions.list, wanted, after)


def _read(subscription: JsonObject, _told_at: datetime, zone: ZoneInfo) -> Stated | LeftOut:
    name = ref(subscription).id
    try:
        return _stated(subscription, name, zone)
    except UnclearError as why:
        return LeftOut(name, str(why))
    except MalformedDelivery as error:
        return LeftOut(name, f"it cannot be read: {error}")


def _stated(subscription: JsonObject, name: str, zone: ZoneInfo) -> Stated:
    if text(subscription, "status") in _NOT_BEGUN:
        raise UnclearError("it has not begun")
    if child(subscription, "pause_collection") or text(subscription, "status") == "paused":
        raise UnclearError("it is paused, and Stripe does not say since when")
    if child(subscription, "discount") or subscription.get("discounts"):
        raise UnclearError("it has a discount: how long it holds is not in the subscription")
    began = needed(moment(subscription, "start_date") or moment(subscription, "created"), "start_date")
    started_on = began.astimezone(zone).date()
    plan = _plan(children(subscription, "items", "data"), began)
    trial_days = _trial_days(subscription, started_on, zone)
    _refuse_moved(subscription, began, started_on + timedelta(days=trial_days), zone)
    ended = moment(subscription, "ended_at")
    customer = reference(subscription, "customer")
    membership = Membership(
        ref=named(subscription) or name,
        started_on=started_on,
        plan=Plan(plan.price, plan.every, plan.count, plan.code, trial_days=trial_days),
        policy=(),
        ended_on=None if ended is None else max(started_on, ended.astimezone(zone).date()),
        agreements=(Agreement(PROVIDER, name, customer, since=started_on),),
        stated_by_provider=True,
    )
    return Stated(membership, _personal(subscription))


def _plan(items: list[JsonObject], began: datetime) -> Plan:
    prices = [child(item, "price") or {} for item in items]
    if not prices:
        raise UnclearError("it has no price")
    periods = {
        (text(price, "recurring", "interval"), integer(price, "recurring", "interval_count")) for price in prices
    }
    currencies = {needed(text(price, "currency"), "price", "currency") for price in prices}
    if len(periods) > 1 or len(currencies) > 1:
        raise UnclearError("its prices have different periods or currencies")
    total = 0
    for item, price in zip(items, prices, strict=True):
        amount = minor(price, next(iter(currencies)), "unit_amount")
        if amount is None or text(price, "recurring", "usage_type") == "metered":
            raise UnclearError("its price goes by use or by tiers")
        made = max((at for at in (moment(price, "created"), moment(item, "created")) if at), default=began)
        if made > began + _AT_ONCE:
            raise UnclearError("its price was changed after it began, and Stripe does not tell the one before")
        total += amount * (1 if (quantity := integer(item, "quantity")) is None else quantity)
    interval, count = periods.pop()
    if interval not in set(Every):
        raise UnclearError("its price does not recur")
    return Plan(Money(total, currencies.pop().upper()), Every(interval), count or 1, text(prices[0], "id") or "")


def _trial_days(subscription: JsonObject, started_on: date, zone: ZoneInfo) -> int:
    ends = moment(subscription, "trial_end")
    return 0 if ends is None else max(0, (ends.astimezone(zone).date() - started_on).days)


def _refuse_moved(subscription: JsonObject, began: datetime, first: date, zone: ZoneInfo) -> None:
    """The anchor is the day it began, or the end of its trial; another one means that the billing day was moved."""
    anchor = moment(subscription, "billing_cycle_anchor")
    if anchor is not None and anchor != began and anchor.astimezone(zone).date() != first:
        raise UnclearError("its billing day was moved")


def _personal(subscription: JsonObject) -> dict[str, str]:
    customer = subscription.get("customer")
    if not isinstance(customer, dict):
        return {}
    told = {name: text(customer, name) for name in ("name", "email")}
    return {name: value for name, value in told.items() if value}
