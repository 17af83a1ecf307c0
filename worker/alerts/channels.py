"""The channels that the settings name."""

from __future__ import annotations

from config.settings import Settings
from worker.alerts.addresses import Address, MailAddress, SlackAddress, parse
from worker.alerts.channel import Channel


def names(settings: Settings) -> tuple[str, ...]:
    """What the channels are called in the outbox. Raises SettingsError where an address is malformed."""
    return tuple(address.name for address in _addresses(settings))


def build(settings: Settings) -> dict[str, Channel]:
    """The channels by name. Each one's library is loaded only where it is used."""
    return {address.name: _channel(address, settings) for address in _addresses(settings)}


def _addresses(settings: Settings) -> tuple[Address, ...]:
    return parse(secret.get_secret_value() for secret in settings.alert_urls)


def _channel(address: Address, settings: Settings) -> Channel:
    if isinstance(address, SlackAddress):
        from worker.alerts.slack import SlackChannel

        return SlackChannel(address)
    if isinstance(address, MailAddress):
        from worker.alerts.mail import MailChannel

        return MailChannel(address, attach=settings.mail_report)
    from worker.alerts.apprise_urls import AppriseChannel

    return AppriseChannel(address)
