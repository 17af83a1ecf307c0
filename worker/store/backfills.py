"""Where facts come from that no webhook brought: one row in `deliveries` for each report file and each list of a
back-fill, without its body; and how far each back-fill has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, union, update

from reconcile.facts import Fact
from reconcile.tellings import merge
from worker.codec import fact_to_plain, key_of
from worker.crypt import Keyring
from worker.schema import backfills, deliveries, facts, identifiers, tellings
from worker.store import rows
from worker.store import tellings as telling
from worker.store.facts import store_facts
from worker.store.rows import Kept
from worker.store.sql import listed, lock_facts, put
from worker.store.tellings import Told, without_address

RUNNING, DONE = "running", "done"
KEY = ("provider", "kind", "since", "until")
UNREADABLE_KEPT = 20
BACKFILL = "backfill"

_b = backfills.c


@dataclass(frozen=True, slots=True)
class Origin:
    """What tellings of a report or a back-fill were read from. `name` is the same for the same content."""

    provider: str
    source: str  # report, backfill
    name: str
    kind: str
    sha256: str
    note: str


def note_origin(conn: Connection, origin: Origin, at: datetime) -> int:
    """The delivery row that tellings of this origin name; one row however often it comes. It holds no body: the row is
    handled already, and nothing personal is kept beside the facts."""
    c = deliveries.c
    row = {
        "provider": origin.provider,
        "account": "",
        "event_id": origin.name,
        "event_type": origin.kind,
        "occurred_at": at,
        "received_at": at,
        "source": origin.source,
        "body_sha256": origin.sha256,
        "seen": 0,
        "state": "done",
        "note": origin.note,
        "attempts": 0,
        "handled_at": at,
    }
    put(conn, deliveries, [row], key=["provider", "account", "event_id"], replacing=False)
    same = (c.provider == origin.provider) & (c.account == "") & (c.event_id == origin.name)
    conn.execute(update(deliveries).where(same).values(seen=c.seen + 1))
    delivery_id: int = conn.execute(select(c.id).where(same)).scalar_one()
    return delivery_id


def amend_origin(conn: Connection, delivery_id: int, note: str) -> None:
    """Say of an origin what it turned out to hold."""
    conn.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(note=note))


@dataclass(frozen=True, slots=True)
class Window:
    """One list of a provider over `[since, until)`. `asked_at` is when it was begun: it reaches no further."""

    provider: str
    kind: str
    since: datetime
    until: datetime
    asked_at: datetime
    cursor: str | None = None
    objects: int = 0
    unreadable: tuple[str, ...] = ()
    covered_until: datetime | None = None
    done: bool = False

    @property
    def upper(self) -> datetime:
        """How far it can reach."""
        return min(self.until, self.asked_at)


def begin(conn: Connection, wanted: Sequence[Window]) -> list[Window]:
    """The windows as they are to be listed: where a run of all of them was broken off, as it left them, some done and
    one in the middle; else all from the beginning."""
    fresh: dict[str, Any] = {"state": RUNNING, "cursor": None, "covered_until": None, "objects": 0, "unreadable": []}
    put(conn, backfills, [{**_key(one), "asked_at": one.asked_at, **fresh} for one in wanted], key=KEY, replacing=False)
    found = [_window(conn.execute(select(backfills).where(_same(one)).with_for_update()).one()) for one in wanted]
    if not all(window.done for window in found):
        return found
    for one in wanted:
        conn.execute(update(backfills).where(_same(one)).values(asked_at=one.asked_at, **fresh))
    return list(wanted)


def advance(conn: Connection, window: Window) -> None:
    """Note how far the window has come, in the transaction that keeps what was listed."""
    told = {
        "cursor": window.cursor,
        "objects": window.objects,
        "unreadable": list(window.unreadable[:UNREADABLE_KEPT]),
        "covered_until": window.covered_until,
        "state": DONE if window.done else RUNNING,
    }
    conn.execute(update(backfills).where(_same(window)).values(told))


def windows(conn: Connection, provider: str, since: datetime) -> list[Window]:
    """The provider's finished windows that reach behind `since`, in order."""
    query = select(backfills).where(_b.provider == provider, _b.state == DONE, _b.until > since)
    return [_window(row) for row in conn.execute(query.order_by(_b.kind, _b.since, _b.until))]


