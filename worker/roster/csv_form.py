"""The CSV form of a roster: one membership a row, prices as people write them. Each row becomes the JSON form and is
read by the same strict reader; errors name the column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from handlers.currencies import AMOUNT_MAX, exponent
from handlers.inbox import MalformedDelivery
from handlers.reports import unreadable
from worker.fields import BadFieldError, shown

COLUMNS = (
    *("membership", "email", "name", "country", "started_on"),
    *("plan", "price", "currency", "every", "count", "setup_fee", "policy"),
    *("stripe_customer", "stripe_subscription", "paypal_subscription", "cancel_notice_at", "cancel_channel"),
)
_NEEDED = ("membership", "started_on", "price", "currency")
_PRICE = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_BETWEEN = re.compile(r"[,;|\s]+")

# Where a column's value stands in the JSON form, so that an error found there can name the column.
_PLACES = {
    "plan.code": "plan",
    "plan.price": "price",
    "plan.currency": "currency",
    "plan.every": "every",
    "plan.count": "count",
    "plan.setup_fee": "setup_fee",
    "member.email": "email",
    "member.name": "name",
    "member.country": "country",
    "notices[0].at": "cancel_notice_at",
    "notices[0].channel": "cancel_channel",
    "agreements": "stripe_subscription",
}

Cells = dict[str, str]


def rows(lines: Iterable[str]) -> Iterator[tuple[int, Cells]]:
    """The filled cells of each row with the number of the line on which it begins. Raises BadFieldError."""
    reader = csv.reader(lines, strict=True)
    header = _header(next(_read(reader), []))
    begins = reader.line_num + 1
    for values in _read(reader):
        if any(value.strip() for value in values):
            if len(values) != len(header):
                raise LineError(begins, BadFieldError("", f"{len(header)} cells are expected, not {len(values)}"))
            cells = zip(header, values, strict=True)
            yield begins, {name: value.strip() for name, value in cells if value.strip()}
        begins = reader.line_num + 1


class LineError(ValueError):
    """Something wrong on a line that the caller does not know the number of."""

    def __init__(self, line: int, problem: BadFieldError) -> None:
        super().__init__(str(problem))
        self.line = line
        self.problem = problem


def as_json(cells: Cells) -> dict[str, object]:
    """A row in the JSON form. Raises BadFieldError for a price or number that is none."""
    plan: dict[str, object] = _renamed(cells, {"plan": "code", "currency": "currency", "every": "every"})
    plan |= {name: _minor(cells, name) for name in ("price", "setup_fee") if name in cells or name == "price"}
    if "count" in cells:
        plan["count"] = _whole(cells, "count")
    row: dict[str, object] = _renamed(cells, {"membership": "membership", "started_on": "started_on"})
    row |= {"plan": plan, "agreements": list(_agreements(cells))}
    if member := _renamed(cells, {name: name for name in ("name", "email", "country")}):
        row["member"] = member
    if "policy" in cells:
        row["policy"] = [name for name in _BETWEEN.split(cells["policy"]) if name]
    if notice := _renamed(cells, {"cancel_notice_at": "at", "cancel_channel": "channel"}):
        row["notices"] = [{"kind": "cancel", **notice}]
    return row


def column(path: str) -> str:
    """The column in which the value at `path` of the JSON form stands."""
    if path in _PLACES:
        return _PLACES[path]
    if path.startswith("agreements"):
        return "stripe_customer" if path.endswith("customer") else "the subscription"
    return "policy" if path.startswith("policy") else path


def _read(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line = getattr(reader, "line_num", 1)
            raise LineError(line, BadFieldError("", f"{unreadable(error)} are expected")) from None


def _header(names: list[str]) -> list[str]:
    header = [name.strip() for name in names]
    if len(header) == 1 and any(sign in header[0] for sign in ";\t|"):
        raise LineError(1, BadFieldError("", "commas between the columns are expected"))
    for name in header:
        if name not in COLUMNS:
            raise LineError(1, BadFieldError(shown(name), f"unknown column, the columns are {', '.join(COLUMNS)}"))
        if header.count(name) > 1:
            raise LineError(1, BadFieldError(name, "each column once is expected, and it is there twice"))
    for name in _NEEDED:
        if name not in header:
            raise LineError(1, BadFieldError(name, "this column is expected, and it is not there"))
    return header


def _minor(cells: Cells, name: str) -> int:
    """Exact, or refused: a price is never rounded."""
    try:
        decimals = exponent(cells.get("currency", ""))
    except MalformedDelivery:
        raise BadFieldError(
            "currency", f"an ISO 4217 currency such as USD is expected, not {shown(cells.get('currency', ''))}"
        ) from None
    written = cells.get(name, "")
    found = _PRICE.fullmatch(written)
    fraction = (found[2] or "").rstrip("0") if found else ""
    if found is None or len(fraction) > decimals:
        example = f"99.{'0' * decimals}" if decimals else "99"
        instead = f"not {shown(written)}" if written else "and nothing is there"
        raise BadFieldError(name, f"an amount such as {example} is expected, {instead}")
    minor = int(found[1] + fraction.ljust(decimals, "0"))
    if minor > AMOUNT_MAX:
        most = AMOUNT_MAX // 10**decimals
        raise BadFieldError(name, f"an amount up to {most} {cells['currency']} is expected, not {shown(written)}")
    return minor


def _whole(cells: Cells, name: str) -> int:
    if not _WHOLE.fullmatch(cells[name]):
        raise BadFieldError(name, f"a whole number is expected, not {shown(cells[name])}")
    return int(cells[name])


def _agreements(cells: Cells) -> Iterator[dict[str, object]]:
    if stripe := _renamed(cells, {"stripe_customer": "customer", "stripe_subscription": "subscription"}):
        yield {"provider": "stripe", **stripe}
    if paypal := _renamed(cells, {"paypal_subscription": "subscription"}):
        yield {"provider": "paypal", **paypal}


def _renamed(cells: Cells, names: dict[str, str]) -> dict[str, object]:
    return {new: cells[old] for old, new in names.items() if old in cells}
