"""What webhooks missed: PayPal's Transaction Search, its disputes, and the agreements that are known, as facts.

PayPal has no list of subscriptions, so those that somebody knows of are read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlencode

from handlers.gateway import Uncertain
from handlers.inbox import MalformedDelivery
from handlers.listing import Listed, NotListed
from handlers.paypal.api import PayPalApi, RejectedError, Reply
from handlers.paypal.instants import instant
from handlers.paypal.listing_pages import read_agreement, read_dispute, read_transactions
from handlers.paypal.reading import moment, words
from handlers.paypal.refusals import API_ERRORS, failure
from handlers.strict_json import JsonObject, children, integer

WINDOW = timedelta(days=31)
SHORTEST = timedelta(seconds=1)
PAGE_SIZE = 100
DISPUTES_REACH = timedelta(days=179)  # PayPal refuses 180
_TOO_LARGE = "RESULTSET_TOO_LARGE"
_NOT_THERE_YET = "data for the given start date is not available"
_WINDOW = re.compile(r"([0-9TZ:-]{20})~([0-9TZ:-]{20})~([0-9]{1,7})", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{0,255}", re.ASCII)

Agreements = Callable[[str], Sequence[str]]


class PayPalListing:
    """Reads PayPal's lists for the back-fill. `agreements` gives the next known agreements after one, in order."""

    name = "paypal"

    def __init__(
        self, client_id: str, client_secret: str, api_base: str, timeout_s: float, agreements: Agreements
    ) -> None:  # fmt: skip
        self._api = PayPalApi(client_id, client_secret, api_base, timeout_s)
        self._agreements = agreements
        self._kinds = {
            "transactions": self._transactions,
            "disputes": self._disputes,
            "subscriptions": self._subscriptions,
        }

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        self._api.close()

    def list_since(self, since: datetime, until: datetime, cursor: str | None) -> Listed | NotListed:
        """The page at `cursor` of what was made (disputes: changed) in `[since, until)`, and of all known agreements.

        Raises ValueError for a cursor that is not one of ours.
        """
        kind, _, place = (cursor or "transactions:").partition(":")
        if kind not in self._kinds:
            raise ValueError("this is no cursor of PayPal's lists")
        try:
            # Cursors are written to the second: a window must not end within one.
            return self._kinds[kind](since.replace(microsecond=0), until.replace(microsecond=0), place)
        except API_ERRORS as error:
            return failure(error)
        except MalformedDelivery as error:
            return Uncertain(f"PayPal's answer cannot be understood: {error}")

    def _transactions(self, since: datetime, until: datetime, place: str) -> Listed:
        start, end, page = _place(place) if place else (since, min(since + WINDOW, until), 1)
        try:
            reply = self._search(start, end, page)
        except RejectedError as error:
            if _TOO_LARGE in error.codes and end - start > SHORTEST:
                return Listed((), _cursor(start, start + (end - start) / 2, 1))
            if _NOT_THERE_YET in " ".join((*error.codes, error.message)).lower():
                return Listed((), "disputes:", told_until=start)
            raise
        facts, unreadable = read_transactions(self._api, reply)
        told_until = moment(reply.body, "last_refreshed_datetime")
        short = told_until if told_until is not None and told_until < end else None
        return Listed(facts, _next(reply, (start, end, page), until), unreadable, short)

    def _search(self, start: datetime, end: datetime, page: int) -> Reply:
        asked = {
            "start_date": _written(start),
            "end_date": _written(end),
            "fields": "all",
            "page_size": PAGE_SIZE,
            "page": page,
        }
        reply: Reply = self._api.get(f"/v1/reporting/transactions?{urlencode(asked)}")
        return reply

    def _disputes(self, since: datetime, until: datetime, place: str) -> Listed:
        if _TOKEN.fullmatch(place) is None:
            raise ValueError("this is no cursor of PayPal's lists")
        asked = {"update_time_after": _written(max(since, until - DISPUTES_REACH)), "page_size": 50}
        if place:
            asked["next_page_token"] = place
        reply: Reply = self._api.get(f"/v1/customer/disputes?{urlencode(asked)}")
        cases = [read_dispute(self._api, case, reply) for case in children(reply.body, "items")]
        facts = tuple(fact for case in cases if not isinstance(case, str) for fact in case)
        token = _next_token(reply.body)
        following = "subscriptions:" if token is None else f"disputes:{token}"
        return Listed(facts, following, tuple(case for case in cases if isinstance(case, str)))

    def _subscriptions(self, _since: datetime, _until: datetime, place: str) -> Listed:
        names = self._agreements(place)
        read = [read_agreement(self._api, name) for name in names]
        facts = tuple(fact for one in read if not isinstance(one, str) for fact in one)
        unreadable = tuple(one for one in read if isinstance(one, str))
        return Listed(facts, f"subscriptions:{names[-1]}" if names else None, unreadable)


def _next(reply: Reply, place: tuple[datetime, datetime, int], until: datetime) -> str:
    start, end, page = place
    if page < (integer(reply.body, "total_pages") or 1):
        return _cursor(start, end, page + 1)
    if end >= until:
        return "disputes:"
    # A window that had to be halved is followed by one a little longer: half a month of crowds is no crowded year.
    return _cursor(end, min(end + min(WINDOW, 2 * (end - start)), until), 1)


def _next_token(body: JsonObject) -> str | None:
    for link in children(body, "links"):
        found = re.search(r"[?&]next_page_token=([^&]+)", words(link, "href") or "")
        if words(link, "rel") == "next" and found:
            token = unquote(found[1])
            if not token or _TOKEN.fullmatch(token) is None:
                # To stop here would look like the list's end.
                raise MalformedDelivery("links.href has no page token that can be read")
            return token
    return None


def _cursor(start: datetime, end: datetime, page: int) -> str:
    return f"transactions:{_written(start)}~{_written(end)}~{page}"


def _place(place: str) -> tuple[datetime, datetime, int]:
    found = _WINDOW.fullmatch(place)
    start, end = (instant(found[1]), instant(found[2])) if found else (None, None)
    if found is None or start is None or end is None:
        raise ValueError("this is no cursor of PayPal's lists")
    return start, end, int(found[3])


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
