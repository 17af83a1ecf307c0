"""What the merchant sells."""

from __future__ import annotations

from worker.sandbox.merchant import Plan

MONTHLY = (
    Plan("dialer", 9900, setup_fee=14900),
    Plan("solo", 4900),
    Plan("team", 12900, setup_fee=9900),
    Plan("office", 7900),
)
YEARLY = (Plan("dialer-year", 99000, every="year"), Plan("solo-year", 49000, every="year"))
FOREIGN = (
    Plan("solo-jp", 1500, "JPY"),
    Plan("team-eu", 5900, "EUR"),
    Plan("solo-ca", 6900, "CAD"),
    Plan("team-jp", 4800, "JPY"),
)
TRIAL = Plan("solo-trial", 4900, trial_days=14)