def take_in(conn: Connection, keyring: Keyring, told: Sequence[Told]) -> None:
    """Store what a list told. Most of it says what is known: that is noted as told, for completeness is counted by it,
    but the fact stays untouched. A night so costs what changed, not what there is."""
    lock_facts(conn)
    pairs = [(one, Told(without_address(one.fact, keyring), one.source, one.delivery_id)) for one in told]
    held = rows.by_key(conn, {key_of(plain.fact) for _, plain in pairs})
    news = [_confirms(held.get(key_of(plain.fact)), plain.fact) for _, plain in pairs]
    store_facts(conn, keyring, [one for (one, _), known in zip(pairs, news, strict=True) if not known])
    _confirm(conn, [plain for (_, plain), known in zip(pairs, news, strict=True) if known])


def agreements_after(conn: Connection, provider: str, after: str, limit: int) -> Sequence[str]:
    """The next agreements of a provider in order that the roster or a fact names, those apart that have ended."""
    i, f = identifiers.c, facts.c
    known = union(
        select(i.value.label("name")).where(i.provider == provider, i.kind == "subscription"),
        select(f.object_id.label("name")).where(f.provider == provider, f.kind == "subscription"),
    ).subquery()
    ended = select(f.object_id).where(f.provider == provider, f.kind == "subscription", f.state == "ended")
    query = select(known.c.name).where(known.c.name > after, known.c.name.not_in(ended))
    return conn.scalars(query.order_by(known.c.name).limit(limit)).all()


def agreements_charged(conn: Connection, provider: str, after: str, limit: int) -> Sequence[str]:
    """The next subscriptions in order that any fact names, ended ones among them."""
    f = facts.c
    query = select(f.subscription).where(f.provider == provider, f.subscription > after).distinct()
    return [name for name in conn.scalars(query.order_by(f.subscription).limit(limit)) if name is not None]


def memberships_of(conn: Connection, provider: str, agreements: Sequence[str]) -> dict[str, frozenset[str]]:
    """The memberships that the roster knows by each of these subscriptions."""
    i = identifiers.c
    named = listed(conn, ["value"], [(name,) for name in agreements])
    query = select(i.value, i.membership).join(named, i.value == named.c.value)
    found: dict[str, set[str]] = {}
    for value, membership in conn.execute(query.where(i.provider == provider, i.kind == "subscription")):
        found.setdefault(value, set()).add(membership)
    return {value: frozenset(members) for value, members in found.items()}


def _confirms(kept: Kept | None, fact: Fact) -> bool:
    """Whether a telling says nothing of the object but that it is still as it was."""
    if kept is None:
        return False
    both: Fact = merge([kept.fact, fact])  # type: ignore[type-var] # both of one key, and so of one kind
    return replace(both, told_at=kept.fact.told_at) == kept.fact


def _confirm(conn: Connection, told: Sequence[Told]) -> None:
    """Keep the latest confirmation of each object in place of those before."""
    named = listed(conn, ["provider", "kind", "id"], {key_of(one.fact) for one in told})
    t = tellings.c
    same = (t.provider == named.c.provider) & (t.kind == named.c.kind) & (t.object_id == named.c.id)
    query = select(t.id, t.provider, t.kind, t.object_id, t.body).join(named, same).where(t.source == BACKFILL)
    said = {key_of(one.fact): _timeless(fact_to_plain(one.fact)) for one in told}
    older = [
        row.id for row in conn.execute(query) if said[row.provider, row.kind, row.object_id] == _timeless(row.body)
    ]
    if older:
        conn.execute(delete(tellings).where(t.id.in_(older)))
    telling.keep(conn, told)


def _timeless(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "told_at"}


def _key(window: Window) -> dict[str, Any]:
    return {"provider": window.provider, "kind": window.kind, "since": window.since, "until": window.until}


def _same(window: Window) -> Any:  # noqa: ANN401 - a condition
    named = (_b.provider == window.provider) & (_b.kind == window.kind)
    return named & (_b.since == window.since) & (_b.until == window.until)


def _window(row: Any) -> Window:  # noqa: ANN401 - a row of `backfills`
    return Window(
        row.provider,
        row.kind,
        row.since,
        row.until,
        row.asked_at,
        row.cursor,
        row.objects,
        tuple(row.unreadable),
        row.covered_until,
        row.state == DONE,
    )
