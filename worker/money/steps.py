"""The states of a remedy on its way out, and every move between them. Two tables are the whole of it.

People see six states (`worker.schema.remedies`). Inside, a send has a step, for what is known of the money differs
where a person sees one word:

    step      who sees it as        what it means
    ready     queued, held          nothing of this generation can have been executed
    sending   submitted             a call is under way, or its process is dead
    unknown   submitted             it may have been executed: look before anything is repeated
    pending   submitted             the provider made it and has not settled it
    settled   settled               the money is back
    failed    failed                made, and failed later: owed again, a person decides
    parked    held                  a person has to look before anything more is sent

There is no way from `sending` to `ready` but a provider's own word that nothing was executed: a lease that ran out
means "unknown", never "try again".
"""

from __future__ import annotations

from enum import StrEnum

from reconcile.outcome import RemedyState


class Step(StrEnum):
    READY = "ready"
    SENDING = "sending"
    UNKNOWN = "unknown"
    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"
    PARKED = "parked"


class Way(StrEnum):
    """How a remedy goes out. BOOK is a credit on our own books, CANCEL ends an agreement."""

    REFUND = "refund"
    CREDIT = "credit"
    BOOK = "book"
    CANCEL = "cancel"


# A refund that carries our mark may be told of at any time, by a webhook or a look: what it tells is true in any step.
STEPS: dict[Step, frozenset[Step]] = {
    Step.READY: frozenset({Step.SENDING, Step.PARKED, Step.PENDING, Step.SETTLED, Step.FAILED}),
    Step.SENDING: frozenset({Step.READY, Step.UNKNOWN, Step.PENDING, Step.SETTLED, Step.FAILED, Step.PARKED}),
    Step.UNKNOWN: frozenset({Step.SENDING, Step.READY, Step.PENDING, Step.SETTLED, Step.FAILED, Step.PARKED}),
    Step.PENDING: frozenset({Step.SETTLED, Step.FAILED}),
    Step.SETTLED: frozenset({Step.FAILED}),
    Step.FAILED: frozenset({Step.READY, Step.SETTLED, Step.PENDING}),
    Step.PARKED: frozenset({Step.READY, Step.UNKNOWN, Step.PENDING, Step.SETTLED, Step.FAILED}),
}

MOVES: dict[RemedyState, frozenset[RemedyState]] = {
    RemedyState.QUEUED: frozenset(
        {RemedyState.SUBMITTED, RemedyState.SETTLED, RemedyState.FAILED, RemedyState.HELD, RemedyState.WAIVED}
    ),
    RemedyState.HELD: frozenset(
        {RemedyState.QUEUED, RemedyState.WAIVED, RemedyState.SUBMITTED, RemedyState.SETTLED, RemedyState.FAILED}
    ),
    RemedyState.SUBMITTED: frozenset({RemedyState.SETTLED, RemedyState.FAILED, RemedyState.HELD, RemedyState.QUEUED}),
    RemedyState.SETTLED: frozenset({RemedyState.FAILED}),
    RemedyState.FAILED: frozenset(
        {RemedyState.QUEUED, RemedyState.HELD, RemedyState.WAIVED, RemedyState.SETTLED, RemedyState.SUBMITTED}
    ),
    RemedyState.WAIVED: frozenset({RemedyState.SETTLED, RemedyState.SUBMITTED, RemedyState.FAILED}),
}

SEEN_AS: dict[Step, RemedyState] = {
    Step.SENDING: RemedyState.SUBMITTED,
    Step.UNKNOWN: RemedyState.SUBMITTED,
    Step.PENDING: RemedyState.SUBMITTED,
    Step.SETTLED: RemedyState.SETTLED,
    Step.FAILED: RemedyState.FAILED,
    Step.PARKED: RemedyState.HELD,
}


def may_move(before: Step, after: Step) -> bool:
    return after in STEPS[before]


def comes_from(after: RemedyState) -> tuple[RemedyState, ...]:
    """The states from which `after` is reached."""
    return tuple(state for state, targets in MOVES.items() if after in targets)
