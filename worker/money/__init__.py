"""Money out: every remedy issued exactly once, or held with its reason. Never twice, never lost, never more than is
owed, never while it is disputed. `steps.py` has every move, `docs/reliability.md` what it was tried against."""
