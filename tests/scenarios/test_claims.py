"""Claims, row by row: the clauses of policies.md and its worked examples W19 to W22 and W38 to W41, at both edges of
every window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconcile.claims_types import ClaimKind
from reconcile.membership import Every, Termination
from reconcile.policy import Bundle, Policy
from tests.scenarios.claims_world import (
    BOUGHT,
    DEFECT,
    INVALID,
    IPTV,
    MONEY_BACK,
    NO_SMS,
    REPLACED,
    VIRTUAL,
    VOIP,
    Told,
    defect,
    down,
    on_day,
    said,
)
from tests.scenarios.world import DEFAULT, at, cancel, charge, day, rules

YEAR = (("every", Every.YEAR), ("price", 99000), ("notices", (cancel("2024-05-01"),)))
W19 = Told(
    ClaimKind.UNUSED_PERIOD,
    "2024-05-01",
    DEFAULT,
    started="2024-02-01",
    facts=(charge("2024-02-01", 99000, "ch_1"),),
    story=YEAR,
)
W20 = Told(
    ClaimKind.UNUSED_PERIOD,
    "2024-04-18",
    DEFAULT,
    started="2024-04-08",
    story=(("notices", (cancel("2024-04-18"),)),),
)
W21 = Told(
    ClaimKind.UNUSED_PERIOD,
    "2024-05-05",
    VOIP,
    started="2024-04-20",
    story=(("notices", (cancel("2024-05-05"),)),),
)
W22 = Told(ClaimKind.SERVICE_DISRUPTION, "2024-05-06", VOIP, started="2024-04-20").bringing(
    disruption=down("2024-05-03 09:00", "2024-05-05 18:00")
)
W41 = DEFECT
BREACH = (("notices", (Termination(day("2024-05-05"), "breach"),)),)
UNLAWFUL = (("notices", (Termination(day(BOUGHT), "unlawful use"),)),)


def kind(name: ClaimKind, policy: tuple[str, ...], n: int = 1) -> Told:
    return NO_SMS.but(kind=name, policy=policy, when=on_day(n))


ROWS = {
    # The worked examples
    "W19": (W19, "none 0 bar refused smartcalls/SC-4"),
    "W20": (W20, "none 0 bar refused smartcalls/SC-8"),
    "W21": (W21, "refund 4620 may held voip-fulfillment/FP-5"),
    "W22": (W22, "refund 990 may held voip-fulfillment/FP-1"),
    "W38": (MONEY_BACK, "refund 9900 shall queued iptv/IP-1"),
    "W39": (MONEY_BACK.but(when=on_day(8)), "none 0 bar refused iptv/IP-8"),
    "W39, as such": (MONEY_BACK.but(kind=ClaimKind.CHANGE_OF_MIND, when=on_day(8)), "none 0 bar refused iptv/IP-8"),
    "W40, day 7": (NO_SMS, "refund 9900 shall queued virtual-number/VN-3"),
    "W40, day 8": (NO_SMS.but(when=on_day(8)), "none 0 bar refused virtual-number/VN-3"),
    "W41, day 5": (W41, "refund 9900 shall queued virtual-number/VN-5"),
    "W41, day 10": (W41.but(when=on_day(10)), "review 9900 held virtual-number/VN-2 and virtual-number/VN-7"),
    # smartcalls
    "SC-8, no charge named": (W20.but(charge=None), "none 0 bar refused smartcalls/SC-8"),
    "SC-5, services rendered": (kind(ClaimKind.CHANGE_OF_MIND, ("smartcalls",)), "none 0 bar refused smartcalls/SC-5"),
    "SC-5 is silent about what was not rendered": (
        kind(ClaimKind.SERVICE_DISRUPTION, ("smartcalls",)),
        "review held smartcalls/SC-5",
    ),
    # voip-fulfillment
    "FP-1 asks when": (W22.without("disruption"), "review may pending voip-fulfillment/FP-1 (disruption)"),
    "FP-1, until midnight": (
        W22.without("disruption").bringing(disruption=down("2024-05-03 09:00", "2024-05-04 00:00")),
        "refund 330 may held voip-fulfillment/FP-1",
    ),
    "FP-1, a minute more": (
        W22.without("disruption").bringing(disruption=down("2024-05-03 09:00", "2024-05-04 00:01")),
        "refund 660 may held voip-fulfillment/FP-1",
    ),
    "FP-1, only days of the period": (
        W22.without("disruption").bringing(disruption=down("2024-04-10 09:00", "2024-04-20 01:00")),
        "refund 330 may held voip-fulfillment/FP-1",
    ),
    "FP-1, still down": (
        W22.without("disruption").bringing(disruption=down("2024-05-03 09:00", None)),
        "refund 1320 may held voip-fulfillment/FP-1",
    ),
    "FP-3": (kind(ClaimKind.CHANGE_OF_MIND, VOIP), "review may held voip-fulfillment/FP-3"),
    "FP-5 asks for the notice": (W21.but(story=()), "review may pending voip-fulfillment/FP-5 (notice)"),
    "FP-5, notice on the first day": (
        W21.but(story=(("notices", (cancel("2024-04-20"),)),)),
        "refund 9570 may held voip-fulfillment/FP-5",
    ),
    "FP-5, notice on the last day": (
        W21.but(when="2024-05-19", story=(("notices", (cancel("2024-05-19"),)),)),
        "none 0 may refused voip-fulfillment/FP-5",
    ),
    "FP-6": (W21.but(story=BREACH), "none 0 bar refused voip-fulfillment/FP-6"),
    # virtual-number
    "VN-1": (kind(ClaimKind.UNLAWFUL_USE, VIRTUAL), "none 0 bar refused virtual-number/VN-1"),
    "VN-1, whatever is claimed": (NO_SMS.but(story=UNLAWFUL), "none 0 bar refused virtual-number/VN-1.2"),
    "VN-2, day 14": (W41.but(when=on_day(14)), "review 9900 held virtual-number/VN-2 and virtual-number/VN-7"),
    "VN-2, day 15": (W41.but(when=on_day(15)), "none 0 bar refused virtual-number/VN-2"),
    "VN-2, nothing else speaks": (kind(ClaimKind.MONEY_BACK, VIRTUAL, 15), "none 0 bar refused virtual-number/VN-2"),
    "VN-3, purchase day": (NO_SMS.but(when=on_day(0, "23:59")), "refund 9900 shall queued virtual-number/VN-3"),
    "VN-3, the last minute": (NO_SMS.but(when=on_day(7, "23:59")), "refund 9900 shall queued virtual-number/VN-3"),
    "VN-3, a minute late": (NO_SMS.but(when=on_day(8, "00:00")), "none 0 bar refused virtual-number/VN-3"),
    "VN-4": (INVALID, "refund 9900 shall queued virtual-number/VN-4"),
    "VN-4, late": (INVALID.but(when=on_day(8)), "none 0 bar refused virtual-number/VN-4"),
    "VN-4, no evidence": (INVALID.without("evidence"), "review shall pending virtual-number/VN-4 (evidence)"),
    "VN-5, no defect told": (DEFECT.without("defect"), "review shall pending virtual-number/VN-5 (defect)"),
    "VN-6": (kind(ClaimKind.THIRD_PARTY_INCOMPATIBILITY, VIRTUAL), "none 0 bar refused virtual-number/VN-6"),
    "VN-7, day 7": (W41.but(when=on_day(7)), "refund 9900 shall queued virtual-number/VN-5"),
    "VN-7, day 8": (W41.but(when=on_day(8)), "review 9900 held virtual-number/VN-2 and virtual-number/VN-7"),
    "VN-7, not by e-mail": (
        NO_SMS.bringing(channel="phone"),
        "review shall pending virtual-number/VN-3 (channel)",
    ),
    # iptv
    "IP-1, the last minute": (MONEY_BACK.but(when=on_day(7, "23:59")), "refund 9900 shall queued iptv/IP-1"),
    "IP-1, a minute late": (MONEY_BACK.but(when=on_day(8, "00:00")), "none 0 bar refused iptv/IP-8"),
    "IP-1, support not asked": (
        MONEY_BACK.without("contacted_support_at"),
        "review shall pending iptv/IP-1 (contacted_support_at)",
    ),
    "IP-1, support asked later": (
        MONEY_BACK.without("contacted_support_at").bringing(contacted_support_at=at(on_day(8))),
        "review shall pending iptv/IP-1 (contacted_support_at)",
    ),
    "IP-1, nothing given": (
        MONEY_BACK.but(brings=()),
        "review shall pending iptv/IP-1 (contacted_support_at, invoice, from_email, explanation)",
    ),
    "IP-1, another address": (
        MONEY_BACK.bringing(from_email="hash-of-another"),
        "review shall pending iptv/IP-1 (from_email)",
    ),
    "IP-2": (
        kind(ClaimKind.TECHNICAL_FAILURE, IPTV).bringing(contacted_support_at=at(BOUGHT)),
        "refund 9900 may held iptv/IP-2",
    ),
    "IP-2, support not asked": (
        kind(ClaimKind.TECHNICAL_FAILURE, IPTV),
        "review may pending iptv/IP-2 (contacted_support_at)",
    ),
    "IP-3": (kind(ClaimKind.UNAUTHORISED, IPTV), "refund 9900 may held iptv/IP-3"),
    "IP-8, on day 7 it is money back": (
        MONEY_BACK.but(kind=ClaimKind.CHANGE_OF_MIND),
        "refund 9900 shall queued iptv/IP-1",
    ),
    "IP-8.2": (kind(ClaimKind.UNLAWFUL_USE, IPTV), "review may held iptv/IP-8.2"),
    "IP-8.3, day 8": (kind(ClaimKind.UNUSED_PERIOD, IPTV, 8), "review may held iptv/IP-8.3"),
    "IP-8.3, day 7": (kind(ClaimKind.UNUSED_PERIOD, IPTV, 7), "review held"),
    "IP-1, which charge": (
        MONEY_BACK.but(charge=None, facts=(charge(BOUGHT, ref="ch_1"), charge(on_day(1).split()[0], ref="ch_2"))),
        "review pending iptv/IP-1 and iptv/IP-8 (charge)",
    ),
    # No clause
    "no clause": (kind(ClaimKind.UNAUTHORISED, VOIP), "review held"),
    "a charge of somebody else": (NO_SMS.but(charge="stripe:ch_9"), "review shall held virtual-number/VN-3"),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_claim_is_answered_as_the_documents_say(row: str) -> None:
    told, answer = ROWS[row]
    assert said(told.decide()) == answer


def test_a_refusal_gives_its_reason() -> None:
    for told, answer in ROWS.values():
        decision = told.decide()
        assert decision.reason
        assert ("refused" in answer) == (decision.remedy == "none" and decision.granted is None)


def test_the_arithmetic_is_said() -> None:
    assert "9900 x 14/30 days unused from 2024-05-06 = 4620 (USD, minor units)" in W21.decide().reason
    assert "9900 x 3/30 days disrupted = 990 (USD, minor units)" in W22.decide().reason


def test_a_decision_carries_the_version_of_its_bundle() -> None:
    assert W41.decide().policy_version == "2024-04-02"
    assert W21.decide().policy_version == "1"


def test_a_year_that_is_not_standard_is_not_barred() -> None:
    def listed(bundle: Bundle) -> Bundle:
        clauses = [
            replace(c, terms=replace(c.terms, except_plans=("",))) if c.id == "SC-4" else c for c in bundle.clauses
        ]
        return replace(bundle, clauses=tuple(clauses))

    law = {name: tuple(map(listed, held)) for name, held in rules().policy.versions.items()}
    answer = said(W19.decide(replace(rules(), policy=Policy(law))))
    # 2024-05-02 to 2025-01-31: 275 of 366 days
    assert answer == "refund 74385 may held voip-fulfillment/FP-5"


HOURS = [
    # when the claim is decided, the defect, the answer
    (on_day(4, "09:59"), defect(on_day(1), approved=on_day(2)), "refund 9900 shall pending virtual-number/VN-5"),
    (on_day(4, "10:00"), defect(on_day(1), approved=on_day(2)), "refund 9900 shall queued virtual-number/VN-5"),
    (on_day(5), defect(on_day(1), approved=on_day(2), repaired=on_day(4)), "none 0 bar refused virtual-number/VN-5"),
    (
        on_day(5),
        defect(on_day(1), approved=on_day(2), repaired=on_day(4, "10:01")),
        "refund 9900 shall queued virtual-number/VN-5",
    ),
    (on_day(5), defect(on_day(1)), "review 9900 held virtual-number/VN-5"),
    (on_day(5), defect(on_day(1), access_refused=True), "none 0 bar refused virtual-number/VN-5"),
    (on_day(5), defect(on_day(1), approved=on_day(2), prefers=REPLACED), "replace shall held virtual-number/VN-5"),
    (
        on_day(5),
        defect(on_day(1), approved=on_day(2), access_asked_at=at(on_day(2))),
        "review shall pending virtual-number/VN-5 (access)",
    ),
    (
        on_day(5, "09:59"),
        defect(on_day(1), approved=on_day(2), access_asked_at=at(on_day(2)), access_given_at=at(on_day(3))),
        "refund 9900 shall pending virtual-number/VN-5",
    ),
    (
        on_day(5, "10:00"),
        defect(on_day(1), approved=on_day(2), access_asked_at=at(on_day(2)), access_given_at=at(on_day(3))),
        "refund 9900 shall queued virtual-number/VN-5",
    ),
    (
        on_day(6),
        defect(on_day(1), approved=on_day(2), access_asked_at=at(on_day(5))),
        "refund 9900 shall queued virtual-number/VN-5",
    ),
]


@pytest.mark.parametrize("row", range(len(HOURS)))
def test_the_merchant_has_72_hours_to_repair(row: int) -> None:
    decided, told, answer = HOURS[row]
    claim = DEFECT.without("defect").bringing(defect=told).but(when=on_day(1, "11:00"), decided=decided)
    assert said(claim.decide()) == answer


def test_the_deadline_of_a_repair_is_said() -> None:
    waiting = DEFECT.but(when=on_day(2)).decide()
    assert (waiting.state, waiting.deadline) == ("pending", at(on_day(4)))
