"""The words in which claims are told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from reconcile.claims import decide_claim
from reconcile.claims_types import Claim, ClaimDecision, ClaimKind, Defect, Disruption, Prefers
from reconcile.facts import Fact, Ref
from reconcile.ledger import Ledger
from reconcile.policy import Rules
from tests.scenarios.world import Story, at, charge, day, rules

BOUGHT = "2025-06-02"
VIRTUAL = ("virtual-number",)
IPTV = ("iptv",)
VOIP = ("voip-fulfillment",)
BUYER = "hash-of-the-buyer"


def on_day(n: int, clock: str = "10:00") -> str:
    """A time on the n-th day after the purchase, which is day 0."""
    return f"{day(BOUGHT) + timedelta(days=n)} {clock}"


@dataclass(frozen=True)
class Told:
    """A claim as a test tells it: on one charge of 9900 made on `BOUGHT`, unless said."""

    kind: ClaimKind
    when: str
    policy: tuple[str, ...]
    started: str = BOUGHT
    charge: str | None = "stripe:ch_1"
    facts: tuple[Fact, ...] = ()
    brings: tuple[tuple[str, object], ...] = ()
    story: tuple[tuple[str, object], ...] = ()
    decided: str = ""  # when it is decided; the moment it came unless said

    def but(self, **changes: object) -> Told:
        return replace(self, **changes)  # type: ignore[arg-type]

    def bringing(self, **fields: object) -> Told:
        return replace(self, brings=(*self.brings, *fields.items()))

    def without(self, *names: str) -> Told:
        return replace(self, brings=tuple(pair for pair in self.brings if pair[0] not in names))

    @property
    def claim(self) -> Claim:
        ref = None if self.charge is None else Ref.parse(self.charge)
        made = Claim("C-1", "M-1", self.kind, at(self.when), ref)
        return replace(made, **dict(self.brings))  # type: ignore[arg-type]

    @property
    def ledger(self) -> Ledger:
        told = self.facts or (charge(self.started, ref="ch_1"),)
        story = Story(started=self.started, policy=self.policy, facts=told).but(**dict(self.story))
        ledger = story.ledger()
        return replace(ledger, membership=replace(ledger.membership, email=BUYER))

    def decide(self, with_rules: Rules | None = None) -> ClaimDecision:
        return decide_claim(self.claim, self.ledger, with_rules or rules(), at(self.decided or self.when))


def said(decision: ClaimDecision) -> str:
    """An answer as one reads it out: remedy, amount, force, state, clause, what is asked for."""
    amount = "" if decision.amount is None else str(decision.amount.minor)
    asked = f"({', '.join(decision.asked_for)})" if decision.asked_for else ""
    cited = decision.clause or " and ".join(decision.cited)
    parts = (str(decision.remedy), amount, str(decision.force or ""), str(decision.state), cited, asked)
    return " ".join(part for part in parts if part)


MONEY_BACK = Told(
    ClaimKind.MONEY_BACK,
    on_day(7),
    IPTV,
    brings=(
        ("contacted_support_at", at(on_day(3))),
        ("invoice", "in_1"),
        ("from_email", BUYER),
        ("explained", True),
        ("channel", "email"),
    ),
)
NO_SMS = Told(ClaimKind.NON_RECEIPT, on_day(7), VIRTUAL, brings=(("channel", "email"), ("explained", True)))
INVALID = NO_SMS.but(kind=ClaimKind.INVALID_NUMBER).bringing(evidence=("screenshot.png",))


def defect(complained: str, *, approved: str | None = None, repaired: str | None = None, **more: object) -> Defect:
    found = Defect(at(complained), at(approved) if approved else None, at(repaired) if repaired else None)
    return replace(found, **more)  # type: ignore[arg-type]


DEFECT = Told(
    ClaimKind.MAJOR_DEFECT,
    on_day(5),
    VIRTUAL,
    brings=(("channel", "email"), ("explained", True), ("defect", defect(on_day(1), approved=on_day(2)))),
)
REPLACED = Prefers.REPLACEMENT


def down(since: str, until: str | None) -> Disruption:
    return Disruption(at(since), at(until) if until else None)
