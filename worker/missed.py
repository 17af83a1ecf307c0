"""What no webhook told, as findings: one for each provider, kind of object and day. No money is wrong by it, but
an endpoint that loses deliveries is blind exactly when it matters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from reconcile.outcome import Confidence, Finding, FindingKind, FindingStatus
from reconcile.stints import day_begins, day_over, local_date
from worker.audit import ACTOR, Entry, append_all
from worker.schema import findings
from worker.store import days
from worker.store.days import Came
from worker.store.judgements import Judgement, write

# Both providers send a webhook again for three days; a day is over before its last retries are.
WINDOW = timedelta(days=4)
# What was found this long ago is looked at again: a delivery that is imported later clears it.
REACH = timedelta(days=40)
NAMED_MAX = 20
PROVIDERS = ("paypal", "stripe")

_WEBHOOK = frozenset({"webhook", "import"})


def missed_webhooks(
    conn: Connection, since: date, until: date, *, zone: str, at: datetime
) -> list[tuple[str, str, int]]:
    """Make the findings of what no webhook told what is known by `until`, and give what could first be found on the
    dates `since` to `until`: provider, kind of object, how many.

    Only of providers that have delivered webhooks, since the first one: who imports files only misses none. `at` is the
    time that the audit log names."""
    first, last = min(since, until - REACH) - WINDOW, until - WINDOW
    wanted: list[Finding] = []
    counts: Counter[tuple[str, str]] = Counter()
    for provider in PROVIDERS:
        for (kind, day), missing in _missing(conn, provider, (first, last), zone).items():
            finding = _finding(provider, kind, day, missing)
            wanted.append(finding)
            if since <= finding.first_seen <= until:
                counts[provider, kind] += len(missing)
        _clear(conn, provider, (first, last), {finding.key for finding in wanted}, at)
    entries = write(conn, Judgement(findings=tuple(wanted)), at)
    if entries:
        append_all(conn, entries, at)
    return [(provider, kind, count) for (provider, kind), count in sorted(counts.items())]


def _missing(
    conn: Connection, provider: str, bounds: tuple[date, date], zone: str
) -> dict[tuple[str, date], list[Came]]:
    began = days.first_webhook(conn, provider)
    if began is None:
        return {}
    start, end = max(began, day_begins(bounds[0], zone)), day_over(bounds[1], zone)
    missing: dict[tuple[str, date], list[Came]] = {}
    for one in days.came(conn, provider, start, end) if start < end else ():
        if not one.sources & _WEBHOOK:
            missing.setdefault((one.kind, local_date(one.at, zone)), []).append(one)
    return missing


def _finding(provider: str, kind: str, day: date, missing: Sequence[Came]) -> Finding:
    ids = sorted(one.object_id for one in missing)
    named = [f"{provider}:{name}" for name in ids[:NAMED_MAX]]
    more = [f"and {len(ids) - NAMED_MAX} more"] if len(ids) > NAMED_MAX else []
    what = f"{len(ids)} {kind}{'s' if len(ids) > 1 else ''} of {day} at {provider}, told by no webhook"
    return Finding(
        key=f"missed:{provider}:{kind}:{day}",
        kind=FindingKind.MISSED_WEBHOOK,
        membership=None,
        charge=None,
        renewal=None,
        charged=None,
        expected=None,
        excess=None,
        confidence=Confidence.CERTAIN,
        because=(what, *named, *more),
        first_seen=day + WINDOW,
    )


def _clear(conn: Connection, provider: str, bounds: tuple[date, date], wanted: set[str], at: datetime) -> None:
    """What webhooks have told since is missing no longer: it goes, or is cleared where a night has shown it."""
    kind = FindingKind.MISSED_WEBHOOK.value
    gone = [key for key in days.finding_keys(conn, kind, provider, *bounds) if key not in wanted]
    f = findings.c
    still = select(f.key).where(f.key.in_(gone), f.status != FindingStatus.CLEARED.value).order_by(f.key)
    keys = conn.scalars(still).all()
    if not keys:
        return
    conn.execute(delete(findings).where(f.key.in_(keys), f.published.is_(False)))
    conn.execute(update(findings).where(f.key.in_(keys)).values(status=FindingStatus.CLEARED.value))
    append_all(conn, [Entry(ACTOR, "finding_cleared", key, {"kind": kind}) for key in keys], at)
