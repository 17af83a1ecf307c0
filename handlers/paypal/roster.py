"""Memberships as PayPal's subscriptions and their plans state them. PayPal lists no subscriptions: those that charges
have named are read one by one."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from handlers.inbox import MalformedDelivery
from handlers.listing import NotListed
from handlers.paypal.api import PayPalApi
from handlers.paypal.listing import Agreements
from handlers.paypal.reading import PROVIDER, identity, moment, money, needed_id, words
from handlers.paypal.refusals import API_ERRORS, failure, found
from handlers.roster import LeftOut, RosterPage, Stated, UnclearError
from handlers.strict_json import JsonObject, child, children, integer, needed
from reconcile.membership import Agreement, Every, Membership, Plan
from reconcile.money import Money

_BEGUN = frozenset({"ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED"})
_OVER = frozenset({"CANCELLED", "EXPIRED"})
_QUANTITY = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_DAYS = {"DAY": 1, "WEEK": 7}


class PayPalRoster:
    """Implements `handlers.roster.RosterSource`. `agreements` gives the next known agreements after one."""

    name = PROVIDER

    def __init__(self, api: PayPalApi, zone: str, agreements: Agreements) -> None:
        self._api = api
        self._zone = ZoneInfo(zone)
        self._agreements = agreements
        self._plans: dict[str, JsonObject | None] = {}

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        self._api.close()

    def page(self, cursor: str | None) -> RosterPage | NotListed:
        """The next known agreements after `cursor`."""
        names = self._agreements(cursor or "")
        try:
            stated = tuple(self._one(name) for name in names)
        except API_ERRORS as error:
            return failure(error)
        return RosterPage(stated, names[-1] if names else None)

    def _one(self, name: str) -> Stated | LeftOut:
        reply = found(self._api, f"/v1/billing/subscriptions/{quote(name, safe='')}?fields=plan")
        if reply is None:
            return LeftOut(
                name, "PayPal does not know it as a subscription (an agreement of the older API has no plan)"
            )
        try:
            return _stated(reply.body, self._plan_of(reply.body), self._zone)
        except UnclearError as why:
            return LeftOut(name, str(why))
        except MalformedDelivery as error:
            return LeftOut(name, f"it cannot be read: {error}")

    def _plan_of(self, subscription: JsonObject) -> JsonObject:
        inline = child(subscription, "plan") or {}
        if children(inline, "billing_cycles"):
            return inline
        name = needed(identity(subscription, "plan_id"), "plan_id")
        if name not in self._plans:
            reply = found(self._api, f"/v1/billing/plans/{quote(name, safe='')}")
            self._plans[name] = None if reply is None else reply.body
        plan = self._plans[name]
        if plan is None:
            raise UnclearError("PayPal no longer tells its plan")
        return plan


def _stated(subscription: JsonObject, plan: JsonObject, zone: ZoneInfo) -> Stated:
    status = words(subscription, "status") or ""
    if status not in _BEGUN:
        raise UnclearError("it has not begun")
    name = needed_id(subscription)
    began = needed(moment(subscription, "start_time"), "start_time")
    started_on = began.astimezone(zone).date()
    changed = moment(subscription, "status_update_time") if status in _OVER else None
    payer = words(subscription, "subscriber", "payer_id")
    membership = Membership(
        ref=words(subscription, "custom_id") or name,
        started_on=started_on,
        plan=_plan(subscription, plan, began),
        policy=(),
        ended_on=None if changed is None else max(started_on, changed.astimezone(zone).date()),
        agreements=(Agreement(PROVIDER, name, payer=payer, since=started_on),),
        stated_by_provider=True,
    )
    email = words(subscription, "subscriber", "email_address")
    return Stated(membership, {"email": email} if email else {})


def _plan(subscription: JsonObject, plan: JsonObject, began: datetime) -> Plan:
    regular = [cycle for cycle in children(plan, "billing_cycles") if words(cycle, "tenure_type") == "REGULAR"]
    if len(regular) != 1 or child(regular[0], "pricing_scheme", "fixed_price") is None:
        raise UnclearError("its plan has not one fixed price")
    (cycle,) = regular
    if (integer(cycle, "total_cycles") or 0) != 0:
        raise UnclearError("its plan ends after a number of payments")
    scheme = needed(child(cycle, "pricing_scheme"), "pricing_scheme")
    priced = max((at for name in ("create_time", "update_time") if (at := moment(scheme, name))), default=began)
    if priced > began:
        raise UnclearError("its price was changed after it began, and PayPal does not tell the one before")
    price = needed(money(scheme, "fixed_price"), "fixed_price")
    fee = money(plan, "payment_preferences", "setup_fee")
    every, count = _frequency(cycle)
    return Plan(
        price=Money(price.minor * _quantity(subscription), price.currency),
        every=every,
        count=count,
        code=words(subscription, "plan_id") or "",
        setup_fee_minor=fee.minor if fee else 0,
        trial_days=_trial_days(plan),
    )


def _frequency(cycle: JsonObject) -> tuple[Every, int]:
    unit = (words(cycle, "frequency", "interval_unit") or "").lower()
    if unit not in set(Every):
        raise UnclearError("its price does not recur")
    return Every(unit), integer(cycle, "frequency", "interval_count") or 1


def _quantity(subscription: JsonObject) -> int:
    told = words(subscription, "quantity") or "1"
    if _QUANTITY.fullmatch(told) is None:
        raise UnclearError("its quantity is no whole number")
    return int(told)


def _trial_days(plan: JsonObject) -> int:
    days = 0
    for cycle in children(plan, "billing_cycles"):
        if words(cycle, "tenure_type") != "TRIAL":
            continue
        price = money(cycle, "pricing_scheme", "fixed_price")
        unit = words(cycle, "frequency", "interval_unit") or ""
        if (price and price.minor) or unit not in _DAYS:
            raise UnclearError("its trial is paid for, or counts in months")
        days += (
            _DAYS[unit] * (integer(cycle, "frequency", "interval_count") or 1) * (integer(cycle, "total_cycles") or 1)
        )
    return days
