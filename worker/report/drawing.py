"""A timeline as inline SVG: due above, taken below, joined where paired. What is wrong is marked by shape, colour and
words, so that it is seen in print and without colours too. Its colours are those of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from markupsafe import Markup

from worker.report import words
from worker.report.amounts import money
from worker.report.shapes import shape
from worker.report.timeline import Due, Stretch, Taken, Timeline

WIDTH, LEFT, RIGHT = 940, 74, 18
ROW = 15  # height of a line of text
LETTER, BOLD = 6.4, 7.3  # about as wide is a letter, in the drawing's units
JOIN = 46  # between due and taken
TOLD_MAX = 12  # of what is wrong, in the description that is read aloud


@dataclass(slots=True)
class _Labels:
    """Places texts beside a row of marks: each in the first row in which it meets no other."""

    rows: list[list[tuple[float, float]]] = field(default_factory=list)
    placed: list[tuple[float, float, int, str, str]] = field(default_factory=list)  # mark, middle, row, text, style

    def put(self, x: float, text: str, style: str = "", *, must: bool = True) -> None:
        half = len(text) * (BOLD if style == "bad" else LETTER) / 2 + 4
        middle = min(max(x, LEFT + half - 8), WIDTH - half)
        for row in range(len(self.rows) + 1 if must else 1):
            if row == len(self.rows):
                self.rows.append([])
            taken = self.rows[row]
            if all(middle + half <= start or middle - half >= end for start, end in taken):
                taken.append((middle - half, middle + half))
                self.placed.append((x, middle, row, text, style))
                return

    @property
    def height(self) -> int:
        return len(self.rows) * ROW


def drawn(told: Timeline, number: int) -> Markup:
    """The picture. `number` keeps its ids apart from those of the page's other pictures."""
    return _Picture(told).svg(number)


