"""The roster in the database: versions only where something changed, nothing of a member in the clear."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from reconcile.membership import PriceChange
from tests.worker import world as w
from tests.worker.conftest import Clock
from worker.judging import reconcile_all
from worker.runtime import Runtime
from worker.schema import identifiers, membership_versions, memberships
from worker.store import roster
from worker.store.roster import Imported, RosterRow, import_memberships

ANN = w.row("M-1", w.stripe(1), email="ann@example.com")
BO = w.row("M-2", w.stripe(2))


def take_in(runtime: Runtime, *rows: RosterRow) -> Imported:
    with runtime.engine.begin() as conn:
        return import_memberships(conn, runtime.keyring, rows, runtime.clock())


def test_importing_again_changes_nothing(runtime: Runtime, clock: Clock) -> None:
    assert take_in(runtime, ANN, BO) == Imported(added=2)
    reconcile_all(runtime, date(2026, 1, 9))
    clock.advance(timedelta(days=1))
    assert take_in(runtime, ANN, BO) == Imported(unchanged=2)
    with runtime.engine.begin() as conn:
        rows = conn.execute(select(memberships)).mappings().all()
        assert [(row["version"], row["touched"]) for row in rows] == [(1, False), (1, False)]


def test_a_changed_row_is_the_next_version_and_the_earlier_one_is_kept(runtime: Runtime) -> None:
    take_in(runtime, ANN, BO)
    dearer = replace(ANN.membership, changes=(PriceChange(date(2026, 4, 8), 10900),))
    assert take_in(runtime, RosterRow(dearer, ANN.personal)) == Imported(changed=1)
    with runtime.engine.begin() as conn:
        stored = roster.membership(conn, "M-1")
        assert stored is not None
        assert stored.changes == dearer.changes
        versions = conn.execute(select(membership_versions).order_by("ref", "version")).mappings().all()
        assert [(row["ref"], row["version"]) for row in versions] == [("M-1", 1), ("M-1", 2), ("M-2", 1)]
        assert "changes" not in versions[0]["roster"] or not versions[0]["roster"]["changes"]


def test_personal_fields_are_sealed_and_come_back(runtime: Runtime) -> None:
    person = {"name": "Ann Other", "email": "ann@example.com", "country": "US"}
    take_in(runtime, RosterRow(ANN.membership, person))
    with runtime.engine.begin() as conn:
        assert roster.personal(conn, runtime.keyring, "M-1") == person
        assert roster.personal(conn, runtime.keyring, "M-9") == {}
        tables = (memberships, membership_versions, identifiers)
        kept = [str(row) for table in tables for row in conn.execute(select(table))]
    assert not [row for row in kept if "ann@" in row.lower() or "Other" in row]
    assert take_in(runtime, RosterRow(ANN.membership, {**person, "name": "Ann Else"})) == Imported(changed=1)


def test_identifiers_follow_the_row(runtime: Runtime) -> None:
    take_in(runtime, ANN)
    take_in(runtime, w.row("M-1", w.stripe(3)))
    with runtime.engine.begin() as conn:
        known = conn.execute(select(identifiers.c.provider, identifiers.c.kind, identifiers.c.value)).all()
    assert {tuple(row) for row in known} == {
        ("", "named", "M-1"),
        ("stripe", "subscription", "sub_3"),
        ("stripe", "customer", "cus_3"),
    }


def test_two_rows_for_one_membership_are_refused(runtime: Runtime) -> None:
    with pytest.raises(ValueError, match="two rows"):
        take_in(runtime, ANN, ANN)


def test_references_come_in_order_and_in_parts(runtime: Runtime) -> None:
    take_in(runtime, *(w.row(f"M-{n}") for n in (3, 1, 2)))
    with runtime.engine.begin() as conn:
        assert [list(part) for part in roster.refs(conn, 2)] == [["M-1", "M-2"], ["M-3"]]
        assert list(roster.by_ref(conn, ["M-2", "M-9", "M-1"])) == ["M-2", "M-1"]
