"""Stripe's parameters, and its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from worker.sandbox.bank.stripe_errors import error, missing
from worker.sandbox.bank.wire import Answered, said

Json = dict[str, Any]
Params = Mapping[str, str]
_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_NOTE_REASONS = frozenset({"duplicate", "fraudulent", "order_change", "product_unsatisfactory"})
_CREATED = {"gte": int.__ge__, "gt": int.__gt__, "lte": int.__le__, "lt": int.__lt__}


def wrong(params: Params, known: AbstractSet[str]) -> Answered | None:
    """What Stripe says of parameters before it does anything; nothing of that is kept under the key."""
    unknown = sorted(name for name in params if name.partition("[")[0] not in known)
    if unknown:
        return error(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
    amount = params.get("amount")
    if amount is None and "currency" in known:
        return error(400, "Missing required param: amount.", code="parameter_missing", param="amount")
    least = None if "currency" in known else 1
    if amount is not None and (re.fullmatch("-?[0-9]{1,12}", amount) is None or (least and int(amount) < least)):
        return error(400, f"Invalid integer: {amount}", code="parameter_invalid_integer", param="amount")
    if params.get("reason", "duplicate") not in _REASONS:
        return error(
            400, "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer", param="reason"
        )
    needed = "currency" if "currency" in known else "charge"
    if needed not in params:
        return error(400, f"Missing required param: {needed}.", code="parameter_missing", param=needed)
    return None


def wrong_note(params: Params) -> Answered | None:
    """The same for a credit note, of the shape that credits the whole of it to the customer."""
    known = {"invoice", "amount", "credit_amount", "email_type", "memo", "metadata", "reason"}
    unknown = sorted(name for name in params if name.partition("[")[0] not in known)
    if unknown:
        return error(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
    for name in ("invoice", "amount"):
        if name not in params:
            return error(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    if re.fullmatch("[1-9][0-9]{0,11}", params["amount"]) is None:
        return error(400, f"Invalid integer: {params['amount']}", code="parameter_invalid_integer", param="amount")
    if params.get("credit_amount") != params["amount"]:
        whole = f"must equal the credit note amount ({params['amount']})."
        return error(400, f"The sum of credit amount, refund amount and out of band amount {whole}")
    if params.get("reason", "duplicate") not in _NOTE_REASONS:
        return error(400, f"Invalid reason: must be one of {', '.join(sorted(_NOTE_REASONS))}", param="reason")
    return None


def page(
    items: Sequence[Json], params: Params, url: str, by: AbstractSet[str], also: AbstractSet[str] = frozenset()
) -> Answered:
    """A page of a list, the newest first, filtered as the parameters say."""
    names = {name.partition("[")[0] for name in params}
    # Stripe takes `expand` with every list; what is not shown expanded here stands as its id, as without it.
    unknown = sorted(names - by - also - {"limit", "starting_after", "created", "expand"})
    if unknown:
        return error(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
    found = [item for item in items if all(item.get(name) == params[name] for name in by & names)]
    for name, value in params.items():
        if bound := re.fullmatch(r"created\[(gte|gt|lte|lt)\]", name):
            found = [item for item in found if _CREATED[bound[1]](item["created"], int(value))]
    found.reverse()  # of one second the later made comes first
    newest = sorted(found, key=lambda item: item["created"], reverse=True)
    size = int(params.get("limit", "10"))
    if not 1 <= size <= 100:
        return error(400, "Invalid limit: must be between 1 and 100.", param="limit")
    start = 0
    if "starting_after" in params:
        ids = [item["id"] for item in newest]
        if params["starting_after"] not in ids:
            return missing(url.rpartition("/")[2], params["starting_after"], param="starting_after")
        start = ids.index(params["starting_after"]) + 1
    more = start + size < len(newest)
    return said(200, {"object": "list", "data": newest[start : start + size], "has_more": more, "url": url})
