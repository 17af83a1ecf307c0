"""Stripe: webhooks in as facts, refunds, credits and cancellations out.

`StripeGateway` is imported from `handlers.stripe.gateway`, where it is needed: the SDK behind it takes most of a second
to load, and a receiver does without.
"""

from handlers.stripe.inbox import StripeInbox
from handlers.stripe.translate import facts_of

__all__ = ["StripeInbox", "facts_of"]
