"""What webhooks missed: Stripe's own lists, page by page, as the same facts that a webhook tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import stripe

from handlers.inbox import MalformedDelivery
from handlers.listing import Listed, NotListed
from handlers.strict_json import JsonObject
from handlers.stripe.calls import Page, list_page, page_after
from handlers.stripe.client import make_client, make_session
from handlers.stripe.translate import facts_of
from reconcile.facts import Fact

__all__ = ["Listed", "StripeListing"]

if TYPE_CHECKING:
    from stripe.params import (
        ChargeListParams,
        DisputeListParams,
        InvoiceListParams,
        RefundListParams,
        SubscriptionListParams,
    )

# Stripe lists by creation, and an invoice of last month may be paid today.
_INVOICE_REACH = timedelta(days=40)


class StripeListing:
    """Reads Stripe's lists for the back-fill. Nothing that Stripe or the network does is raised."""

    name = "stripe"

    def __init__(self, api_key: str, api_base: str | None, timeout_s: float) -> None:
        self._session = make_session()
        self._v1 = make_client(api_key, api_base, timeout_s, self._session).v1
        self._lists: dict[str, Callable[[datetime, datetime, str | None], stripe.StripeObject]] = {
            "charges": self._charges,
            "refunds": self._refunds,
            "disputes": self._disputes,
            "invoices": self._invoices,
            "subscriptions": self._subscriptions,
        }

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        self._session.close()

    def list_since(self, since: datetime, until: datetime, cursor: str | None) -> Listed | NotListed:
        """The page at `cursor` (None: the first) of all that was made in `[since, until)`: charges, refunds, disputes,
        the invoices that may have been paid then, and every subscription, for Stripe cannot list those by change.

        Raises ValueError for a cursor that is not one of ours.
        """
        name, _, after = (cursor or "charges:").partition(":")
        if name not in self._lists:
            raise ValueError("this is no cursor of Stripe's lists")
        page = list_page(partial(self._lists[name], since, until), after or None, _read)
        if not isinstance(page, Page):
            return page
        facts = tuple(fact for told in page.items if not isinstance(told, str) for fact in told)
        unreadable = tuple(f"{name}: {told}" for told in page.items if isinstance(told, str))
        return Listed(facts, f"{name}:{page.after}" if page.after else self._next(name), unreadable)

    def _next(self, name: str) -> str | None:
        names = [*self._lists, None]
        following = names[names.index(name) + 1]
        return following and f"{following}:"

    def _charges(self, since: datetime, until: datetime, after: str | None) -> stripe.StripeObject:
        # Without this a charge names its balance transaction only, and not the fee that Stripe kept.
        fee = ["data.balance_transaction"]
        wanted: ChargeListParams = {"created": _created(since, until), "expand": fee}
        return page_after(self._v1.charges.list, wanted, after)

    def _refunds(self, since: datetime, until: datetime, after: str | None) -> stripe.StripeObject:
        wanted: RefundListParams = {"created": _created(since, until)}
        return page_after(self._v1.refunds.list, wanted, after)

    def _disputes(self, since: datetime, until: datetime, after: str | None) -> stripe.StripeObject:
        wanted: DisputeListParams = {"created": _created(since, until)}
        return page_after(self._v1.disputes.list, wanted, after)

    def _invoices(self, since: datetime, until: datetime, after: str | None) -> stripe.StripeObject:
        created = _created(since - _INVOICE_REACH, until)
        # Without this an invoice does not say which payment paid it.
        wanted: InvoiceListParams = {"created": created, "expand": ["data.payments"]}
        return page_after(self._v1.invoices.list, wanted, after)

    def _subscriptions(self, _since: datetime, _until: datetime, after: str | None) -> stripe.StripeObject:
        wanted: SubscriptionListParams = {"status": "all"}
        return page_after(self._v1.subscriptions.list, wanted, after)


def _read(told: JsonObject, told_at: datetime) -> tuple[Fact, ...] | str:
    try:
        return facts_of(told, told_at)
    except MalformedDelivery as error:
        return str(error)


def _created(since: datetime, until: datetime) -> stripe.params.ChargeListParamsCreated:
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
