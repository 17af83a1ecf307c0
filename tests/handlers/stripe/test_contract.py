"""Every request that we send is one that Stripe's own description allows."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from openapi_schema_validator import OAS30Validator

from handlers.gateway import CreditOrder, RefundOrder
from handlers.stripe.gateway import StripeGateway
from handlers.stripe.listing import Listed, StripeListing
from reconcile.money import Money
from tests.handlers.stripe.bodies import CREATED, at, refund
from tests.handlers.stripe.fake import KEY, Asked, World, said

Json = dict[str, Any]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="session")
def paths(shared_dir: Path) -> Json:
    spec: Json = json.loads((shared_dir / "specs" / "stripe-openapi-2026-05-27.dahlia.json").read_bytes())
    described: Json = spec["paths"]
    return described


def operation(paths: Json, asked: Asked) -> Json:
    parts = asked.path.split("/")
    for template, methods in paths.items():
        pattern = template.split("/")
        fits = len(pattern) == len(parts) and all(
            step == part or step.startswith("{") for step, part in zip(pattern, parts, strict=True)
        )
        if fits and asked.method.lower() in methods:
            found: Json = methods[asked.method.lower()]
            return found
    raise AssertionError(f"Stripe has no {asked.method} {asked.path}")


def nested(params: dict[str, str]) -> Json:
    tree: Json = {}
    for name, value in params.items():
        first, *inner = unquote(name).replace("]", "").split("[")
        holder = tree
        for step in [first, *inner][:-1]:
            holder = holder.setdefault(step, {})
        holder[[first, *inner][-1]] = value
    return tree


def typed(value: Any, schema: Json) -> Any:  # noqa: ANN401  JSON is of any type
    """The form's text as the type that the schema gives the field; left as text where it is not one."""
    if schema.get("type") == "integer" and value.removeprefix("-").isdigit():
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return {name: typed(inner, fields.get(name, {})) for name, inner in value.items()}
    return value


def violations(paths: Json, asked: Asked) -> list[str]:
    described = operation(paths, asked)
    if asked.method == "GET":
        known = {p["name"] for p in described["parameters"] if p["in"] == "query"}
        return sorted({name.partition("[")[0] for name in asked.params} - known)
    schema = described["requestBody"]["content"][FORM]["schema"]
    return [problem.message for problem in OAS30Validator(schema).iter_errors(typed(nested(asked.params), schema))]


def test_every_call_of_the_gateway_is_in_stripes_description(gateway: StripeGateway, world: World, paths: Json) -> None:
    world.page = 1
    world.refunds.extend([refund(id="re_8"), refund(id="re_9")])
    for duplicate in (True, False):
        gateway.refund(RefundOrder("ch_1", "charge", Money(100, "USD"), f"k{duplicate}", "remedy", duplicate))
    for key in ("k1", "k2"):
        gateway.credit(CreditOrder("cus_1", Money(100, "USD"), key, "remedy"))
    for duplicate in (True, False):
        gateway.credit(CreditOrder("cus_1", Money(100, "USD"), f"n{duplicate}", "remedy", "in_1", duplicate))
    gateway.find_credit("cus_1", "remedy")
    gateway.look("ch_1", "charge")
    gateway.cancel("sub_1", "k")
    gateway.cancel("sub_1", "k")
    seen = {(asked.method, asked.path) for asked in world.asked}
    assert len(seen) == 10
    assert [(asked, problems) for asked in world.asked if (problems := violations(paths, asked))] == []


def test_every_list_of_the_back_fill_is_in_stripes_description(world: World, paths: Json) -> None:
    listing = StripeListing(KEY, world.url, timeout_s=0.5)
    page = {"object": "list", "data": [{"id": "x_1", "object": "x"}], "has_more": True}
    for name in ("charges", "refunds", "disputes", "invoices", "subscriptions"):
        world.first.append(said(200, page))
        assert isinstance(listing.list_since(at(CREATED), at(CREATED + 9), f"{name}:x_0"), Listed)
    listing.close()
    assert len(world.asked) == 5
    assert [(asked, problems) for asked in world.asked if (problems := violations(paths, asked))] == []


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("POST", "/v1/refunds", {"charge": "ch_1", "amount": "100", "note": "unknown"}),
        ("POST", "/v1/refunds", {"charge": "ch_1", "amount": "1.00"}),
        ("POST", "/v1/refunds", {"charge": "ch_1", "amount": "100", "reason": "our_fault"}),
        ("POST", "/v1/refunds", {"charge": "ch_1", "metadata[a][b]": "x"}),
        ("POST", "/v1/customers/cus_1/balance_transactions", {"amount": "-100"}),
        ("POST", "/v1/credit_notes", {"invoice": "in_1", "amount": "100", "credit_amount": "1.00"}),
        ("POST", "/v1/credit_notes", {"invoice": "in_1", "amount": "100", "reason": "requested_by_customer"}),
        ("DELETE", "/v1/subscriptions/sub_1", {"invoice_now": "False"}),
        ("GET", "/v1/refunds", {"charge": "ch_1", "order": "asc"}),
    ],
)
def test_this_check_would_see_a_wrong_request(method: str, path: str, params: dict[str, str], paths: Json) -> None:
    assert violations(paths, Asked(method, path, params, {}))


def test_this_check_would_see_a_wrong_address(paths: Json) -> None:
    with pytest.raises(AssertionError, match="has no"):
        operation(paths, Asked("POST", "/v1/refund", {}, {}))
