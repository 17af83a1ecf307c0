"""PayPal: webhooks in as facts, refunds and cancellations out.

`PayPalGateway` is imported from `handlers.paypal.gateway`, where it is needed: a receiver does without its SDK.
"""

from handlers.paypal.certificates import LIVE_HOSTS, SANDBOX_HOSTS, Roots
from handlers.paypal.inbox import PayPalInbox
from handlers.paypal.translate import facts_of

__all__ = ["LIVE_HOSTS", "SANDBOX_HOSTS", "PayPalInbox", "Roots", "facts_of"]
