"""Whatever the bank answers, success or refusal, is an answer that the provider's own description allows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.worker.conftest import Clock
from tests.worker.sandbox import described
from tests.worker.sandbox.described import Described
from worker.sandbox.bank.bank import PAYPAL_CLIENT, PAYPAL_SECRET, STRIPE_KEY, Bank, open_bank
from worker.sandbox.bank.book import Taken
from worker.sandbox.bank.faults import Fault
from worker.sandbox.bank.loading import load
from worker.sandbox.bank.wire import Answered, Asked
from worker.sandbox.stories import World, world

Ask = Callable[..., Answered]
FAULTS = (Fault.RATE_LIMITED, Fault.BUSY, Fault.UNAVAILABLE, Fault.FORBIDDEN, Fault.BROKEN_BEFORE, Fault.NO_FUNDS)


@pytest.fixture(scope="module")
def merchant() -> World:
    return world(60, 6, 3)


@pytest.fixture
def bank(clock: Clock, merchant: World) -> Iterator[Bank]:
    clock.now = merchant.end
    with open_bank(clock, seed=2) as opened:
        load(opened.book, merchant)
        for n in range(3):
            at = clock() - timedelta(days=20 + n)
            opened.book.take(Taken(f"3CAP{n}", "paypal", "capture", 9900, "USD", at, order=f"5ORDER{n}", named="M-1"))
        yield opened


@pytest.fixture(scope="session")
def stripe_description(shared_dir: Path) -> Described:
    return described.stripe(shared_dir)


@pytest.fixture(scope="session")
def paypal_description(shared_dir: Path) -> Described:
    return described.paypal(shared_dir)


def asking(side: Callable[[Asked], Answered], description: Described, headers: dict[str, str], *not_there: str) -> Ask:
    """Asks, and holds the answer against the description; paths under `not_there` have none."""

    def ask(method: str, url: str, body: Any = None, **more: str) -> Answered:  # noqa: ANN401 - JSON or a form
        parts = urlsplit(url)
        sent = b"" if body is None else (urlencode(body) if "form" in more else json.dumps(body)).encode()
        named = {**headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        answer = side(Asked(method, parts.path, tuple(parse_qsl(parts.query)), named, sent))
        if not parts.path.startswith(not_there or ("nowhere",)):
            found = description.problems(method, parts.path, answer.status, answer.body)
            assert [problem for problem in found if not _known(problem)] == [], (
                method,
                url,
                answer.status,
                answer.body[:600],
            )
        return answer

    return ask


def _known(problem: str) -> bool:
    """Where a description is narrower than its provider (ids of subscriptions have a hyphen; a reused request id has
    an issue, which only the guide to idempotency names) or than the made-up merchant's ids of payers."""
    narrow = ("'paypal_reference_id']: 'I-", "PAYPAL_REQUEST_ID_PREVIOUSLY_USED", "'payer_id']: '")
    return any(words in problem for words in narrow)


@pytest.fixture
def ask_stripe(bank: Bank, stripe_description: Described) -> Ask:
    return asking(bank.stripe, stripe_description, {"authorization": f"Bearer {STRIPE_KEY}"})


@pytest.fixture
def ask_paypal(bank: Bank, paypal_description: Described) -> Ask:
    import base64

    basic = base64.b64encode(f"{PAYPAL_CLIENT}:{PAYPAL_SECRET}".encode()).decode()
    told = bank.paypal(Asked("POST", "/v1/oauth2/token", (), {"authorization": f"Basic {basic}"}, b""))
    token = json.loads(told.body)["access_token"]
    # Of orders and of agreements of API v1 we have no description.
    none = ("/v2/checkout", "/v1/payments/billing-agreements")
    return asking(bank.paypal, paypal_description, {"authorization": f"Bearer {token}"}, *none)


def of(bank: Bank, kind: str) -> list[str]:
    return [one.id for one in bank.book.charges.values() if one.kind == kind and one.captured]


