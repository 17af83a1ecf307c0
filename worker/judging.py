"""Judge memberships and stray charges on the stored facts, in slices, a transaction each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Judged:
    """How many memberships and stray charges were judged, and how many findings those have now."""

    memberships: int = 0
    strays: int = 0
    findings: int = 0


def reconcile_all(
    runtime: Runtime,
    as_of: date,
    membership: str | None = None,
    *,
    everything: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Judged:
    """Judge all that changed or fell due since it was last judged; one `membership` only; or `everything`.

    `progress` is told after each slice how many memberships have been judged so far."""
    raise NotImplementedError("in work")
