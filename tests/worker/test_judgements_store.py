"""What becomes of stored findings and remedies when their charge is judged again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, update

from reconcile.facts import Ref
from reconcile.money import Money
from reconcile.outcome import (
    Confidence,
    Finding,
    FindingKind,
    FindingStatus,
    HeldBecause,
    Remedy,
    RemedyKind,
    RemedyState,
)
from worker.runtime import Runtime
from worker.schema import findings, remedies
from worker.store import listings
from worker.store.judgements import Judgement, write
from worker.store.verdicts import Act, Stored, weigh

CHARGE = Ref("stripe", "ch_1")
USD = Money(9900, "USD")
FOUND = Finding(
    "finding:stripe:ch_1",
    FindingKind.DUPLICATE_CHARGE,
    "M-1",
    CHARGE,
    date(2026, 3, 8),
    USD,
    USD,
    USD,
    Confidence.CERTAIN,
    ("it was paid before",),
    date(2026, 3, 9),
)
OWED = Remedy(
    "remedy:stripe:ch_1",
    FOUND.key,
    RemedyKind.REFUND,
    USD,
    RemedyState.QUEUED,
    "voip-fulfillment/FP-2",
    "v1",
)
LESS = replace(OWED, amount=Money(5000, "USD"))
MORE = replace(OWED, amount=Money(12000, "USD"))
HELD = replace(OWED, state=RemedyState.HELD, held_because=HeldBecause.DISPUTED)
SETTLED = replace(OWED, state=RemedyState.SETTLED)
SUBMITTED = replace(OWED, state=RemedyState.SUBMITTED)
REVIEW = replace(HELD, kind=RemedyKind.REVIEW, amount=None)


def stored(state: str, person: bool = False, held: str | None = None, observed: bool = False) -> Stored:
    return Stored("refund", 9900, "USD", RemedyState(state), held, person, observed)


VERDICTS = [
    ("nothing is there and nothing is wanted", None, None, Act.KEEP),
    ("a first decision", None, OWED, Act.DECIDE),
    ("nobody touched it: it follows the judgement", stored("queued"), LESS, Act.DECIDE),
    ("nobody touched it: it follows the judgement to held", stored("queued"), HELD, Act.DECIDE),
    ("nobody touched it: it goes with the finding", stored("held"), None, Act.DELETE),
    ("nothing was sent from here: it follows the facts", stored("settled", observed=True), OWED, Act.DECIDE),
    ("nothing was sent from here: it goes with the facts", stored("settled", observed=True), None, Act.DELETE),
    ("the breaker holds it: the same judgement leaves it held", stored("held", held="breaker"), OWED, Act.KEEP),
    ("the breaker holds it: another amount is decided anew", stored("held", held="breaker"), LESS, Act.DECIDE),
    ("approved, and judged the same", stored("queued", person=True), OWED, Act.KEEP),
    ("approved, and disputed since", stored("queued", person=True), HELD, Act.HOLD_DISPUTED),
    ("approved, and known to be disputed", stored("held", person=True, held="disputed"), HELD, Act.KEEP),
    ("approved, and judged lower", stored("queued", person=True), LESS, Act.HOLD_CHANGED),
    ("approved, and judged higher", stored("queued", person=True), MORE, Act.HOLD_CHANGED),
    ("approved, and the money is back by another way", stored("queued", person=True), SETTLED, Act.ADVANCE),
    ("approved, and the finding vanished", stored("queued", person=True), None, Act.WAIVE),
    ("sent, and judged the same", stored("submitted"), OWED, Act.KEEP),
    ("sent, and the provider says settled", stored("submitted"), SETTLED, Act.ADVANCE),
    ("sent, and judged lower", stored("submitted"), LESS, Act.KEEP),
    ("sent, and judged higher", stored("submitted"), MORE, Act.FLAG),
    ("sent, and the finding vanished", stored("submitted"), None, Act.KEEP),
    ("settled, and seen so", stored("settled"), SETTLED, Act.KEEP),
    ("settled, and something is still owed", stored("settled"), LESS, Act.FLAG),
    ("settled, and still owed, as is known", stored("settled", held="changed"), LESS, Act.KEEP),
    ("settled, and no longer owed", stored("settled", held="changed"), SETTLED, Act.UNFLAG),
    ("failed, and judged the same", stored("failed"), OWED, Act.KEEP),
    ("failed, and yet the provider says settled", stored("failed"), SETTLED, Act.ADVANCE),
    ("waived, and judged the same", stored("waived", person=True), OWED, Act.KEEP),
    ("waived, and judged higher", stored("waived", person=True), MORE, Act.HOLD_CHANGED),
    ("waived, and the finding vanished", stored("waived", person=True), None, Act.KEEP),
    ("waived by nobody, and not wanted", stored("waived"), None, Act.KEEP),
    ("waived by nobody, and wanted again", stored("waived"), OWED, Act.DECIDE),
    ("waived by nobody, and wanted again of a person", stored("waived"), HELD, Act.DECIDE),
    ("waived, and the money went back all the same", stored("waived", person=True), SETTLED, Act.KEEP),
    ("settled, and a person is asked about no amount", stored("settled"), REVIEW, Act.KEEP),
]


@pytest.mark.parametrize(("sentence", "row", "wanted", "act"), VERDICTS, ids=[v[0] for v in VERDICTS])
def test_verdict(sentence: str, row: Stored | None, wanted: Remedy | None, act: Act) -> None:
    assert weigh(row, wanted) is act, sentence


def judge(runtime: Runtime, finding: Finding | None, remedy: Remedy | None) -> list[str]:
    """Write a judgement of M-1; the actions that it put into the audit log."""
    judgement = Judgement(
        frozenset({"M-1"}), findings=(finding,) if finding else (), remedies=(remedy,) if remedy else ()
    )
    with runtime.engine.begin() as conn:
        return [entry.action for entry in write(conn, judgement, runtime.clock())]


def one(runtime: Runtime, table: Table) -> Mapping[str, Any] | None:
    with runtime.engine.begin() as conn:
        row = conn.execute(select(table)).mappings().one_or_none()
    return None if row is None else dict(row)


def touch(runtime: Runtime, **values: object) -> None:
    with runtime.engine.begin() as conn:
        conn.execute(update(remedies).values(values))


def test_a_judgement_is_written_once(runtime: Runtime) -> None:
    assert judge(runtime, FOUND, OWED) == ["finding_opened", "remedy_decided"]
    decided = one(runtime, remedies)
    assert judge(runtime, FOUND, OWED) == []
    assert one(runtime, remedies) == decided
    assert judge(runtime, FOUND, HELD) == ["remedy_changed"]


def test_a_case_comes_to_what_its_remedy_does(runtime: Runtime) -> None:
    """Else to its excess. The log says a change once, of the remedy."""
    steps = [
        (LESS, ["finding_opened", "remedy_decided"], 5000),
        (MORE, ["remedy_changed"], 12000),
        (REVIEW, ["remedy_changed"], 9900),
        (LESS, ["remedy_changed"], 5000),
        (None, ["remedy_withdrawn"], 9900),
    ]
    for remedy, actions, minor in steps:
        assert judge(runtime, FOUND, remedy) == actions
        case = one(runtime, findings)
        assert case is not None
        assert (case["amount_minor"], case["amount_currency"]) == (minor, "USD")


def test_what_nobody_saw_vanishes_without_a_trace(runtime: Runtime) -> None:
    judge(runtime, FOUND, OWED)
    assert judge(runtime, None, None) == ["finding_withdrawn", "remedy_withdrawn"]
    assert one(runtime, findings) is None
    assert one(runtime, remedies) is None


def test_what_a_report_has_shown_is_cleared(runtime: Runtime) -> None:
    judge(runtime, FOUND, OWED)
    with runtime.engine.begin() as conn:
        conn.execute(update(findings).values(published=True))
    judge(runtime, None, None)
    cleared = one(runtime, findings)
    assert cleared is not None
    assert (cleared["status"], cleared["published"]) == ("cleared", True)
    assert one(runtime, remedies) is None
    judge(runtime, FOUND, OWED)
    reopened = one(runtime, findings)
    assert reopened is not None
    assert (reopened["status"], reopened["published"]) == ("open", True)


def test_an_approval_does_not_carry_over_to_another_amount(runtime: Runtime) -> None:
    judge(runtime, FOUND, OWED)
    touch(runtime, touched_by_person=True)
    assert judge(runtime, FOUND, OWED) == []
    judge(runtime, FOUND, LESS)
    row = one(runtime, remedies)
    assert row is not None
    assert (row["state"], row["held_because"], row["amount_minor"]) == ("held", "changed", 5000)
    assert row["touched_by_person"]
    judge(runtime, None, None)
    row, finding = one(runtime, remedies), one(runtime, findings)
    assert row is not None
    assert finding is not None
    assert (row["state"], finding["status"]) == ("waived", "cleared")


def test_money_that_was_sent_is_never_judged_away(runtime: Runtime) -> None:
    judge(runtime, FOUND, OWED)
    touch(runtime, state="submitted")
    assert judge(runtime, FOUND, MORE) == ["remedy_differs"]
    row = one(runtime, remedies)
    assert row is not None
    assert (row["state"], row["amount_minor"], row["held_because"]) == ("submitted", 9900, "changed")
    assert judge(runtime, FOUND, SETTLED) == ["remedy_advanced"]
    judge(runtime, None, None)
    row, finding = one(runtime, remedies), one(runtime, findings)
    assert row is not None
    assert finding is not None
    assert (row["state"], finding["status"]) == ("settled", "cleared")


def test_a_waiver_holds_while_what_was_waived_is_all_there_is(runtime: Runtime) -> None:
    judge(runtime, FOUND, OWED)
    touch(runtime, state="waived", touched_by_person=True)
    with runtime.engine.begin() as conn:
        conn.execute(update(findings).values(status="waived"))
    assert judge(runtime, FOUND, OWED) == []
    judge(runtime, FOUND, MORE)
    finding = one(runtime, findings)
    assert finding is not None
    assert finding["status"] == "open"


def test_a_waiver_holds_where_what_was_waived_was_not_wanted_for_a_while(runtime: Runtime) -> None:
    judge(runtime, FOUND, OWED)
    touch(runtime, state="waived", touched_by_person=True)
    judge(runtime, None, None)
    assert _stands(runtime) == ("waived", "cleared")
    judge(runtime, FOUND, OWED)
    assert _stands(runtime) == ("waived", "waived")
    judge(runtime, FOUND, MORE)
    assert _stands(runtime) == ("held", "open")


def test_what_a_person_let_go_and_nobody_gave_up_is_owed_when_it_is_wanted_again(runtime: Runtime) -> None:
    """Refunded by other hands before it was sent, and that refund failed: nobody has decided that nothing is paid."""
    elsewhere = replace(FOUND, kind=FindingKind.CORRECTED_ELSEWHERE, status=FindingStatus.SETTLED)
    for wanted, state in ((OWED, "queued"), (HELD, "held")):
        judge(runtime, FOUND, OWED)
        touch(runtime, touched_by_person=True)
        judge(runtime, elsewhere, None)
        assert _stands(runtime) == ("waived", "settled")
        with runtime.engine.begin() as conn:
            assert [row["remedy"] for row in listings.findings(conn)] == [None]
        judge(runtime, FOUND, wanted)
        assert _stands(runtime) == (state, "open")


def _stands(runtime: Runtime) -> tuple[str, str]:
    row, finding = one(runtime, remedies), one(runtime, findings)
    assert row is not None
    assert finding is not None
    return row["state"], finding["status"]


def test_a_charge_that_moved_takes_its_finding_along(runtime: Runtime) -> None:
    judge(runtime, FOUND, OWED)
    moved = replace(FOUND, membership="M-2")
    with runtime.engine.begin() as conn:
        write(conn, Judgement(frozenset({"M-2"}), findings=(moved,), remedies=(OWED,)), runtime.clock())
    assert judge(runtime, None, None) == []
    finding, row = one(runtime, findings), one(runtime, remedies)
    assert finding is not None
    assert row is not None
    assert (finding["membership"], row["membership"]) == ("M-2", "M-2")


def test_a_finding_of_another_membership_is_left_alone(runtime: Runtime) -> None:
    with runtime.engine.begin() as conn:
        other = replace(FOUND, key="finding:stripe:ch_2", membership="M-2")
        write(conn, Judgement(frozenset({"M-2"}), findings=(other,)), runtime.clock())
        conn.execute(insert(remedies).values(_remedy_of_nobody(runtime)))
    judge(runtime, FOUND, None)
    judge(runtime, None, None)
    assert one(runtime, findings) is not None
    assert one(runtime, remedies) is not None


def _remedy_of_nobody(runtime: Runtime) -> dict[str, Any]:
    return {
        "key": "remedy:stripe:ch_2",
        "finding": "finding:stripe:ch_2",
        "kind": "refund",
        "state": "queued",
        "cited": [],
        "arithmetic": "",
        "decided_at": runtime.clock(),
    }


def test_a_refund_and_the_cancellation_of_its_agreement_stand_side_by_side(runtime: Runtime) -> None:
    proposal = Remedy(
        "cancel:stripe:sub_1",
        FOUND.key,
        RemedyKind.CANCEL_AGREEMENT,
        None,
        RemedyState.HELD,
        "smartcalls/SC-7",
        "1",
        held_because=HeldBecause.APPROVAL,
    )
    both = Judgement(frozenset({"M-1"}), findings=(FOUND,), remedies=(OWED, proposal))
    with runtime.engine.begin() as conn:
        write(conn, both, runtime.clock())
        assert write(conn, both, runtime.clock()) == []
        assert sorted(conn.scalars(select(remedies.c.key))) == ["cancel:stripe:sub_1", "remedy:stripe:ch_1"]
        shown = list(listings.findings(conn))
        assert [finding["remedy"]["key"] for finding in shown] == ["remedy:stripe:ch_1"]
        assert len(list(listings.remedies(conn))) == 2

        write(conn, replace(both, remedies=(OWED,)), runtime.clock())
        assert list(conn.scalars(select(remedies.c.key))) == ["remedy:stripe:ch_1"]
