"""Claims come in: read strictly, answered by the pure core, kept, and moved on when their clock has run out."""

from worker.claims.intake import ClaimError, due_claims, take
from worker.claims.reading import TakenClaim, read, read_file

__all__ = ["ClaimError", "TakenClaim", "due_claims", "read", "read_file", "take"]
