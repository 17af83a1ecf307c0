"""Claims come in: read strictly, answered by the pure core, kept, and moved on when their clock has run out."""

from worker.claims.intake import ClaimError, KnownClaimError, due_claims, take
from worker.claims.reading import TakenClaim, read, read_file, words_of

__all__ = ["ClaimError", "KnownClaimError", "TakenClaim", "due_claims", "read", "read_file", "take", "words_of"]
