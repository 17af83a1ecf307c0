"""`makegood doctor` holds the machine's clock against the database's: leases are read by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.worker.conftest import ENCRYPTION_KEYS
from worker.doctor import State, examine
from worker.runtime import utc_now


@pytest.mark.parametrize(
    ("lease", "off", "state"),
    [
        ("240", 10, State.FINE),
        ("240", 20, State.MEND),
        ("240", -20, State.MEND),
        ("60", 2, State.FINE),
        ("60", 10, State.MEND),
    ],
)
def test_two_machines_may_not_use_up_what_the_kill_timer_leaves_of_a_lease(
    module_postgres_url: str, monkeypatch: pytest.MonkeyPatch, lease: str, off: int, state: State
) -> None:
    monkeypatch.setenv("MAKEGOOD_DATABASE_URL", module_postgres_url)
    monkeypatch.setenv("MAKEGOOD_ENCRYPTION_KEYS", ENCRYPTION_KEYS)
    monkeypatch.setenv("MAKEGOOD_LEASE_SECONDS", lease)
    found = {one.what: one.state for one in examine(lambda: utc_now() + timedelta(seconds=off))}
    assert found["clock"] is state
