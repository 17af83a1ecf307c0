"""Lists, a page at a time. A cursor is opaque and says behind which key the next page begins, so that what is added
meanwhile moves nothing from its page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from worker.fields import iso_day
from worker.store.listings import Placed
from worker.tables import Row, as_json
from worker.web.api.problems import bad_field
from worker.web.api.sent import JSON

LIMIT, LIMIT_MAX = 100, 500

# A reference or key as it may come in an address: never a sign that a database does not take.
Name = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


def _day(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return iso_day(given)
    except ValueError as error:
        raise ValueError(f"{error} is expected") from None


Day = Annotated[date, BeforeValidator(_day)]


class Paged(BaseModel):
    """The parameters of every list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(LIMIT, ge=1, le=LIMIT_MAX, description="How many at most.")
    cursor: str | None = Field(
        None, min_length=1, max_length=1000, description="The `next` of the page before; its filters hold on."
    )

    def after(self, of: str, parts: int = 1) -> tuple[str, ...] | None:
        """The place behind which the page begins: so many texts."""
        return None if self.cursor is None else _opened(of, parts, self.cursor)


def page(of: str, asked: Paged, rows: Iterable[Placed]) -> Response:
    """The answer of a list: what one more row than wanted begins is the next page. Rows of one place stay together."""
    data: list[Row] = []
    places: list[tuple[str, ...]] = []
    more = False
    for place, row in rows:
        if not places or places[-1] != place:
            if more := len(places) == asked.limit:
                break
            places.append(place)
        data.append(row)
    return shown({"data": data, "next": _sealed(of, places[-1]) if more else None})


def by(name: str, rows: Iterable[Row]) -> Iterator[Placed]:
    """Rows whose place is what stands under a name."""
    return (((str(row[name]),), row) for row in rows)


def shown(row: Row, **headers: str) -> Response:
    """One thing as it is listed."""
    return Response(as_json(row), 200, headers, JSON)


def _sealed(of: str, place: tuple[str, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps([of, *place]).encode()).rstrip(b"=").decode()


def _opened(of: str, parts: int, cursor: str) -> tuple[str, ...]:
    refused = bad_field("cursor", f"the `next` of a page of {of} with the same filters is expected")
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise refused from None
    if not isinstance(found, list) or len(found) != 1 + parts or found[0] != of:
        raise refused
    if not all(isinstance(text, str) and text.isprintable() for text in found):
        raise refused
    if parts > 1:
        try:
            date.fromisoformat(found[1])
        except ValueError:
            raise refused from None
    return tuple(found[1:])
