"""`python -P benchmarks/dj_stripe.py DATABASE_URL SECRET FILE`: how many webhooks a second dj-stripe's own view takes
in and makes rows of, in one process, without HTTP in front of it. It fetches each object anew from Stripe; here the
answer comes out of this process, at once. FILE has a JSON array of body and signature a line; the first tenth is not
counted. Prints events a second and calls to Stripe an event as a JSON array.

Imports nothing of makegood: it runs in an environment that has dj-stripe and psycopg."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LEFT_OUT = ("invoice", "payment_intent", "payment_method", "balance_transaction")  # kindly: each would be fetched too


def main() -> None:
    url, secret, file = sys.argv[1:]
    told = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    _django(url)
    import stripe
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    objects = {
        event["data"]["object"]["id"]: event["data"]["object"] for event in (json.loads(body) for body, _ in told)
    }

    class AtOnce(stripe.HTTPClient):
        """Stripe's answers: the charges of the events, and of all else the least that is an object."""

        name = "at once"
        calls = 0

        def request(self, _method: str, address: str, *_: Any) -> tuple[str, int, dict[str, str]]:  # noqa: ANN401 - Stripe's
            self.calls += 1
            return json.dumps(_answer(urlsplit(address).path, objects)), 200, {"Request-Id": "req_1"}

    client = stripe.default_http_client = AtOnce()
    endpoint = _endpoint(secret)
    first = len(told) // 10
    _post(told[:first], endpoint)
    client.calls, begun = 0, time.perf_counter()
    _post(told[first:], endpoint)
    took, count = time.perf_counter() - begun, len(told) - first
    from djstripe.models import Charge

    if Charge.objects.count() != len(told):
        raise SystemExit(f"{Charge.objects.count()} charges of {len(told)} events")
    sys.stdout.write(json.dumps([count / took, client.calls / count]) + "\n")


def _django(url: str) -> None:
    import django
    from django.conf import settings

    at = urlsplit(url)
    settings.configure(
        SECRET_KEY="nobody's",  # noqa: S106 - as it says
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": at.path.strip("/"),
                "USER": at.username,
                "HOST": at.hostname,
                "PORT": at.port,
                "CONN_MAX_AGE": None,
            }
        },
        USE_TZ=True,
        ALLOWED_HOSTS=["*"],
        STRIPE_LIVE_MODE=False,
        STRIPE_TEST_SECRET_KEY="sk_test_" + "0" * 24,
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        LOGGING_CONFIG=None,
    )
    django.setup()


def _endpoint(secret: str) -> str:
    from djstripe.models import WebhookEndpoint

    made = WebhookEndpoint.objects.create(
        id="we_1",
        djstripe_tolerance=3600,
        secret=secret,
        livemode=False,
        enabled_events=["*"],
        url="",
        status="enabled",
    )
    return str(made.djstripe_uuid)


def _post(told: list[tuple[str, str]], endpoint: str) -> None:
    from django.test import RequestFactory
    from djstripe.views import ProcessWebhookView

    view, factory = ProcessWebhookView.as_view(), RequestFactory()
    for body, signature in told:
        request = factory.post("/", body, content_type="application/json", headers={"Stripe-Signature": signature})
        answer = view(request, uuid=endpoint)
        if answer.status_code != 200:
            raise SystemExit(f"answered {answer.status_code}")


def _answer(path: str, objects: dict[str, Any]) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    if name in objects:
        return {**objects[name], **dict.fromkeys(LEFT_OUT)}
    if name == "account":
        return {"id": "acct_1", "object": "account", "livemode": False, "created": 1, "email": None}
    kind = path.split("/")[2].removesuffix("s")
    return {
        "id": name,
        "object": kind,
        "livemode": False,
        "created": 1,
        "metadata": {},
        "amount": 9900,
        "currency": "usd",
    }


if __name__ == "__main__":
    main()
