"""What was sent with a write: the body, read with the cap and the deadline of webhooks and parsed as strictly, and the
key under which the answer is given again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from handlers import strict_json
from handlers.inbox import MalformedDelivery
from handlers.strict_json import JsonObject
from worker.fields import Fields
from worker.web.api.problems import Refused, understood
from worker.web.body import BODY_BYTES_MAX, GoneError, TooLargeError, headers_of, read_body
from worker.web.deadline import Deadline, TooSlowError

READ_S = 10.0
JSON = "application/json"
LINES = "application/x-ndjson"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Any text that is new for each write, and the same when it is sent again: the answer is then given"
        " again, for 30 days, and nothing is done twice.",
    ),
]


@dataclass(frozen=True, slots=True)
class Sent:
    """A write as it came. `kind` is its media type, in lower case and without parameters; "" where it said none."""

    method: str
    address: str
    kind: str
    body: bytes
    key: str | None

    def json(self) -> JsonObject:
        """The JSON object that was sent."""
        if self.kind != JSON:
            raise _another_type(JSON)
        try:
            return strict_json.parse(self.body)
        except MalformedDelivery as error:
            raise Refused(400, "not-json", f"a JSON object is expected, and {error}") from None

    def json_or_nothing(self) -> JsonObject:
        """The same, where nothing may be sent too."""
        return self.json() if self.body.strip() else {}

    def reason(self) -> str:
        """The one line of a body that only says why."""
        return understood(lambda: Fields(self.json(), "", ("reason",)).text("reason", longest=1000))

    def nothing(self) -> None:
        """Refuse whatever was sent, but an empty object."""
        understood(lambda: Fields(self.json_or_nothing(), "", ()))

    def one_of(self, *kinds: str) -> str:
        """The media type, which is one of these."""
        if self.kind not in kinds:
            raise _another_type(" or ".join(kinds))
        return self.kind


async def sent(request: Request, idempotency_key: Key = None) -> Sent:
    """Read the whole of what was sent."""
    headers = headers_of(request.scope)
    if headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise Refused(415, "media-type", "send the body without a content encoding")
    try:
        body = await read_body(request.receive, headers, Deadline(READ_S))
    except TooLargeError:
        said = f"at most {BODY_BYTES_MAX} bytes are taken at once: send several parts, or use makegood import"
        raise Refused(413, "too-large", said) from None
    except TooSlowError:
        raise Refused(408, "too-slow", f"a body is waited for {READ_S:.0f} seconds") from None
    except GoneError:
        raise Refused(400, "not-json", "the sender went away") from None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    query = request.scope["query_string"].decode("latin-1")
    return Sent(request.method, f"{request.scope['path']}?{query}", kind, body, idempotency_key)


def _another_type(expected: str) -> Refused:
    return Refused(415, "media-type", f"Content-Type: {expected} is expected")


Body = Annotated[Sent, Depends(sent)]
