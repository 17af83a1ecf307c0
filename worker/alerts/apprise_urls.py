"""Every other place that `apprise` knows by an address. An extra: `pip install makegood[apprise]`."""

from __future__ import annotations

import logging
from importlib import import_module, util

from config.settings import SettingsError
from worker.alerts.addresses import AppriseAddress
from worker.alerts.channel import ChannelError
from worker.alerts.message import Message
from worker.alerts.words import plain


class AppriseChannel:
    """One apprise address."""

    def __init__(self, address: AppriseAddress) -> None:
        if util.find_spec("apprise") is None:
            raise SettingsError("MAKEGOOD_ALERT_URLS: this kind of address needs `pip install makegood[apprise]`")
        self.name = address.name
        apprise = import_module("apprise")
        # Its debug lines repeat addresses, which are secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        self._apprise = apprise.Apprise()
        if not self._apprise.add(address.url):
            raise SettingsError("MAKEGOOD_ALERT_URLS is malformed: apprise does not know one of its addresses")

    def send(self, told: Message) -> None:
        kind = "failure" if told.urgent else "info"
        if not self._apprise.notify(body=plain(told), title=told.title, notify_type=kind, body_format="text"):
            raise ChannelError("not taken")
