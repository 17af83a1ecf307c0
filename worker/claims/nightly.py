"""What a night does for claims and notices. Harmless to repeat."""

from __future__ import annotations

from dataclasses import dataclass

from worker.claims.intake import due_claims
from worker.notices.sending import send_waiting
from worker.notices.writing import PART, of_remedies
from worker.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Done:
    """How many claims were moved on by their clock, and how many notices were laid out and sent."""

    moved_on: int
    laid_out: int
    sent: int


def nightly(runtime: Runtime) -> Done:
    """Answer anew the claims whose clock has run out, lay out what members are told of refunds, send what waits."""
    moved = len(due_claims(runtime, runtime.clock()))
    laid_out = 0
    while part := of_remedies(runtime):
        laid_out += part
        if part < PART:
            break
    return Done(moved, laid_out, send_waiting(runtime))
