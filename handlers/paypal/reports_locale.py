"""Dates and numbers as PayPal's activity download writes them for people: by the account's language. How, the whole
file tells: one date behind the 12th, one amount with decimals. Where it does not, a person has to say it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from handlers.currencies import exponent
from handlers.inbox import MalformedDelivery
from handlers.reports import Options, Row, shown
from reconcile.money import Money

_EITHER = "either"

_ISO = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})", re.ASCII)
_WRITTEN = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})\.?", re.ASCII)
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:\s*([AaPp])\.?[Mm]\.?)?", re.ASCII)
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])([0-9]{1,2}):?([0-9]{2})?", re.ASCII)
# 1.234,56 and 1,234.56, or with blanks or apostrophes between the thousands.
_NUMBER = re.compile(r"([-+\u2212]?)([0-9]{1,3}(?:[.,'\u2019\u00a0\u202f ][0-9]{3})+|[0-9]+)(?:([.,])([0-9]{1,3}))?")

# Hours from UTC by the abbreviations of PayPal's zones. One that means different zones is not among them.
_HOURS = {
    word: hours
    for hours, words in {
        -10: "HST", -9: "AKST", -8: "PST AKDT", -7: "MST PDT", -6: "CST MDT", -5: "EST CDT", -4: "AST EDT",
        -3: "ADT BRT", 0: "UTC GMT WET", 1: "WEST BST CET MEZ", 2: "CEST MESZ EET", 3: "EEST MSK",
        8: "HKT SGT AWST", 9: "JST KST", 10: "AEST", 11: "AEDT", 12: "NZST", 13: "NZDT",
    }.items()
    for word in words.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """How a file writes dates and numbers; None where none of its cells needs it."""

    dates: str | None
    numbers: str | None


@dataclass(slots=True)
class _Seen:
    """What the cells of a file show of one thing: the first line of each way, and the first cell that fits both."""

    column: str
    flags: str
    ways: dict[str, Row] = field(default_factory=dict)
    either: Row | None = None

    def look(self, row: Row, way: str | None) -> None:
        if way == _EITHER:
            self.either = self.either or row
        elif way is not None:
            self.ways.setdefault(way, row)

    def settled(self, said: str | None) -> str | None:
        """The one way: as a person said, or as the file shows."""
        if said is not None:
            return said
        if len(self.ways) > 1:
            first, second = sorted(self.ways.values(), key=lambda row: row.line)
            raise second.bad(
                self.column, f"one way of writing in a file is expected, and line {first.line} has another"
            )
        if not self.ways and self.either is not None:
            doubtful = shown(self.either.text(self.column))
            raise self.either.bad(self.column, f"{self.flags} is expected: {doubtful} and all other lines fit both")
        return next(iter(self.ways), None)


def learn(rows: Iterable[Row], options: Options) -> Written:
    """How the whole file writes. Raises BadReportError where it writes in two ways, or could be read in two."""
    dates = _Seen("date", "--dates dmy or --dates mdy")
    numbers = _Seen("gross", "--numbers point or --numbers comma")
    for row in rows:
        dates.look(row, _order(row.text("date")))
        numbers.look(row, _decimal(row.text("gross"), row.text("currency")))
    return Written(dates.settled(options.dates), numbers.settled(options.numbers))


def _order(text: str) -> str | None:
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None  # ISO, or no date at all: the reading says so
    first, sign, second = int(found[1]), found[2], int(found[3])
    if sign == "." or first > 12:
        return "dmy"  # points stand only in languages that put the day first
    if second > 12:
        return "mdy"
    return None if first == second else _EITHER


def _decimal(text: str, currency: str) -> str | None:
    """Which sign parts the decimals, as far as this number shows."""
    marks = [mark for mark in text if mark in ".,"]
    if not marks or _NUMBER.fullmatch(text) is None:
        return None
    last = marks[-1]
    if len(set(marks)) > 1:
        return _NUMBERS[last]
    # 1,234 and 1,234,567: the sign parts thousands, if the currency has not three decimals.
    if len(marks) == 1 and len(text.rpartition(last)[2]) != 3:
        return _NUMBERS[last]
    thousands = len(marks) > 1 or not _has_three_places(currency)
    return _OTHER[_NUMBERS[last]] if thousands else _EITHER


_NUMBERS = {".": "point", ",": "comma"}
_OTHER = {"point": "comma", "comma": "point"}


def _has_three_places(currency: str) -> bool:
    try:
        return exponent(currency) == 3
    except MalformedDelivery:
        return False


def amount(row: Row, name: str, written: Written) -> Money:
    """The amount in that cell, in the row's currency."""
    return row.money(name, "currency", _bare(row.needed(name, "an amount"), written))


def _bare(value: str, written: Written) -> str:
    """The number with a point before its decimals and nothing else between its digits."""
    found = _NUMBER.fullmatch(value)
    if found is None:
        return value  # which is then refused
    whole, _, fraction = value.lstrip("+-\u2212").partition("," if written.numbers == "comma" else ".")
    digits = re.sub(r"[.,'\u2019\u00a0\u202f ]", "", whole).lstrip("0") or "0"
    sign = "-" if found[1] in {"-", "\u2212"} else ""
    return f"{sign}{digits}.{fraction}" if fraction else f"{sign}{digits}"


def moment(row: Row, written: Written) -> datetime:
    """The row's date, time and zone, in UTC."""
    day, zone = _day(row, written), _zone(row)
    told = row.text("time") or "00:00:00"
    found = _TIME.fullmatch(told)
    if found is not None:
        hour = int(found[1]) % 12 + (12 if found[4] in "Pp" else 0) if found[4] else int(found[1])
        try:
            there = datetime(day.year, day.month, day.day, hour, int(found[2]), int(found[3] or 0), tzinfo=zone)
            return there.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise row.bad("time", f"a time such as 18:30:00 is expected, not {shown(told)}")


def _day(row: Row, written: Written) -> date:
    value = row.needed("date", "a date")
    try:
        if iso := _ISO.fullmatch(value):
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if found := _WRITTEN.fullmatch(value):
            first, second = int(found[1]), int(found[3])
            day, month = (second, first) if written.dates == "mdy" else (first, second)
            return date(int(found[4]), month, day)
    except ValueError:
        pass
    order = {"dmy": "31/01/2024", "mdy": "01/31/2024"}.get(written.dates or "", "2024-01-31")
    raise row.bad("date", f"a date such as {order} is expected, not {shown(value)}")


def _zone(row: Row) -> tzinfo:
    name = row.needed("zone", "a time zone such as PST or Europe/Berlin")
    if (hours := _HOURS.get(name.upper())) is not None:
        return timezone(timedelta(hours=hours))
    if found := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        if offset < timedelta(hours=15):
            return timezone(-offset if found[1] == "-" else offset)
    try:
        if "/" in name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise row.bad("zone", f"a time zone such as PST or Europe/Berlin is expected, not {shown(name)}")
