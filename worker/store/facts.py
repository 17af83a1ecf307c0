"""Facts come in: tellings are kept, merged, bound to memberships, and what they touch is marked for judgement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select, update

from reconcile.facts import Fact, Ref, Subscription
from worker.codec import FactKey, in_utc, key_of
from worker.crypt import Keyring
from worker.schema import facts, memberships
from worker.store import rows, tellings
from worker.store.bindings import Identifier, Rebound, identified_by, rebind, taught_by
from worker.store.due import CHANGED
from worker.store.links import charges_of
from worker.store.rows import BOUND, LAST, Kept
from worker.store.sql import by_first, listed, lock_facts
from worker.store.tellings import Told, without_address


@dataclass(frozen=True, slots=True)
class Touched:
    """Whose judgement may have changed: memberships, and charges that belong to none (or did until now)."""

    memberships: frozenset[str] = frozenset()
    strays: frozenset[Ref] = frozenset()

    def __or__(self, other: Touched) -> Touched:
        return Touched(self.memberships | other.memberships, self.strays | other.strays)


def store_facts(conn: Connection, keyring: Keyring, told: Iterable[Told]) -> Touched:
    """Take in what deliveries told. A telling known already changes nothing; in whatever order and parts tellings come,
    the stored facts and their bindings are the same. What is touched is marked so, and stays marked until judged."""
    known = [Told(in_utc(without_address(t.fact, keyring)), t.source, t.delivery_id) for t in told]
    # Not yet under the lock: whoever tells the same waits here for the other, and whoever then has the lock sees it.
    new = tellings.keep(conn, known)
    if not new:
        return Touched()
    lock_facts(conn)
    before = rows.by_key(conn, new)
    first = by_first([(key, t.fact) for t in known if (key := key_of(t.fact)) in new and key not in before])
    merged = tellings.merged(conn, new, first)
    changed = [fact for fact in merged if (kept := before.get(key_of(fact))) is None or kept.fact != fact]
    unwritten = {key for fact in changed if (key := key_of(fact)) not in before and key[1] in LAST}
    rows.write(conn, [fact for fact in changed if key_of(fact) not in unwritten])
    touched = _rebind(conn, changed, before, unwritten)
    # A charge that was never judged is due without a mark.
    unjudged = {Ref(provider, id_) for provider, kind, id_ in first if kind == "charge"}
    mark(conn, replace(touched, strays=touched.strays - unjudged))
    return touched


def rebind_identified(conn: Connection, known: Collection[Identifier]) -> Touched:
    """Bind anew whatever carries one of these identifiers, of which the roster says something else now."""
    found = identified_by(conn, known)
    subscriptions = [kept.fact for kept in found.values() if isinstance(kept.fact, Subscription)]
    found |= identified_by(conn, taught_by(subscriptions) - set(known))
    found |= charges_of(conn, [kept.fact for kept in found.values()])
    return _touched(rebind(conn, found), frozenset())


def mark(conn: Connection, touched: Touched) -> None:
    """Mark for judgement, in key order. The rows are locked even where they are marked already: a judgement under way
    may be about to unmark them, and must not do so after facts that it has not seen."""
    if touched.memberships:
        named = listed(conn, ["ref"], [(ref,) for ref in touched.memberships])
        locked = select(memberships.c.ref).join(named, memberships.c.ref == named.c.ref).order_by(memberships.c.ref)
        refs = conn.scalars(locked.with_for_update(of=memberships)).all()
        conn.execute(
            update(memberships)
            .where(memberships.c.ref.in_(select(listed(conn, ["ref"], [(ref,) for ref in refs]).c.ref)))
            .where(memberships.c.touched.is_(False))  # as it is now that it is locked
            .values(touched=True)
        )
    if touched.strays:
        named = listed(conn, ["provider", "id"], [(ref.provider, ref.id) for ref in touched.strays])
        same = (facts.c.provider == named.c.provider) & (facts.c.object_id == named.c.id)
        # As above: whether it was judged is not asked, for that may be happening now.
        stray = (facts.c.kind == "charge") & facts.c.membership.is_(None)
        conn.execute(update(facts).where(stray, same).values(judged_as_of=CHANGED))


def _rebind(
    conn: Connection, changed: Sequence[Fact], before: dict[FactKey, Kept], unwritten: Collection[FactKey]
) -> Touched:
    """Bind what changed and what hangs on it. Earlier links count too: what a fact no longer concerns has changed."""
    new = {key for fact in changed if (key := key_of(fact)) not in before}
    earlier = [before[key].fact for fact in changed if (key := key_of(fact)) not in new]
    chosen = {
        key: replace(before[key], fact=fact) if key in before else Kept(fact)
        for fact in changed
        if (key := key_of(fact))[1] in BOUND
    }
    moved = [f for f in changed if isinstance(f, Subscription) and _identity(f) != _identity_before(f, before)]
    was = [f for f in earlier if isinstance(f, Subscription)]
    near = identified_by(conn, taught_by([*moved, *was])) if moved else {}
    near |= charges_of(conn, [*changed, *earlier, *(kept.fact for kept in near.values())])
    return _touched(rebind(conn, near | chosen, unwritten), new)


def _identity(subscription: Subscription) -> tuple[str | None, ...]:
    return subscription.customer, subscription.payer, subscription.named, subscription.email


def _identity_before(subscription: Subscription, before: dict[FactKey, Kept]) -> tuple[str | None, ...] | None:
    kept = before.get(key_of(subscription))
    return _identity(kept.fact) if kept is not None and isinstance(kept.fact, Subscription) else None


def _touched(rebound: Iterable[Rebound], new: Collection[FactKey]) -> Touched:
    members: set[str] = set()
    strays: set[Ref] = set()
    for one in rebound:
        members |= one.memberships
        was_stray = one.kept.binding.membership is None and one.kept.key not in new
        if one.kept.key[1] == "charge" and (was_stray or one.now.membership is None):
            strays.add(one.kept.fact.ref)
    return Touched(frozenset(members), frozenset(strays))
