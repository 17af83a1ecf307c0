"""Each clause of the five bundles, struck out in turn, with the scenarios that come out otherwise without it.

`python -m tests.scenarios.struck [CLAUSE …]` shows what each of them says with the clause and without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from reconcile.claims_types import Returned
from reconcile.facts import Ref, RefundState
from reconcile.judgement import reconcile
from reconcile.ledger import Ledger
from reconcile.policy import Bundle, Policy, Rules
from tests.scenarios.claims_world import BOUGHT, MONEY_BACK, Told, on_day, said
from tests.scenarios.test_claims import ROWS as CLAIMS
from tests.scenarios.test_worked_examples import ROWS as STORIES
from tests.scenarios.world import Story, at, charge, day, refund, rules


@dataclass(frozen=True, slots=True)
class Probe:
    """One scenario: what comes out of it under some rules."""

    name: str
    under: Callable[[Rules], str]


def without_clause(cited: str) -> Rules:
    """The same law with one clause (`bundle/ID`) struck out, and with it the rule that stands on it."""
    name, _, clause_id = cited.partition("/")

    def struck(bundle: Bundle) -> Bundle:
        def kept(named: str | None) -> str | None:
            return None if named == clause_id else named

        notice = bundle.notice
        return replace(
            bundle,
            clauses=tuple(c for c in bundle.clauses if c.id != clause_id),
            notice=None if notice is not None and notice.clause == clause_id else notice,
            written=kept(bundle.written),
            setup_once=kept(bundle.setup_once),
            confirmation=kept(bundle.confirmation),
        )

    law = rules().policy.versions
    return replace(rules(), policy=Policy({**law, name: tuple(map(struck, law[name]))}))


def _claim(row: str) -> Probe:
    told, _ = CLAIMS[row]
    return Probe(row, lambda law: said(told.decide(law)))


def _story(row: str) -> Probe:
    (story,) = (story for name, story, _ in STORIES if name.startswith(f"{row} "))
    return Probe(row, lambda law: _judged(story.ledger(), story, law))


def _judged(ledger: Ledger, story: Story, law: Rules) -> str:
    """Everything that the core says of a ledger: kinds, reasons, remedies, the clauses that they cite."""
    outcome = reconcile(ledger, law, day(story.as_of))
    findings = [f"{f.kind} {f.charge or f.agreement or f.renewal}: {'; '.join(f.because)}" for f in outcome.findings]
    decided = [f"{r.kind} {r.amount} {r.state} by {', '.join(r.cited) or 'no clause'}" for r in outcome.remedies]
    return " | ".join(findings + decided) or "nothing is wrong"


def _overdue() -> Probe:
    sent = refund("ch_1", 9900, on_day(1).split()[0], state=RefundState.PENDING)
    late = str(day(BOUGHT) + timedelta(days=40))
    story = Story(started=BOUGHT, policy=("iptv",), facts=(charge(BOUGHT, ref="ch_1"), sent), as_of=late)
    return Probe("W42", lambda law: _judged(story.ledger(), story, law))


def _again() -> Probe:
    back = Returned("iptv/IP-1", at(on_day(5)), "M-1", Ref("stripe", "ch_1"))
    again = str(day(BOUGHT) + timedelta(days=30))
    story = Story(
        started=BOUGHT, policy=("iptv",), facts=(charge(BOUGHT, ref="ch_1"), charge(again, ref="ch_2")), as_of=again
    )
    return Probe("subscribed again", lambda law: _judged(replace(story.ledger(), returned=(back,)), story, law))


def _claim_of(name: str, told: Told) -> Probe:
    return Probe(name, lambda law: said(told.decide(law)))


# What decides something in the core.
SCENARIOS: dict[str, tuple[Probe, ...]] = {
    "smartcalls/SC-1": (_story("W7"), _story("W8")),
    "smartcalls/SC-2": (_story("W17"),),
    "smartcalls/SC-4": (_claim("W19"),),
    "smartcalls/SC-5": (_claim("SC-5, services rendered"),),
    "smartcalls/SC-6": (_story("W9"),),
    "smartcalls/SC-7": (_story("W13"),),
    "smartcalls/SC-8": (_claim("W20"),),
    "voip-fulfillment/FP-1": (_claim("W22"),),
    "voip-fulfillment/FP-2": (_story("W7"), _story("W10"), _story("W14"), _story("W15")),
    "voip-fulfillment/FP-3": (_claim("FP-3"),),
    "voip-fulfillment/FP-4": (_story("W23"), _story("W24")),
    "voip-fulfillment/FP-5": (_claim("W21"),),
    "voip-fulfillment/FP-6": (_story("W47"), _claim("FP-6")),
    "virtual-number/VN-1": (_claim("VN-1"),),
    "virtual-number/VN-1.2": (_claim("VN-1, whatever is claimed"),),
    "virtual-number/VN-2": (_claim("VN-2, day 15"), _claim("W41, day 10")),
    "virtual-number/VN-3": (_claim("W40, day 7"), _claim("W40, day 8")),
    "virtual-number/VN-4": (_claim("VN-4"), _claim("VN-4, late"), _claim("VN-4, no evidence")),
    "virtual-number/VN-5": (_claim("W41, day 5"), _claim("VN-5, no defect told")),
    "virtual-number/VN-6": (_claim("VN-6"),),
    "virtual-number/VN-7": (_claim("W41, day 10"), _claim("VN-7, not by e-mail")),
    "iptv/IP-1": (_claim("W38"), _claim("IP-1, support not asked")),
    "iptv/IP-2": (_claim("IP-2"),),
    "iptv/IP-3": (_claim("IP-3"),),
    "iptv/IP-4": (_story("W26"),),
    "iptv/IP-5": (_overdue(),),
    "iptv/IP-7": (_again(),),
    "iptv/IP-8": (_claim("W39"), _claim_of("a minute after day 7", MONEY_BACK.but(when=on_day(8, "00:00")))),
    "iptv/IP-8.2": (_claim("IP-8.2"),),
    "iptv/IP-8.3": (_claim("IP-8.3, day 8"),),
}

# What the program carries out by itself, whoever is under the bundle: the tests that hold it to the clause.
DUTIES: dict[str, tuple[str, ...]] = {
    "smartcalls/SC-3": (
        "tests/scenarios/test_dates.py::test_w1_a_month_without_the_day_renews_on_its_last_and_the_day_comes_back",
    ),
    "iptv/IP-6": ("tests/worker/notices/test_notices.py::test_a_refund_is_told_with_its_amount_and_when_to_expect_it",),
    "iptv/IP-9": ("tests/scenarios/test_claims.py::test_a_refusal_gives_its_reason",),
    "smartcalls-privacy/PR-1": ("tests/worker/privacy/test_markers.py::test_no_marker_is_in_any_table_log_or_output",),
    "smartcalls-privacy/PR-2": (
        "tests/worker/test_scrubbing.py::test_it_is_removed_wherever_it_stands",
        "tests/worker/privacy/test_markers.py::test_no_number_is_in_a_kept_body_not_even_encrypted",
    ),
    "smartcalls-privacy/PR-3": ("tests/worker/privacy/test_markers.py::test_no_marker_is_in_any_table_log_or_output",),
    "smartcalls-privacy/PR-4": (
        "tests/worker/privacy/test_rights.py::test_each_member_has_a_key_of_their_own",
        "tests/worker/privacy/test_rotation.py::test_nothing_is_left_under_an_old_key_and_everything_opens",
        "tests/worker/test_crypt.py::test_spellings_of_one_address_meet",
    ),
    "smartcalls-privacy/PR-5": (
        "tests/worker/privacy/test_rights.py::test_what_is_kept_is_handed_over_and_the_look_is_noted",
    ),
    "smartcalls-privacy/PR-6": (
        "tests/worker/privacy/test_rights.py::test_a_correction_changes_what_is_kept_and_looked_up",
        "tests/worker/privacy/test_rights.py::test_nothing_goes_by_itself_of_a_member_who_restricted_it",
        "tests/worker/privacy/test_rights.py::test_an_erasure_destroys_the_key_and_leaves_the_books",
    ),
    "smartcalls-privacy/PR-7": (
        "tests/worker/privacy/test_rights.py::test_of_who_lives_in_the_union_nothing_personal_is_kept",
        "tests/worker/privacy/test_markers.py::test_a_payer_in_the_union_leaves_nothing_personal",
    ),
    "smartcalls-privacy/PR-8": ("tests/worker/privacy/test_markers.py::test_no_marker_is_in_any_table_log_or_output",),
    "smartcalls-privacy/PR-9": (
        "tests/worker/privacy/test_rights.py::test_what_is_kept_is_handed_over_and_the_look_is_noted",
    ),
}


def clauses() -> Iterator[str]:
    """Every clause of the bundles that come along, in their order."""
    for versions in rules().policy.versions.values():
        for bundle in versions:
            yield from (bundle.cite(clause.id) for clause in bundle.clauses)


def main(named: list[str]) -> None:
    for cited in named or clauses():
        print(cited)  # noqa: T201 - what the command is for
        for probe in SCENARIOS.get(cited, ()):
            print(f"  {probe.name}: {probe.under(rules())}")  # noqa: T201
            print(f"    without: {probe.under(without_clause(cited))}")  # noqa: T201
        for test in DUTIES.get(cited, ()):
            print(f"  held by {test}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
