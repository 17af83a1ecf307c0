"""The providers' senders: they sign each delivery and post it over real HTTP, many at once, and try again on a 503."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from worker.sandbox.deliveries import Delivery
from worker.sandbox.signing import PayPalSigner, stripe_headers

SENDERS = 32  # as many as a provider's burst: deliveries that arrive together share a commit
TRIES = 6
TRY_AGAIN_S = 0.2


@dataclass(frozen=True)
class Sender:
    """Posts to the receiver at `base` with genuine keys, and with a stranger's where a delivery is forged."""

    base: str
    stripe_secret: str
    paypal: PayPalSigner
    paypal_stranger: PayPalSigner
    cert_url: str
    now: Callable[[], datetime]

    def headers(self, delivery: Delivery) -> dict[str, str]:
        if delivery.provider == "stripe":
            secret = self.stripe_secret[::-1] if delivery.forged else self.stripe_secret
            return stripe_headers(delivery.body, secret, self.now())
        signer = self.paypal_stranger if delivery.forged else self.paypal
        return signer.headers(delivery.body, delivery.transmission, self.now(), self.cert_url)

    def post(self, deliveries: Sequence[Delivery], progress: Callable[[int], None]) -> Counter[tuple[bool, int]]:
        """Send all; how many of the forged and of the genuine got which status."""
        waiting = iter(deliveries)
        turn = threading.Lock()
        answers: Counter[tuple[bool, int]] = Counter()

        def next_one() -> Delivery | None:
            with turn:
                return next(waiting, None)

        def work() -> Counter[tuple[bool, int]]:
            own: Counter[tuple[bool, int]] = Counter()
            for delivery, status in self._sent(next_one):
                own[delivery.forged, status] += 1
                progress(1)
            return own

        with ThreadPoolExecutor(SENDERS) as pool:
            for counted in [pool.submit(work) for _ in range(SENDERS)]:
                answers.update(counted.result())
        return answers

    def _sent(self, next_one: Callable[[], Delivery | None]) -> Iterator[tuple[Delivery, int]]:
        """One connection's worth of sending."""
        address = urlsplit(self.base)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            while (delivery := next_one()) is not None:
                yield delivery, self._status(connection, delivery)
        finally:
            connection.close()

    def _status(self, connection: http.client.HTTPConnection, delivery: Delivery) -> int:
        status = 503
        for _ in range(TRIES):
            try:
                connection.request("POST", f"/webhooks/{delivery.provider}", delivery.body, self.headers(delivery))
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (http.client.HTTPException, OSError):
                connection.close()
            if status != 503:
                break
            time.sleep(TRY_AGAIN_S)
        return status