class _Picture:
    def __init__(self, told: Timeline) -> None:
        self.told = told
        self.days = max((told.last - told.first).days, 1)
        self.above = _Labels()
        for line in _due_labels(told):
            self.above.put(self._x(line[0]), *line[1:3], must=line[3])
        providers = sorted({one.provider for one in told.taken}, key=self._errors)
        self.below: dict[str, _Labels] = {}
        self.lanes: dict[str, int] = {}
        self.due_y = 30 + self.above.height + 12
        y = self.due_y + JOIN
        for provider in providers:
            self.lanes[provider] = y
            labels = self.below[provider] = _Labels()
            mine = [one for one in told.taken if one.provider == provider]
            for one, text in _taken_labels(mine, told.currency):
                style = "bad" if one.wrong else "quiet"
                labels.put(self._x(one.day), text, style, must=one.wrong is not None)
            y += 12 + labels.height + 22
        self.height = y - 20 if providers else self.due_y + 24

    def _errors(self, provider: str) -> tuple[int, str]:
        """Where nothing is wrong is next to what was due: lines to it then cross no marks of errors."""
        return sum(one.provider == provider and one.wrong is not None for one in self.told.taken), provider

    def svg(self, number: int) -> Markup:
        head = shape(
            '<svg class="timeline" viewBox="0 0 {} {}" role="img" aria-labelledby="t{} d{}">'
            '<title id="t{}">{}</title><desc id="d{}">{}</desc>',
            *(WIDTH, self.height, number, number),
            *(number, _title(self.told), number, _described(self.told)),
        )
        parts = [*self._months(), *self._ran(), *self._joins(), *self._dues(), *self._takings()]
        return head + Markup().join(parts) + Markup("</svg>")

    def _x(self, day: date) -> float:
        share = (day - self.told.first).days / self.days
        return round(LEFT + 14 + share * (WIDTH - LEFT - RIGHT - 22), 1)

    def _months(self) -> Iterator[Markup]:
        first = date(self.told.first.year, self.told.first.month, 1)
        months = [date(n // 12, n % 12 + 1, 1) for n in range(first.year * 12 + first.month, self._last_month() + 1)]
        step = -(-len(months) // 16)
        for n, month in enumerate(months):
            if n % step == 0:
                x = self._x(month)
                yield shape('<line class="month" x1="{}" y1="20" x2="{}" y2="{}"/>', x, x, self.height)
                named = f"{month:%b %Y}" if n == 0 or month.month <= step else f"{month:%b}"
                yield shape('<text class="axis" x="{}" y="14">{}</text>', x, named)

    def _last_month(self) -> int:
        return self.told.last.year * 12 + self.told.last.month - 1

    def _ran(self) -> Iterator[Markup]:
        yield _lane("due", self.due_y)
        for one in self.told.ran:
            x, width = self._x(one.since), max(self._x(one.until) - self._x(one.since), 2)
            box = '<rect class="ran" x="{}" y="{}" width="{}" height="10" rx="5"/>'
            yield shape(box, x, self.due_y - 5, round(width, 1))
            if one.ended:
                at = self._x(one.until)
                line = '<line class="end" x1="{}" y1="{}" x2="{}" y2="{}"/>'
                yield shape(line, at, self.due_y - 12, at, self.due_y + 12)
        for since, until in self.told.pauses:
            x, width = self._x(since), max(self._x(until) - self._x(since), 2)
            box = '<rect class="pause" x="{}" y="{}" width="{}" height="14"/>'
            yield shape(box, x, self.due_y - 7, round(width, 1))
        yield from self._texts(self.above, self.due_y, lambda row: self.due_y - 12 - row * ROW)

    def _joins(self) -> Iterator[Markup]:
        for one in self.told.taken:
            for at in one.pays:
                begin, end, y = self._x(self.told.dues[at].day), self._x(one.day), self.lanes[one.provider]
                # Around the marks of the lanes between, so that it is seen to pass them.
                bow = 16 if y > self.due_y + JOIN else 0
                line = '<path class="join" d="M{} {}C{} {} {} {} {} {}"/>'
                yield shape(line, begin, self.due_y + 5, begin + bow, self.due_y + 30, end + bow, y - 30, end, y - 6)

    def _dues(self) -> Iterator[Markup]:
        for due in self.told.dues:
            style = "due" if due.paid else "due missed" if due.missed else "due waits"
            said = f"{due.day}: {due.what} of {money(due.minor, self.told.currency)} {self.told.currency} due"
            rest = "" if due.paid else ", never taken" if due.missed else ", not taken yet"
            mark = '<circle class="{}" cx="{}" cy="{}" r="5"><title>{}</title></circle>'
            yield shape(mark, style, self._x(due.day), self.due_y, said + rest)

    def _takings(self) -> Iterator[Markup]:
        for provider, y in self.lanes.items():
            yield _lane(words.provider(provider), y)

            def down(row: int, y: int = y) -> int:
                return y + 20 + row * ROW

            yield from self._texts(self.below[provider], y, down)
            for one in sorted((t for t in self.told.taken if t.provider == provider), key=lambda t: t.wrong or ""):
                yield _mark(self._x(one.day), y, one)

    def _texts(self, labels: _Labels, mark: int, height: Callable[[int], int]) -> Iterator[Markup]:
        # Lines to texts further away go first, so that the texts nearer by stand on them.
        for x, _, row, _, _ in labels.placed:
            near = 8 if height(row) > mark else -8
            line = '<line class="lead" x1="{}" y1="{}" x2="{}" y2="{}"/>'
            yield shape(line, x, mark + near, x, height(row) - 4) if row else Markup()
        for _, middle, row, text, style in labels.placed:
            words_at = '<text class="label {}" x="{}" y="{}">{}</text>'
            yield shape(words_at, style, round(middle, 1), height(row), text)


def _lane(name: str, y: int) -> Markup:
    return shape('<text class="lane" x="0" y="{}">{}</text>', y + 4, name)


def _mark(x: float, y: int, one: Taken) -> Markup:
    """A square for a charge that is right, a crossed diamond for one that is not."""
    title = f"{one.day}: {one.ref} took {money(one.minor, one.currency)} {one.currency}"
    title += f": {words.kind(one.wrong)}" if one.wrong else ""
    title += f"; {money(one.back_minor, one.currency)} went back" if one.back_minor else ""
    if one.wrong is None:
        mark = '<rect class="taken" x="{}" y="{}" width="9" height="9"><title>{}</title></rect>'
        return shape(mark, round(x - 4.5, 1), y - 4.5, title)
    mark = (
        '<g class="wrong" transform="translate({} {})"><title>{}</title>'
        '<path d="M0-9 9 0 0 9-9 0Z"/><path class="cross" d="M-3-3 3 3M3-3-3 3"/></g>'
    )
    return shape(mark, x, y, title)


def _due_labels(told: Timeline) -> Iterator[tuple[date, str, str, bool]]:
    """What is written above: never-taken renewals, ends and pauses always; amounts where they change, or there is
    room."""
    for due in told.dues:
        if due.missed:
            yield due.day, f"never taken: {money(due.minor, told.currency)}", "bad", True
    for one in told.ran:
        if one.ended:
            yield one.until, f"{one.ended} {_short(one.until)}", "", True
    for since, until in told.pauses:
        yield since + (until - since) / 2, "paused", "", True
    before: int | None = None
    rest: list[tuple[date, str]] = []
    for due in told.dues:
        amount = money(due.minor, told.currency)
        text = amount if due.what == "renewal" else f"{due.what} {amount}"
        if due.missed:
            continue
        if due.minor != before or due.what != "renewal":
            yield due.day, text, "quiet", True
        else:
            rest.append((due.day, text))
        before = due.minor if due.what == "renewal" else before
    for day, text in rest:
        yield day, text, "quiet", False


def _taken_labels(taken: Sequence[Taken], currency: str) -> Iterator[tuple[Taken, str]]:
    """What is written below: of a row of the same error its name once, then day and amount. What is right comes after
    what is wrong: it is written where there is room."""
    before: str | None = None
    for one in taken:
        if one.wrong is not None:
            name = f"{words.kind(one.wrong)}: " if one.wrong != before else ""
            back = ", given back" if one.back_minor >= one.minor else ", partly given back" if one.back_minor else ""
            yield one, f"{name}{_amount(one, currency)}, {_short(one.day)}{back}"
        before = one.wrong or before
    yield from ((one, _amount(one, currency)) for one in taken if one.wrong is None)


def _amount(one: Taken, currency: str) -> str:
    return money(one.minor, one.currency) + ("" if one.currency == currency else f" {one.currency}")


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def _title(told: Timeline) -> str:
    return f"{told.membership} from {words.day(told.first)} to {words.day(told.last)}: what was due and what was taken"


def _described(told: Timeline) -> str:
    """The picture in words."""
    wrong = [one for one in told.taken if one.wrong]
    missed = [due for due in told.dues if due.missed]
    said = [f"{len(told.dues)} times something was due, {len(told.taken)} charges were taken, {len(wrong)} are wrong."]
    said += [_one(one) for one in wrong[:TOLD_MAX]]
    said += [_missed(due, told.currency) for due in missed[:TOLD_MAX]]
    return " ".join([*said, *_ends(told.ran)])


def _one(one: Taken) -> str:
    return f"{one.ref} of {money(one.minor, one.currency)} {one.currency} on {one.day}: {words.kind(one.wrong or '')}."


def _missed(due: Due, currency: str) -> str:
    return f"{money(due.minor, currency)} {currency} due on {due.day} was never taken."


def _ends(ran: Sequence[Stretch]) -> list[str]:
    return [f"The membership was {one.ended} {one.until}." for one in ran if one.ended]
