"""Fetching a signing certificate over real HTTP, from an address that somebody else named."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import requests
from urllib3.exceptions import HTTPError

from handlers.inbox import CertificateUnavailable, ForgedDelivery

BYTES_MAX = 64 * 1024
TIMEOUT_S = 3.0


class Fetch(Protocol):
    """Brings what lies at an address that was allowed.

    Raises CertificateUnavailable where asking again may help and ForgedDelivery where there is no certificate.
    """

    def __call__(self, url: str, /) -> bytes: ...


class HttpFetch:
    """The real one: no redirects, no proxies, no credentials from the environment, little time, few bytes."""

    def __init__(
        self,
        timeout_s: float = TIMEOUT_S,
        bytes_max: int = BYTES_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_s = timeout_s
        self._bytes_max = bytes_max
        self._monotonic = monotonic

    def __call__(self, url: str) -> bytes:
        try:
            with requests.Session() as session:
                session.trust_env = False
                return self._get(session, url)
        except (requests.RequestException, HTTPError, OSError):
            raise CertificateUnavailable("the signing certificate cannot be fetched") from None

    def _get(self, session: requests.Session, url: str) -> bytes:
        deadline = self._monotonic() + self._timeout_s
        # Undecoded, so that nothing small unpacks into something large.
        headers = {"Accept-Encoding": "identity"}
        with session.get(url, headers=headers, timeout=self._timeout_s, allow_redirects=False, stream=True) as response:
            if response.status_code in {404, 410}:
                raise ForgedDelivery("there is no such signing certificate")
            if response.status_code != 200:
                raise CertificateUnavailable(f"asked for the signing certificate, got {response.status_code}")
            return self._read(response, deadline)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        content = b""
        # `read1` gives what there is: a server that sends a byte now and then cannot outlast the deadline.
        while piece := response.raw.read1(8192, decode_content=False):
            content += piece
            if len(content) > self._bytes_max:
                raise ForgedDelivery("the signing certificate is too large")
            if self._monotonic() > deadline:
                raise CertificateUnavailable("the signing certificate comes too slowly")
        return content
