"""Stripe: webhooks in as facts, refunds, credits and cancellations out."""

from handlers.stripe.inbox import StripeInbox
from handlers.stripe.translate import facts_of

__all__ = ["StripeInbox", "facts_of"]
