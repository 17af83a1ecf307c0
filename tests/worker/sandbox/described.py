"""Answers held against the providers' own descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator

Json = dict[str, Any]
STRIPE = "stripe-openapi-2026-05-27.dahlia"
PAYPAL = ("payments_payment_v1", "payments_payment_v2", "customer_disputes_v1", "billing_subscriptions_v1",
          "reporting_transactions_v1")  # fmt: skip


class Described:
    """Every answer that a provider's files describe, by method, path and status."""

    def __init__(self, *files: Path) -> None:
        self._paths: dict[str, tuple[Json, Json]] = {}
        for file in files:
            spec = json.loads(file.read_bytes())
            components = {"schemas": _nullable(spec["components"]["schemas"])}
            for template, methods in spec["paths"].items():
                self._paths[template] = (methods, components)

    def problems(self, method: str, path: str, status: int, body: bytes) -> list[str]:
        """What is not as described. Raises LookupError for what the description does not know at all."""
        methods, components = self._found(path, method.lower())
        answers = methods[method.lower()]["responses"]
        answer = answers.get(str(status)) or answers["default"]
        if not answer.get("content"):
            return [] if status == 204 or status >= 400 else ["nothing is described"]
        schema = {**_nullable(answer["content"]["application/json"]["schema"]), "components": components}
        told = json.loads(body)
        return [f"{list(e.absolute_path)}: {e.message[:200]}" for e in OAS30Validator(schema).iter_errors(told)]

    def _found(self, path: str, method: str) -> tuple[Json, Json]:
        parts = path.split("/")
        for template, (methods, components) in self._paths.items():
            pattern = template.split("/")
            fits = len(pattern) == len(parts) and all(
                step == part or step.startswith("{") for step, part in zip(pattern, parts, strict=True)
            )
            if fits and method in methods:
                return methods, components
        raise LookupError(f"{method} {path}")


def stripe(shared: Path) -> Described:
    return Described(shared / "specs" / f"{STRIPE}.json")


def paypal(shared: Path) -> Described:
    return Described(*(shared / "specs" / "paypal" / f"{name}.json" for name in PAYPAL))


def _nullable(node: Any) -> Any:  # noqa: ANN401 - JSON is of any type
    """OpenAPI 3.0's `nullable` counts beside `anyOf`, `enum` and `$ref` too, which the validator does not know."""
    if isinstance(node, list):
        return [_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {name: _nullable(each) for name, each in node.items()}
    if inner.get("nullable") is True and {"anyOf", "oneOf", "allOf", "enum", "$ref"} & set(inner):
        del inner["nullable"]
        return {"anyOf": [inner, {"type": "string", "nullable": True, "maxLength": 0, "pattern": "^never$"}]}
    return inner
