"""PayPal's incoming side: a delivery is authentic, then it is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from handlers.inbox import Envelope, Translation
from handlers.paypal.certificate_cache import CertificateCache
from handlers.paypal.certificates import LIVE_HOSTS, Roots, allowed_address
from handlers.paypal.envelope import read_envelope
from handlers.paypal.fetching import Fetch, HttpFetch
from handlers.paypal.signature import SIMULATOR, check_age, check_signature, read_transmission
from handlers.paypal.translate import translate
from handlers.strict_json import parse

# PayPal tries for three days, and signs each attempt with its own time.
AGE_MAX = timedelta(days=4)
AHEAD_MAX = timedelta(minutes=5)


class PayPalInbox:
    """Implements `handlers.inbox.Inbox` for the webhooks with these ids.

    Several ids serve the change from one webhook to the next. PayPal's simulator signs for the id `WEBHOOK_ID`: name
    it only where simulated events are wanted.
    """

    name = "paypal"

    def __init__(
        self,
        webhook_ids: Iterable[str],
        cert_hosts: Iterable[str] = LIVE_HOSTS,
        roots: Roots | None = None,
        *,
        fetch: Fetch | None = None,
        age_max: timedelta = AGE_MAX,
        ahead_max: timedelta = AHEAD_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._webhook_ids = tuple(webhook_ids)
        if not self._webhook_ids or not all(self._webhook_ids):
            raise ValueError("the id of PayPal's webhook is needed to check what it signs")
        self._cert_hosts = frozenset(cert_hosts)
        self._roots = roots or Roots.default()
        self._certificates = CertificateCache(fetch or HttpFetch(), monotonic)
        self._age_max = age_max
        self._ahead_max = ahead_max

    def authenticate(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Envelope:
        """Check the signature over the raw bytes, then read the envelope. `headers` has lower-case names.

        Raises ForgedDelivery, MalformedDelivery or CertificateUnavailable, and nothing else, for any bytes.
        """
        transmission = read_transmission(headers)
        check_age(transmission, now, self._age_max, self._ahead_max)
        address = allowed_address(transmission.cert_url, self._cert_hosts)
        chain = self._certificates.chain(address.url)
        # The chain is judged at the time of sending: a delivery that was late over the turn of certificates is genuine.
        key = self._roots.signing_key(chain, address.names, transmission.sent_at)
        webhook_id = check_signature(transmission, body, self._webhook_ids, key)
        envelope = read_envelope(parse(body), transmission.id, transmission.sent_at)
        if webhook_id == SIMULATOR:
            return replace(envelope, live=False)
        return envelope if address.live is None else replace(envelope, live=address.live)

    def envelope(self, body: bytes) -> Envelope:
        """Read the envelope of an event from a trusted export (no signature). Raises MalformedDelivery."""
        return read_envelope(parse(body))

    def translate(self, body: bytes) -> Translation:
        """The facts of one event body. Raises MalformedDelivery with the place where it cannot be understood."""
        return translate(parse(body))