def test_stripes_lists_and_objects(ask_stripe: Ask, bank: Bank) -> None:
    for name in ("charges", "refunds", "disputes", "invoices", "subscriptions"):
        more = {"invoices": "&expand[0]=data.payments", "subscriptions": "&status=all"}.get(name, "")
        seen: list[str] = []
        after, goes_on = "", True
        while goes_on:
            page = json.loads(ask_stripe("GET", f"/v1/{name}?limit=40{more}{after}").body)
            seen += [item["id"] for item in page["data"]]
            after, goes_on = f"&starting_after={seen[-1]}", page["has_more"]
        assert len(seen) == len(set(seen)) > 0, name
        if name != "invoices":
            assert ask_stripe("GET", f"/v1/{name}/{seen[-1]}").status == 200
            assert ask_stripe("GET", f"/v1/{name}/nobody").status == 404
    charges = sum(one.provider == "stripe" for one in bank.book.charges.values())
    listed = json.loads(ask_stripe("GET", "/v1/charges?limit=100").body)
    assert len(listed["data"]) == min(100, charges)


def test_stripes_answers_to_calls_that_move_money(ask_stripe: Ask, bank: Bank) -> None:
    first, second, third = of(bank, "charge")[:3]
    refund = {"charge": first, "amount": 100, "reason": "duplicate", "metadata[makegood_remedy]": "r"}
    for status, body in (
        (200, refund), (400, {**refund, "amount": 10**9}), (400, {**refund, "amount": "1.5"}), (400, {"amount": 5}),
        (400, {**refund, "note": "x"}), (404, {**refund, "charge": "ch_0"}), (400, {**refund, "reason": "ours"}),
    ):  # fmt: skip
        assert ask_stripe("POST", "/v1/refunds", body, form="").status == status
    bank.book.give_back(bank.book.charges[second], bank.book.left(bank.book.charges[second]))
    bank.book.open_case(third)
    for charge in (second, third):
        answer = ask_stripe("POST", "/v1/refunds", {**refund, "charge": charge}, form="")
        assert answer.status == 400
    for fault in FAULTS:
        bank.faults.script(fault)
        ask_stripe("POST", "/v1/refunds", refund, form="")
    for fault in (Fault.PENDING, Fault.FAILS_LATER):
        bank.faults.script(fault)
        ask_stripe("POST", "/v1/refunds", {**refund, "amount": 1}, form="")
    for one in bank.book.refunds:
        bank.book.fail(one)
    ask_stripe("GET", f"/v1/refunds?charge={first}")
    customer = bank.book.charges[first].customer
    for amount in ("-500", "200"):
        path = f"/v1/customers/{customer}/balance_transactions"
        ask_stripe("POST", path, {"amount": amount, "currency": "usd"}, form="")
        ask_stripe("GET", path)
    bill = next(one for one in bank.book.invoices.values() if one["status"] == "paid" and one["amount_paid"] > 500)
    note = {"invoice": bill["id"], "amount": 300, "credit_amount": 300, "email_type": "none", "memo": "m"}
    note |= {"metadata[makegood_remedy]": "r"}
    whole = {"amount": bill["amount_paid"], "credit_amount": bill["amount_paid"]}
    for status, body in (
        (200, {**note, "reason": "duplicate"}), (400, {**note, **whole}),
        (400, {**note, "credit_amount": 1}), (400, {**note, "reason": "ours"}), (404, {**note, "invoice": "in_0"}),
        (400, {**note, "lines": "x"}), (400, {**note, "amount": 0, "credit_amount": 0}),
    ):  # fmt: skip
        assert ask_stripe("POST", "/v1/credit_notes", body, form="").status == status
    ask_stripe("GET", f"/v1/credit_notes?customer={bill['customer']}")
    ask_stripe("GET", f"/v1/customers/{bill['customer']}/balance_transactions")
    ended = [one.id for one in bank.book.agreements.values() if one.provider == "stripe"][:6]
    assert {ask_stripe("DELETE", f"/v1/subscriptions/{name}").status for name in ended} <= {200, 404}


