"""Where certificates may come from, and how often they are fetched."""

from __future__ import annotations

import threading
import time

import pytest

from handlers.inbox import CertificateUnavailable, ForgedDelivery
from handlers.paypal.certificate_cache import ENTRIES_MAX, FAILURE_KEPT_S, KEPT_S, CertificateCache
from handlers.paypal.certificates import LIVE_HOSTS, LIVE_NAME, SANDBOX_HOSTS, SANDBOX_NAME, allowed_address
from handlers.paypal.fetching import HttpFetch
from tests.answering import Answered, Asked, serving
from tests.handlers.paypal.authority import CERT_URL, Authority, rsa_key

PATH = "/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
PEM = Authority().certificate(rsa_key("signer"))


@pytest.mark.parametrize("host", sorted(LIVE_HOSTS | SANDBOX_HOSTS))
def test_paypals_own_addresses_are_allowed(host: str) -> None:
    address = allowed_address(f"https://{host}{PATH}", LIVE_HOSTS | SANDBOX_HOSTS)
    assert address.live is (host in LIVE_HOSTS)
    assert address.names == ((LIVE_NAME,) if address.live else (SANDBOX_NAME,))


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"http://api.paypal.com{PATH}",
        f"https://api.sandbox.paypal.com{PATH}",  # not in the list of a live merchant
        f"https://api.paypal.com.evil.example{PATH}",
        f"https://evil-api.paypal.com{PATH}",
        f"https://www.paypal.com{PATH}",
        f"https://paypal.com{PATH}",
        f"https://API.paypal.com{PATH}",
        f"https://api.paypal.com.{PATH}",
        f"https://api.paypal.com:443{PATH}",
        f"https://api.paypal.com:8443{PATH}",
        f"https://api.paypal.com@evil.example{PATH}",
        f"https://user:pass@api.paypal.com{PATH}",
        f"https://evil.example#@api.paypal.com{PATH}",
        f"https://evil.example\\@api.paypal.com{PATH}",
        f"https://evil.example/https://api.paypal.com{PATH}",
        f"https://api.paypal.com{PATH}?next=http://evil.example",
        f"https://api.paypal.com{PATH}#fragment",
        f"https://api.paypal.com{PATH};x",
        f"https://api.paypal.com{PATH}/../../../../evil",
        f"https://api.paypal.com{PATH}%2f..%2fevil",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs/../webhooks",
        "https://api.paypal.com/v1/notifications/certs/..",
        "https://api.paypal.com/v1/oauth2/token",
        f"https://api.paypal.com/{PATH}",
        f"https:/api.paypal.com{PATH}",
        f"//api.paypal.com{PATH}",
        f"ftp://api.paypal.com{PATH}",
        "file:///etc/passwd",
        f" https://api.paypal.com{PATH}",
        f"https://api.paypal.com{PATH}\n",
        f"https://api.paypal.com{PATH}\r\nHost: evil.example",
        f"https://api\u3002paypal.com{PATH}",
        f"https://127.0.0.1{PATH}",
        f"http://127.0.0.1{PATH}",
        f"http://localhost:80{PATH}",
        f"http://169.254.169.254{PATH}",
        f"https://[::1]{PATH}",
        f"https://2130706433{PATH}",
        f"https://api.paypal.com/v1/notifications/certs/{'A' * 129}",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ForgedDelivery):
        allowed_address(url, LIVE_HOSTS)


@pytest.mark.parametrize(
    ("hosts", "allowed"),
    [
        ({"127.0.0.1"}, True),
        ({"127.0.0.1:8420"}, True),
        ({"127.0.0.1:8421"}, False),
        ({"localhost"}, False),
        (LIVE_HOSTS, False),
    ],
)
def test_plain_http_is_for_a_sandbox_on_loopback_that_the_list_names(hosts: set[str], allowed: bool) -> None:
    url = f"http://127.0.0.1:8420{PATH}"
    if not allowed:
        with pytest.raises(ForgedDelivery):
            allowed_address(url, hosts)
        return
    address = allowed_address(url, hosts)
    assert address.live is None
    assert address.names == (LIVE_NAME, SANDBOX_NAME)


def test_plain_http_stays_on_loopback_even_if_the_list_names_another_host() -> None:
    for host in ("10.0.0.1", "api.paypal.com", "sandbox.example"):
        with pytest.raises(ForgedDelivery):
            allowed_address(f"http://{host}{PATH}", {host})


