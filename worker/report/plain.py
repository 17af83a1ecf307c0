"""The report for programs: the view as JSON, money as whole minor units with its currency, dates ISO."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any

from reconcile.summary import Tally
from worker.report.lines import FindingLine, RemedyLine
from worker.report.sums import Sums
from worker.report.view import Group, Item, KindLine, View


def as_json(shown: View) -> str:
    """What is not done first. The same books give the same text."""
    told, summary = shown.told, shown.summary
    plain: dict[str, Any] = {
        "night": shown.night,
        "complete": summary.complete,
        "incomplete": [asdict(gap) for gap in summary.gaps],
        "needs_a_person": summary.needs_a_person,
        "since": summary.since,
        "judged_as_of": told.judged_as_of,
        "time_zone": told.zone,
        "mode": summary.mode,
        "memberships": told.memberships,
        "charges": shown.charges,
        "ties": shown.ties,
        "not_done": _not_done(shown),
        "owed": [_owed(one) for one in shown.sums],
        "controls": [{**asdict(one.total), "ties": one.ties} for one in shown.sums],
        "new": _tally(summary.new),
        "persisting": _tally(summary.persisting),
        "closed": _tally(summary.closed),
        "ages": [{"days": tally.name, **_tally(tally)} for tally in summary.ages],
        "kinds": [_kind(line) for line in shown.kinds],
        "missed_webhooks": [dict(zip(("provider", "type", "count"), row, strict=True)) for row in summary.missed],
        "not_asked": list(summary.unchecked),
        "completeness": [{**asdict(day), "complete": not day.missing} for day in summary.days],
        "look_alikes": dict(told.look_alikes),
        "findings": [_finding(item) for item in shown.items],
        "on_claims": [_remedy(remedy) for remedy in told.on_claims],
        "clauses": [asdict(clause) for clause in told.clauses],
    }
    return json.dumps(plain, indent=1, ensure_ascii=False, default=_iso) + "\n"


def _not_done(shown: View) -> dict[str, Any]:
    work = shown.summary.work
    return {
        "held": [_group(group) for group in shown.held],
        "failed": _tally(shown.summary.failed),
        "overdue": _tally(shown.summary.overdue),
        "to_follow_up": [_group(group) for group in shown.follow_up],
        "only_reported": [_group(group) for group in shown.reported],
        "unreadable_webhooks": work.failed_deliveries,
        "not_judged": work.unjudged,
        "money_stopped": work.stopped,
    }


def _group(group: Group) -> dict[str, Any]:
    keys = [item.line.key for item in group.items]
    return {"reason": group.name, "count": len(keys), "amounts": dict(group.amounts), "findings": keys}


def _tally(tally: Tally) -> dict[str, Any]:
    return {"count": tally.count, "amounts": dict(tally.amounts)}


def _owed(one: Sums) -> dict[str, Any]:
    total = one.total
    names = ("currency", "owed", "settled", "on_its_way", "queued", "held", "failed", "elsewhere", "waived")
    return {name: getattr(total, name) for name in names}


def _kind(line: KindLine) -> dict[str, Any]:
    return {
        "finding": line.kind,
        "count": line.count,
        "open": line.still,
        "excess": dict(line.excess),
        "owed": dict(line.owed),
        "last_30_days": {"count": line.recent, "amounts": dict(line.recent_amounts), "by_day": list(line.days)},
    }


def _finding(item: Item) -> dict[str, Any]:
    line: FindingLine = item.line
    return {
        "key": line.key,
        "finding": line.kind,
        "membership": line.membership,
        "charge": line.charge,
        "agreement": line.agreement,
        "renewal": line.renewal,
        "charged": line.charged_minor,
        "expected": line.expected_minor,
        "excess": line.excess_minor,
        "currency": line.currency,
        "confidence": line.confidence,
        "status": line.status,
        "news": item.news,
        "first_seen": line.first_seen,
        "days": item.days,
        "age": item.bucket,
        "because": list(line.because),
        "counted": asdict(item.owes),
        "remedies": [_remedy(remedy) for remedy in line.remedies],
    }


def _remedy(remedy: RemedyLine) -> dict[str, Any]:
    told = asdict(remedy)
    told["amount"] = told.pop("amount_minor")
    return {**told, "cited": list(remedy.cited)}


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the report")
