"""The outgoing sides of the providers, put together from the settings. In shadow mode there are none: what does not
exist cannot send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from config.settings import Settings, SettingsError, missing
from handlers.gateway import Gateway, Looked


@runtime_checkable
class FindsCredits(Protocol):
    """A gateway whose provider keeps a balance for its customers."""

    def find_credit(self, customer: str, remedy: str) -> Looked: ...


@runtime_checkable
class ReadsRefunds(Protocol):
    """A gateway whose provider does not list a charge's refunds, and shows each by its id."""

    def look_at_refund(self, refund: str, api: str) -> Looked: ...


@contextmanager
def gateways(settings: Settings) -> Iterator[Mapping[str, Gateway]]:
    """A gateway for each provider that has credentials; none in shadow mode."""
    made: dict[str, Gateway] = {}
    closing: list[Callable[[], None]] = []
    if settings.mode == "live":
        if settings.stripe_api_key is not None:
            from handlers.stripe.gateway import StripeGateway

            stripe = StripeGateway(
                settings.require_stripe_api_key(), settings.stripe_api_base, settings.request_timeout_seconds
            )
            made[stripe.name], closing = stripe, [*closing, stripe.close]
        if settings.paypal_client_id is not None and settings.paypal_client_secret is not None:
            from handlers.paypal.gateway import PayPalGateway

            paypal = PayPalGateway(
                *settings.require_paypal_credentials(), settings.paypal_api_base, settings.request_timeout_seconds
            )
            made[paypal.name], closing = paypal, [*closing, paypal.close]
    try:
        yield made
    finally:
        for close in closing:
            close()


def without(provider: str) -> SettingsError:
    """What a command says that cannot do without a provider's key."""
    return missing("stripe_api_key" if provider == "stripe" else "paypal_client_id")


def key_is_live(settings: Settings, provider: str) -> bool | None:
    """The mode of a provider's key."""
    return settings.stripe_live if provider == "stripe" else settings.paypal_live