class Shop:
    """Counts how often a certificate is fetched, and is shut when told to be."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.shut: Exception | None = None
        self.now_s = 1000.0

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        time.sleep(0.02)
        if self.shut:
            raise self.shut
        return PEM

    def cache(self) -> CertificateCache:
        return CertificateCache(self.fetch, lambda: self.now_s)


def test_a_certificate_is_fetched_once_however_many_deliveries_wait_for_it() -> None:
    shop = Shop()
    cache = shop.cache()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(cache.chain(CERT_URL))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert shop.asked == [CERT_URL]


def test_a_certificate_is_fetched_again_after_a_day() -> None:
    shop = Shop()
    cache = shop.cache()
    cache.chain(CERT_URL)
    shop.now_s += KEPT_S - 1
    cache.chain(CERT_URL)
    assert len(shop.asked) == 1
    shop.now_s += 2
    cache.chain(CERT_URL)
    assert len(shop.asked) == 2


@pytest.mark.parametrize("failure", [CertificateUnavailable("slow"), ForgedDelivery("404")])
def test_a_failure_is_remembered_for_a_minute(failure: Exception) -> None:
    shop = Shop()
    cache = shop.cache()
    shop.shut = failure
    for _ in range(3):
        with pytest.raises(type(failure), match=str(failure)):
            cache.chain(CERT_URL)
    assert len(shop.asked) == 1
    shop.shut = None
    shop.now_s += FAILURE_KEPT_S + 1
    assert cache.chain(CERT_URL)


def test_yesterdays_certificate_serves_while_paypal_cannot_be_reached() -> None:
    shop = Shop()
    cache = shop.cache()
    found = cache.chain(CERT_URL)
    shop.now_s += KEPT_S + 1
    shop.shut = CertificateUnavailable("no network")
    assert cache.chain(CERT_URL) == found
    assert cache.chain(CERT_URL) == found
    assert len(shop.asked) == 2
    shop.now_s += FAILURE_KEPT_S + 1
    shop.shut = ForgedDelivery("withdrawn")
    with pytest.raises(ForgedDelivery):
        cache.chain(CERT_URL)


def test_invented_addresses_do_not_push_out_the_certificate_in_use() -> None:
    shop = Shop()
    cache = shop.cache()
    cache.chain(CERT_URL)
    shop.shut = ForgedDelivery("404")
    for number in range(ENTRIES_MAX + 5):
        with pytest.raises(ForgedDelivery):
            cache.chain(f"{CERT_URL}-{number}")
    asked = len(shop.asked)
    cache.chain(CERT_URL)
    assert len(shop.asked) == asked


def test_what_is_no_certificate_is_not_asked_for_again_at_once() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return b"<html>"

    cache = CertificateCache(fetch)
    for _ in range(2):
        with pytest.raises(ForgedDelivery):
            cache.chain(CERT_URL)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answered", "raised"),
    [
        pytest.param(Answered(302, headers={"Location": "/elsewhere"}), CertificateUnavailable, id="redirect"),
        pytest.param(Answered(500), CertificateUnavailable, id="error"),
        pytest.param(Answered(429), CertificateUnavailable, id="too often"),
        pytest.param(Answered(404), ForgedDelivery, id="unknown"),
        pytest.param(Answered(410), ForgedDelivery, id="withdrawn"),
        pytest.param(Answered(200, b"A" * 70_000), ForgedDelivery, id="oversize"),
        pytest.param(Answered(200, wait_s=60), CertificateUnavailable, id="silent"),
        pytest.param(Answered(200, b"A" * 1000, drip_s=0.3), CertificateUnavailable, id="drop by drop"),
        pytest.param(Answered(hang_up=True), CertificateUnavailable, id="hangs up"),
        pytest.param(Answered(200, b"", {"Content-Length": "9"}), CertificateUnavailable, id="ends too early"),
    ],
)
def test_a_fetch_is_short_and_straight(answered: Answered, raised: type[Exception]) -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answered:
        asked.append(request)
        return answered

    # Short only for what never comes: a busy machine is no time-out.
    timeout_s = 0.5 if answered.wait_s or answered.drip_s else 20.0
    began = time.monotonic()
    with serving(answer) as base, pytest.raises(raised):
        HttpFetch(timeout_s)(base + PATH)
    assert time.monotonic() - began < 20
    assert [request.path for request in asked] == [PATH]


def test_a_fetch_takes_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answered:
        asked.append(request)
        return Answered(200, PEM, {"Content-Encoding": "gzip"})  # said, not so: what was not asked for is not unpacked

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with serving(answer) as base:
        assert HttpFetch()(base + PATH) == PEM
    assert "cookie" not in asked[0].headers
    assert asked[0].headers["accept-encoding"] == "identity"


def test_a_host_that_is_not_there_is_unavailable() -> None:
    with serving(lambda _request: Answered()) as base:
        gone = base
    with pytest.raises(CertificateUnavailable):
        HttpFetch()(gone + PATH)
