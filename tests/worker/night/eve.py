"""The small world: five members, of whom one was charged twice, one too much, one not at all, and one by nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime

from reconcile.money import Money
from tests.worker import world as w
from worker.runtime import Runtime
from worker.store.roster import RosterRow

NIGHT = date(2026, 3, 8)  # in Chicago this is the night in which 02:30 does not exist
AFTER = datetime(2026, 3, 8, 9, 0, tzinfo=UTC)
NAME, EMAIL = "Marker Ymarkson", "marker+7f3@example.test"


def deliver_all(runtime: Runtime) -> None:
    """Import the roster and keep the deliveries; nothing is handled yet."""
    rows = [w.row(f"M-{n}", w.stripe(n)) for n in range(1, 6)]
    marked = RosterRow(rows[0].membership, {"name": NAME, "email": EMAIL, "country": "US"})
    w.take_in(runtime, marked, *rows[1:])
    charges = [
        w.charge(f"ch_{n}_{month}", w.month(month), customer=f"cus_{n}", subscription=f"sub_{n}")
        for n in range(1, 5)
        for month in range(3)
    ]
    charges += [
        w.charge("ch_1_twice", date(2026, 2, 9), customer="cus_1", subscription="sub_1"),
        w.charge("ch_2_more", date(2026, 3, 8), Money(12_900, "USD"), customer="cus_2", subscription="sub_2"),
        w.charge("ch_nobody", date(2026, 2, 20), customer="cus_99"),
    ]
    w.deliver(runtime, *(w.body(charge) for charge in charges))
