"""Money out: every remedy issued exactly once, or held with its reason. Never twice, never lost, never more than is
owed, never while it is disputed. `docs/reliability.md` has the protocol and what it was tried against."""
