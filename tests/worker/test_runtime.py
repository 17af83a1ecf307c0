"""Putting the product together."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError
from handlers.inbox import ForgedDelivery
from worker.engine import migrate
from worker.runtime import Runtime, build, inboxes, utc_now


def test_build_leaves_an_empty_database_alone(settings: Settings) -> None:
    runtime = build(settings)
    with pytest.raises(RuntimeError, match="ready"):
        runtime.keyring.email_key("a@b.test")
    migrate(runtime.engine)
    runtime.prepare()
    kept = runtime.keyring.email_key("a@b.test")
    runtime.close()
    again = build(settings)
    assert again.keyring.email_key("a@b.test") == kept
    again.close()


def test_rules_come_from_the_settings(runtime: Runtime) -> None:
    rules = runtime.rules
    assert (rules.zone, rules.dunning_days, rules.credit_instead) == ("America/Chicago", 21, False)
    assert (rules.refund_max_minor, rules.approve_above_minor) == (50000, 20000)
    assert {"smartcalls", "voip-fulfillment"} <= set(rules.policy.versions)
    assert date(2026, 7, 3) in rules.holidays  # the Fourth, observed
    assert date(2026, 7, 6) not in rules.holidays
    assert runtime.clock() != utc_now()


def test_without_secrets_exports_are_read_and_nothing_is_authentic() -> None:
    for inbox in inboxes(Settings()).values():
        with pytest.raises(ForgedDelivery):
            inbox.authenticate({}, b"{}", utc_now())
    event = b'{"id":"evt_1","object":"event","type":"charge.succeeded","created":1793620000}'
    assert inboxes(Settings())["stripe"].envelope(event).event_id == "evt_1"


def test_roots_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MAKEGOOD_PAYPAL_CERT_ROOTS"):
        inboxes(Settings(paypal_cert_roots=tmp_path / "nothing.pem"))
    (tmp_path / "spoilt.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="MAKEGOOD_PAYPAL_CERT_ROOTS"):
        inboxes(Settings(paypal_cert_roots=tmp_path / "spoilt.pem"))