def test_paypals_objects(ask_paypal: Ask, bank: Bank) -> None:
    reads = {"sale": "/v1/payments/sale/", "capture": "/v2/payments/captures/"}
    for one in [one for one in bank.book.charges.values() if one.provider == "paypal"][:80]:
        assert ask_paypal("GET", f"{reads[one.kind]}{one.id}").status == 200
        ask_paypal("GET", f"/v1/customer/disputes?disputed_transaction_id={one.id}&page_size=50")
    for name, agreement in bank.book.agreements.items():
        if (agreement.provider, agreement.version) == ("paypal", "v2"):
            ask_paypal("GET", f"/v1/billing/subscriptions/{name}")
            ask_paypal("POST", f"/v1/billing/subscriptions/{name}/cancel", {"reason": "x"})
            ask_paypal("GET", f"/v1/billing/subscriptions/{name}")
    for refund in bank.book.refunds.values():
        if refund.charge.kind == "sale":
            ask_paypal("GET", f"/v1/payments/refund/{refund.id}")
    for path in (*reads.values(), "/v1/payments/refund/", "/v2/payments/refunds/", "/v1/billing/subscriptions/"):
        assert ask_paypal("GET", f"{path}NOBODY").status == 404
    bank.book.open_case("3CAP0", inquiry=True)
    cases = json.loads(ask_paypal("GET", "/v1/customer/disputes?page_size=1").body)
    assert cases["items"]
    assert cases["links"][-1]["rel"] == "next"
    for case in bank.book.cases.values():
        if case.charge.provider == "paypal":
            assert ask_paypal("GET", f"/v1/customer/disputes/{case.id}").status == 200


def test_paypals_search(ask_paypal: Ask, bank: Bank, clock: Clock) -> None:
    since = clock() - timedelta(days=30)
    window = f"start_date={since:%Y-%m-%dT%H:%M:%SZ}&end_date={clock():%Y-%m-%dT%H:%M:%SZ}"
    first = json.loads(ask_paypal("GET", f"/v1/reporting/transactions?{window}&page_size=10&page=1").body)
    assert (len(first["transaction_details"]), first["total_pages"] > 1) == (10, True)
    bank.paypal.results_max = 5
    for query in (
        window,
        "start_date=2026-01-01",
        f"start_date=2020-01-01T00:00:00Z&end_date={clock():%Y-%m-%dT%H:%M:%SZ}",
    ):
        assert ask_paypal("GET", f"/v1/reporting/transactions?{query}").status == 400


@pytest.mark.parametrize("kind", ["sale", "capture"])
def test_paypals_answers_to_refunds(kind: str, ask_paypal: Ask, bank: Bank, clock: Clock) -> None:
    fresh = [one for one in reversed(of(bank, kind)) if bank.book.charges[one].at > clock() - timedelta(days=150)]
    first, second, third = (bank.book.charges[name] for name in fresh[:3])
    v2 = kind == "capture"
    names = ("value", "currency_code") if v2 else ("total", "currency")

    def post(charge: str, value: str, currency: str, key: str) -> int:
        path = f"/v2/payments/captures/{charge}/refund" if v2 else f"/v1/payments/sale/{charge}/refund"
        body = {"amount": {names[0]: value, names[1]: currency}, "custom_id" if v2 else "invoice_number": f"m-{key}"}
        return ask_paypal("POST", path, body, paypal_request_id=key).status

    currency = first.currency
    assert post(first.id, "10", currency, "a") == 201
    # v2's description has no answer for a repetition: the provider's guide to idempotency has, a 200.
    assert v2 or post(first.id, "10", currency, "a") == 200
    assert post(first.id, "11", currency, "a") in {400, 422}
    for wrong in ("9999999", "-1", "1.234"):
        assert post(first.id, wrong, currency, "b") in {400, 422}
    assert post(first.id, "10", "GBP", "c") in {400, 422}
    bank.book.give_back(second, bank.book.left(second))
    bank.book.open_case(third.id)
    assert {post(second.id, "1", second.currency, "d"), post(third.id, "1", third.currency, "e")} <= {400, 422}
    for fault in (*FAULTS, Fault.PENDING):
        bank.faults.script(fault)
        post(first.id, "1", currency, f"f-{fault}")
    clock.advance(timedelta(days=181))
    bank.paypal._tokens = dict.fromkeys(bank.paypal._tokens, clock() + timedelta(hours=1))
    assert post(first.id, "1", currency, "g") in {400, 422}
