"""A small sample of `benchmarks/reconcile.py`: of made-up memberships with known errors exactly those are found."""

from __future__ import annotations

from itertools import islice

import pytest
from sqlalchemy import select

from benchmarks.charges import AS_OF, lives
from benchmarks.loading import forget_judgements, load
from worker.judging import reconcile_all
from worker.runtime import Runtime
from worker.schema import findings, memberships
from worker.screening import screen
from worker.sharing import judge_shared
from worker.store.due import Wanted

MEMBERSHIPS = 150


@pytest.fixture
def loaded(runtime: Runtime) -> Runtime:
    load(runtime.engine, lives(MEMBERSHIPS))
    return runtime


def found(runtime: Runtime) -> dict[str, str]:
    with runtime.engine.begin() as conn:
        return dict(conn.execute(select(findings.c.charge, findings.c.kind)).all())


def test_all_known_errors_are_found_and_nothing_else(loaded: Runtime) -> None:
    everyone = list(islice(lives(MEMBERSHIPS), MEMBERSHIPS))
    wrong = {str(one.charge.ref): one.wrong for life in everyone for one in life.taken if one.wrong}
    assert len(set(wrong.values())) == 4
    reconcile_all(loaded, AS_OF, everything=True)
    assert found(loaded) == wrong
    forget_judgements(loaded.engine)
    judge_shared(loaded, Wanted(AS_OF), "a run")
    assert found(loaded) == wrong


def test_three_of_four_need_no_more_than_a_look(loaded: Runtime) -> None:
    with loaded.engine.begin() as conn:
        refs = conn.scalars(select(memberships.c.ref).order_by(memberships.c.ref)).all()
        screened = screen(conn, refs, loaded.rules, AS_OF)
    right = [life.membership.ref for life in lives(MEMBERSHIPS) if not any(one.wrong for one in life.taken)]
    assert [outcome.membership for outcome in screened.clean] == right
