"""On a phone the picture of a membership is lines that say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.worker.world import month
from worker.report.timeline import Due, Stretch, Taken, Timeline
from worker.web.console.stacked import lines

DUES = tuple(Due(month(n), 9900, "renewal", paid=n < 3, missed=n == 3) for n in range(6))
TAKEN = tuple(Taken(f"stripe:ch_{n}", "stripe", month(n), 9900, "USD", (n,), None, 0) for n in range(3))
TWICE = Taken("paypal:ch_twice", "paypal", date(2026, 2, 9), 9900, "USD", (), "duplicate_charge", 4000)
TOLD = Timeline("M-1", "USD", month(0), month(5), DUES, (*TAKEN, TWICE), (Stretch(month(0), month(5), "ended"),), ())


def test_what_is_wrong_stands_alone_and_what_went_as_usual_in_one_line() -> None:
    found = [(line.when, line.times, line.says, line.wrong) for line in lines(TOLD)]
    assert found == [
        ("8 June 2026", 1, "ended", False),
        ("8 May 2026 to 8 June 2026", 2, "99.00 USD due, not taken yet", False),
        ("8 April 2026", 1, "99.00 USD due, never taken", True),
        ("8 March 2026", 1, "99.00 USD due and taken by Stripe", False),
        ("9 February 2026", 1, "PayPal took 99.00 USD: Charged twice; 40.00 USD went back", True),
        ("8 January 2026 to 8 February 2026", 2, "99.00 USD due and taken by Stripe", False),
    ]


def test_what_was_not_paid_to_the_cent_by_one_charge_is_said_in_full() -> None:
    less = replace(TAKEN[1], minor=5000)
    said = [line.says for line in lines(replace(TOLD, taken=(TAKEN[0], less, TAKEN[2])))]
    assert "99.00 USD due, and paid" in said
    assert "Stripe took 50.00 USD" in said
