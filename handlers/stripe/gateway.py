"""Stripe's outgoing side: a charge read afresh, refunds, credits and cancellations. One call, one classified answer."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import stripe

from handlers.currencies import stripe_amount
from handlers.gateway import (
    Answer,
    CreditOrder,
    Done,
    Look,
    Looked,
    Mismatch,
    NoCredential,
    NotExecuted,
    RefundOrder,
    Refusal,
    Refused,
    Uncertain,
)
from handlers.inbox import MalformedDelivery
from handlers.strict_json import JsonObject, text
from handlers.stripe.answers import Failure
from handlers.stripe.calls import as_made, ask, list_all, of_kind, page_after
from handlers.stripe.charges import REMEDY, charge_facts, credit_fact, dispute_fact, note_credits, refund_fact
from handlers.stripe.client import make_client, make_session
from handlers.stripe.subscriptions import subscription_fact
from reconcile.facts import Credit, Fact, Refund, Subscription, SubscriptionState
from reconcile.money import Money

if TYPE_CHECKING:
    from stripe.params import (
        CreditNoteCreateParams,
        CreditNoteListParams,
        CustomerBalanceTransactionCreateParams,
        DisputeListParams,
        RefundListParams,
    )

_CHARGE = of_kind("charge", charge_facts)
_REFUND = of_kind("refund", refund_fact)
_DISPUTE = of_kind("dispute", dispute_fact)
_CREDIT = of_kind("customer_balance_transaction", credit_fact)
_NOTE = of_kind("credit_note", note_credits)
_SUBSCRIPTION = of_kind("subscription", subscription_fact)


class StripeGateway:
    """`handlers.gateway.Gateway` for Stripe. Nothing that Stripe or the network does is raised, and no answer holds the
    key or a body."""

    name = "stripe"
    repeats_are_lookups = False  # Stripe forgets keys after a day and replays even its own failures

    def __init__(self, api_key: str, api_base: str | None, timeout_s: float) -> None:
        self.key_lifetime_s = {"charge": 86_400}
        self._session = make_session()
        self._v1 = make_client(api_key, api_base, timeout_s, self._session).v1

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        self._session.close()

    def look(self, charge: str, api: str) -> Looked:
        """The charge, its refunds and its disputes as they stand now. Stripe refunds every charge one way, whatever
        `api` says."""
        del api
        facts = ask(partial(self._v1.charges.retrieve, charge), partial(_read_charge, charge))
        if isinstance(facts, Refused) and facts.refusal is Refusal.NOT_FOUND:
            return Look((), missing=(charge,))
        if not isinstance(facts, tuple):
            return _unread(facts)
        refunds = list_all(partial(self._refund_page, charge), _REFUND)
        disputes = list_all(partial(self._dispute_page, charge), _DISPUTE)
        if isinstance(refunds, tuple):
            # Older API versions list them inside the charge as well, and nothing may be told twice.
            facts = tuple(fact for fact in facts if not isinstance(fact, Refund))
        missing = []
        for name, listed in (("refunds", refunds), ("disputes", disputes)):
            if isinstance(listed, Refused) and listed.refusal is Refusal.NOT_FOUND:
                missing.append(name)
            elif not isinstance(listed, tuple):
                return _unread(listed)
            else:
                facts = (*facts, *listed)
        return Look(facts, lists_refunds="refunds" not in missing, missing=tuple(missing))

    def refund(self, order: RefundOrder) -> Answer:
        """The refund of exactly `order.amount`. `Done` may hold a refund that Stripe itself says has failed."""
        amount = _amount(order.amount)
        if isinstance(amount, Refused):
            return amount
        # Never `fraudulent`: it would put the member's card and address on block lists.
        reason = "duplicate" if order.duplicate else "requested_by_customer"
        call = partial(
            self._v1.refunds.create,
            {"charge": order.charge, "amount": amount, "reason": reason, "metadata": {REMEDY: order.remedy}},
            {"idempotency_key": order.key},
        )
        made = ask(call, as_made(_REFUND))
        if not isinstance(made, Refund):
            return made
        if (made.charge, made.amount) != (order.charge, order.amount):
            return Mismatch(f"ordered {order.amount} of {order.charge}, got {made.amount} of {made.charge}", made)
        return Done(made)

    def credit(self, order: CreditOrder) -> Answer:
        """A credit on the customer's balance, which Stripe applies to the next invoice."""
        amount = _amount(order.amount)
        if isinstance(amount, Refused):
            return amount
        made = self._noted(order, order.invoice, amount) if order.invoice else self._credited(order, amount)
        if not isinstance(made, Credit):
            return made
        if (made.customer, made.amount) != (order.customer, order.amount):
            return Mismatch(f"ordered {order.amount} for {order.customer}, got {made.amount} for {made.customer}", made)
        return Done(made)

    def _credited(self, order: CreditOrder, amount: int) -> Credit | Failure:
        params: CustomerBalanceTransactionCreateParams = {
            "amount": -amount,
            "currency": order.amount.currency.lower(),
            "metadata": {REMEDY: order.remedy},
        }
        create = self._v1.customers.balance_transactions.create
        return ask(partial(create, order.customer, params, {"idempotency_key": order.key}), as_made(_CREDIT))

    def _noted(self, order: CreditOrder, invoice: str, amount: int) -> Credit | Failure:
        params: CreditNoteCreateParams = {
            "invoice": invoice,
            "amount": amount,
            "credit_amount": amount,
            "email_type": "none",  # members are told by makegood's own notice
            "memo": "Billing correction",
            "metadata": {REMEDY: order.remedy},
        }
        if order.duplicate:
            params["reason"] = "duplicate"
        made = ask(partial(self._v1.credit_notes.create, params, {"idempotency_key": order.key}), as_made(_NOTE))
        if not isinstance(made, tuple):
            return made
        return made[0] if made else Uncertain("the credit note put nothing on the customer's balance")

    def find_credit(self, customer: str, remedy: str) -> Looked:
        """The credits on the customer's balance, and those by credit note, that carry `remedy`: what to look up before
        a credit is repeated."""
        credits_ = list_all(partial(self._balance_page, customer), _CREDIT)
        if isinstance(credits_, Refused) and credits_.refusal is Refusal.NOT_FOUND:
            return Look((), missing=(customer,))
        if not isinstance(credits_, tuple):
            return _unread(credits_)
        notes = list_all(partial(self._note_page, customer), _NOTE)
        if not isinstance(notes, tuple):
            return _unread(notes)
        return Look(tuple(credit for credit in (*credits_, *chain(*notes)) if credit.remedy == remedy))

    def cancel(self, subscription: str, key: str) -> Answer:
        """The subscription ended at once, with no last invoice and no proration. One that had ended is done too."""
        call = partial(
            self._v1.subscriptions.cancel,
            subscription,
            {"invoice_now": False, "prorate": False},
            {"idempotency_key": key},
        )
        ended = ask(call, _SUBSCRIPTION)
        if isinstance(ended, Refused) and ended.refusal is Refusal.NOT_FOUND:
            # Stripe says so of a subscription that has been cancelled already, and still shows it.
            ended = ask(partial(self._v1.subscriptions.retrieve, subscription), _SUBSCRIPTION)
        if not isinstance(ended, Subscription):
            return ended
        if ended.ref.id != subscription:
            return Mismatch(f"ordered the end of {subscription}, got {ended.ref.id}")
        return Done() if ended.state is SubscriptionState.ENDED else Uncertain("the subscription has not ended")

    def _refund_page(self, charge: str, after: str | None) -> stripe.StripeObject:
        wanted: RefundListParams = {"charge": charge}
        return page_after(self._v1.refunds.list, wanted, after)

    def _dispute_page(self, charge: str, after: str | None) -> stripe.StripeObject:
        wanted: DisputeListParams = {"charge": charge}
        return page_after(self._v1.disputes.list, wanted, after)

    def _balance_page(self, customer: str, after: str | None) -> stripe.StripeObject:
        return page_after(partial(self._v1.customers.balance_transactions.list, customer), {}, after)

    def _note_page(self, customer: str, after: str | None) -> stripe.StripeObject:
        wanted: CreditNoteListParams = {"customer": customer}
        return page_after(self._v1.credit_notes.list, wanted, after)


def _read_charge(charge: str, told: JsonObject, told_at: datetime) -> tuple[Fact, ...]:
    if text(told, "id") != charge:
        raise MalformedDelivery("id is that of another charge")
    return _CHARGE(told, told_at)


def _unread(failure: Failure) -> NotExecuted | Uncertain | NoCredential:
    return Uncertain(f"Stripe refused the look ({failure.code})") if isinstance(failure, Refused) else failure


def _amount(money: Money) -> int | Refused:
    if money.minor <= 0:
        return Refused(Refusal.UNKNOWN, "amount_not_positive")
    try:
        return stripe_amount(money)
    except ValueError:
        return Refused(Refusal.NOT_THIS_WAY, "amount_not_exact")
