"""Refusals, in the one form that they all have (RFC 9457): what is wrong, where, and how to mend it. None repeats
anything personal, or says what stands behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from worker.faults import where
from worker.fields import BadFieldError
from worker.store.sql import TRANSIENT

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5

TITLES: Mapping[str, str] = {
    "not-json": "The body is no JSON object",
    "no-token": "A token is needed",
    "not-allowed": "The token does not allow this",
    "unknown": "There is no such thing",
    "no-address": "There is no such address",
    "no-method": "This address has another method",
    "too-slow": "The body did not come in time",
    "conflict": "It is not in a state for this",
    "in-flight": "The same request is under way",
    "other-version": "It was changed meanwhile",
    "too-large": "The body is too large",
    "media-type": "The body has another type",
    "bad-field": "A field cannot be taken",
    "other-request": "The key belongs to another request",
    "too-many": "Too many requests",
    "broken": "Something broke here",
    "busy": "Try again soon",
}

# What pydantic says in words of its own.
_EXPECTED: Mapping[str, str] = {
    "extra_forbidden": "this parameter is not known here, see /api/v1/openapi.json",
    "int_parsing": "a whole number is expected",
    "bool_parsing": "true or false is expected",
    "greater_than_equal": "a whole number of at least {ge} is expected",
    "less_than_equal": "a whole number of at most {le} is expected",
    "string_too_short": "text is expected",
    "string_too_long": "text of at most {max_length} characters is expected",
}
# What has a form of its own; a reference, a key and a name are any text.
_LIKE = {
    "If-Match": 'the ETag of what was read, in its quotes, such as "3",',
    "Idempotency-Key": "text of printable ASCII without blanks",
    "expect": "a head of 64 hexadecimal digits",
}
_WORD = re.compile(r"'([^']+)'")

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Refused(Exception):
    """The request ends with this answer. `field` is the place in the body, or the name of the parameter."""

    def __init__(
        self, status: int, kind: str, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.field = field
        self.headers = dict(headers or {})


def bad_field(field: str, said: str) -> Refused:
    return Refused(422, "bad-field", f"{field}: {said}" if field else said, field=field or None)


def of_field(error: BadFieldError) -> Refused:
    """The refusal of a reader that the commands use too."""
    return bad_field(error.path, error.said)


def understood(read: Callable[[], T]) -> T:
    """What such a reader reads; Refused where it cannot."""
    try:
        return read()
    except BadFieldError as error:
        raise of_field(error) from None


def unknown(what: str) -> Refused:
    return Refused(404, "unknown", f"{what} is expected, and this is none")


def answer(refused: Refused) -> Response:
    """The refusal as a response."""
    told = {
        "type": f"urn:makegood:problem:{refused.kind}",
        "title": TITLES[refused.kind],
        "status": refused.status,
        "detail": refused.detail,
        **({"field": refused.field} if refused.field else {}),
    }
    body = json.dumps(told, ensure_ascii=False)
    return Response(body.encode(errors="replace"), refused.status, refused.headers, MEDIA_TYPE)


def add_to(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Have every fault of the app end as a problem. `routes` are those whose methods are told to a wrong one."""

    @app.exception_handler(Refused)
    def refuse(_request: Request, fault: Refused) -> Response:
        return answer(fault)

    @app.exception_handler(RequestValidationError)
    def misread(_request: Request, fault: RequestValidationError) -> Response:
        first, *rest = fault.errors()
        place = str(first["loc"][1]) if len(first["loc"]) > 1 else "request"
        return answer(bad_field(place, _said(place, [first, *(one for one in rest if one["loc"][1:2] == (place,))])))

    @app.exception_handler(HTTPException)
    def no_address(request: Request, fault: HTTPException) -> Response:
        if fault.status_code == 405:
            return answer(_no_method(routes, request))
        return answer(Refused(404, "no-address", "the addresses are listed at /api/v1/openapi.json"))

    @app.exception_handler(DBAPIError)
    @app.exception_handler(PoolTimeoutError)
    def away(_request: Request, fault: Exception) -> Response:
        if not isinstance(fault, (*TRANSIENT, PoolTimeoutError)):
            raise fault
        _log.warning("api_without_database", error=type(fault).__name__)
        return answer(busy("the database does not answer just now"))

    @app.exception_handler(Exception)
    def broken(_request: Request, fault: Exception) -> Response:
        _log.error("api_failed", fault=where(fault))
        return answer(Refused(500, "broken", "nothing was done; the log of the web process says what it was"))


def busy(said: str, retry_s: int = RETRY_S) -> Refused:
    return Refused(503, "busy", said, headers={"retry-after": str(retry_s)})


def _said(place: str, errors: Sequence[Mapping[str, Any]]) -> str:
    """What is expected of a parameter, without what was given."""
    kind, context = errors[0]["type"], errors[0].get("ctx", {})
    if kind in {"enum", "literal_error"}:
        # Several where a parameter is one of several lists of words.
        words = [word for error in errors for word in _WORD.findall(str(error.get("ctx", {}).get("expected", "")))]
        return f"one of {', '.join(dict.fromkeys(words))} is expected"
    if kind == "string_pattern_mismatch":
        return f"{_LIKE.get(place, 'text without control characters')} is expected"
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    return str(errors[0]["msg"]).removeprefix("Value error, ")


def _no_method(routes: Sequence[BaseRoute], request: Request) -> Refused:
    allowed = ", ".join(_methods(routes, request.scope))
    return Refused(405, "no-method", f"this address takes {allowed}", headers={"allow": allowed})


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """The methods of an address, over all routes that it fits; the framework tells those of the first only."""
    fitting = [route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE]
    found = {method for route in fitting for method in route.methods or ()}
    return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))
