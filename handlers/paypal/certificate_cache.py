"""Certificates by address: fetched once, kept for a while, and a failure remembered for a short while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from handlers.inbox import CertificateUnavailable, ForgedDelivery
from handlers.paypal.certificates import read_chain
from handlers.paypal.fetching import Fetch

KEPT_S = 24 * 3600.0  # PayPal's own Cache-Control
FAILURE_KEPT_S = 60.0
WAIT_S = 5.0
ENTRIES_MAX = 64

Chain = list[x509.Certificate]


@dataclass(frozen=True, slots=True)
class _Kept:
    found: Chain | CertificateUnavailable | ForgedDelivery
    until: float


class CertificateCache:
    """Addresses must have been allowed before they are asked for here.

    Found chains and failures are kept apart: a flood of invented addresses cannot push out the certificate in use. One
    thread fetches at a time, the others wait a little: such a flood cannot open many connections either.
    """

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._fetching = threading.Lock()
        self._guard = threading.Lock()
        self._chains: OrderedDict[str, _Kept] = OrderedDict()
        self._failures: OrderedDict[str, _Kept] = OrderedDict()

    def chain(self, url: str) -> Chain:
        """The certificates at `url`. Raises what fetching or reading them raised, now or a short while ago."""
        kept = self._fresh(url)
        if kept is None:
            if not self._fetching.acquire(timeout=WAIT_S):
                raise CertificateUnavailable("too many signing certificates are being fetched")
            try:
                kept = self._fresh(url) or self._fetched(url)
            finally:
                self._fetching.release()
        if isinstance(kept.found, Exception):
            # A new one each time: a raised exception carries the trace of its raiser.
            raise type(kept.found)(*kept.found.args)
        return kept.found

    def _fresh(self, url: str) -> _Kept | None:
        with self._guard:
            kept = self._chains.get(url)
            if kept is None or kept.until <= self._monotonic():
                kept = self._failures.get(url)
            return kept if kept and kept.until > self._monotonic() else None

    def _fetched(self, url: str) -> _Kept:
        try:
            found = read_chain(self._fetch(url))
        except (CertificateUnavailable, ForgedDelivery) as error:
            return self._failed(url, error)
        kept = _Kept(found, self._monotonic() + KEPT_S)
        self._keep(self._chains, url, kept)
        return kept

    def _failed(self, url: str, error: CertificateUnavailable | ForgedDelivery) -> _Kept:
        failure = _Kept(error, self._monotonic() + FAILURE_KEPT_S)
        with self._guard:
            known = self._chains.get(url)
        if known and isinstance(error, CertificateUnavailable):
            # An address never changes its certificate; that PayPal is slow today does not make yesterday's false.
            failure = _Kept(known.found, failure.until)
        self._keep(self._failures, url, failure)
        return failure

    def _keep(self, shelf: OrderedDict[str, _Kept], url: str, kept: _Kept) -> None:
        with self._guard:
            shelf[url] = kept
            shelf.move_to_end(url)
            while len(shelf) > ENTRIES_MAX:
                shelf.popitem(last=False)
