"""The OpenAPI document: what the framework knows of the addresses, what is sent to them, and how each refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from worker.web.api.examples import EXAMPLES
from worker.web.api.problems import MEDIA_TYPE
from worker.web.api.shapes import SCHEMAS, Problem

_REFUSALS = {
    "400": "The body is no JSON object, or no event of the provider.",
    "401": "The token is missing, not known, expired or revoked.",
    "403": "The token lacks a scope.",
    "404": "There is no such thing.",
    "408": "The body did not come in time.",
    "409": "It is not in a state for this, or the same request is under way.",
    "412": "It was changed since it was read.",
    "413": "The body is larger than 1 MiB.",
    "415": "The body has another type, or an encoding.",
    "422": "A field or parameter cannot be taken; `field` names it.",
    "429": "Too many tokens that are none came from this address.",
    "503": "The database does not answer, or is busy; `Retry-After` says when to come again.",
}
_ALWAYS = ("401", "403", "422", "429", "503")
_OF_WRITES = ("400", "408", "409", "413", "415")


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=app.servers,
    )
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(_schema(Problem))
    document["components"]["responses"] = {
        status: {
            "description": said,
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"{SCHEMAS}Problem"}}},
            **({"headers": _RETRY} if status in {"429", "503"} else {}),
        }
        for status, said in _REFUSALS.items()
    }
    for address, method, operation in _operations(document):
        _bodies(operation, schemas)
        _refusals(address, method, operation)
    return document


_RETRY = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for address, operations in document["paths"].items():
        for method, operation in operations.items():
            yield address, method, operation


def _bodies(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Put the shapes of what is sent among the others, and an example of it beside it."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schemas.update(media["schema"].pop("$defs", {}))
    name = operation["operationId"]
    if (example := EXAMPLES.get(name)) is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example


def _refusals(address: str, method: str, operation: dict[str, Any]) -> None:
    statuses = {*_ALWAYS, *(_OF_WRITES if method in {"put", "post"} else ())}
    if "{" in address and operation["operationId"] != "take_events":
        statuses.add("404")
    if method == "put":
        statuses.add("412")
    for status in sorted(statuses):
        operation["responses"][status] = {"$ref": f"#/components/responses/{status}"}


def _schema(shape: type[Problem]) -> dict[str, Any]:
    found = shape.model_json_schema(ref_template=SCHEMAS + "{model}")
    return {**found.pop("$defs", {}), shape.__name__: found}
