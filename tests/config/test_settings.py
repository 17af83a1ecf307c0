"""Settings: where they come from, and one line for each that cannot be meant."""

from __future__ import annotations

import base64
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, load, unknown_names

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()


def test_defaults_are_those_of_the_contract() -> None:
    settings = load({})
    assert settings == Settings()
    assert settings.database_url == "sqlite:///makegood.db"
    assert settings.broker_url == "memory://"
    assert (settings.time_zone, settings.country, settings.mode) == ("America/Chicago", "US", "shadow")
    assert settings.policy == ("smartcalls", "voip-fulfillment")
    assert (settings.refund_max_minor, settings.refund_day_max_minor, settings.refund_day_count_max) == (
        50000,
        500000,
        200,
    )
    assert (settings.approve_above_minor, settings.breaker_percent, settings.cooling_hours) == (20000, Decimal(2), 24)
    assert (settings.dunning_days, settings.refund_or_credit, settings.roster_max_age_days) == (21, "refund", None)
    assert (settings.request_timeout_seconds, settings.lease_seconds) == (20, 240)
    assert (settings.settle_seconds, settings.retry_base_seconds) == (600, 15)
    assert (settings.stripe_api_base, settings.paypal_api_base) == (
        "https://api.stripe.com",
        "https://api-m.paypal.com",
    )
    assert settings.paypal_cert_hosts == ("api.paypal.com", "api-m.paypal.com")
    assert (settings.host, settings.port) == ("127.0.0.1", 8010)


def test_the_environment_is_read() -> None:
    settings = load(
        {
            "MAKEGOOD_DATABASE_URL": "postgresql://makegood:geheim@db.example.test/makegood",
            "MAKEGOOD_STRIPE_WEBHOOK_SECRETS": "whsec_new, whsec_old",
            "MAKEGOOD_ENCRYPTION_KEYS": f"{KEY},{OTHER_KEY}",
            "MAKEGOOD_POLICY": "iptv",
            "MAKEGOOD_REFUND_MAX_MINOR": "off",
            "MAKEGOOD_BREAKER_PERCENT": "0.5",
            "MAKEGOOD_JUDGE_FROM": "2024-01-31",
            "MAKEGOOD_COOLING_HOURS": "0",
            "MAKEGOOD_COUNTRY": "ca",
            "MAKEGOOD_PAYPAL_MODE": "sandbox",
            "MAKEGOOD_STRIPE_API_BASE": "http://127.0.0.1:9000/",
            "MAKEGOOD_TIME_ZONE": "",
            "HOME": "/nowhere",
        }
    )
    assert [secret.get_secret_value() for secret in settings.stripe_webhook_secrets] == ["whsec_new", "whsec_old"]
    assert len(settings.encryption_keys) == 2
    assert settings.policy == ("iptv",)
    assert settings.refund_max_minor is None
    assert settings.breaker_percent == Decimal("0.5")
    assert settings.judge_from == date(2024, 1, 31)
    assert settings.cooling_hours == 0
    assert settings.country == "CA"
    assert settings.paypal_api_base == "https://api-m.sandbox.paypal.com"
    assert settings.paypal_cert_hosts == ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com")
    assert settings.stripe_api_base == "http://127.0.0.1:9000"
    assert settings.time_zone == "America/Chicago"
    assert not settings.is_sqlite


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "makegood.toml"
    file.write_text(
        'country = "CA"\ndunning_days = 14\npolicy = ["iptv", "smartcalls"]\nstripe_webhook_secrets = "a,b"\n'
    )
    settings = load({"MAKEGOOD_CONFIG": str(file), "MAKEGOOD_DUNNING_DAYS": "7"})
    assert (settings.country, settings.dunning_days, settings.policy) == ("CA", 7, ("iptv", "smartcalls"))
    assert [secret.get_secret_value() for secret in settings.stripe_webhook_secrets] == ["a", "b"]


def test_a_secret_may_come_from_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "stripe_api_key"
    file.write_text("rk_live_fromafile\n")
    settings = load({"MAKEGOOD_STRIPE_API_KEY_FILE": str(file)})
    assert settings.require_stripe_api_key() == "rk_live_fromafile"
    with pytest.raises(SettingsError, match="MAKEGOOD_STRIPE_API_KEY_FILE"):
        load({"MAKEGOOD_STRIPE_API_KEY_FILE": str(tmp_path / "nothing")})


MALFORMED = [
    ("DATABASE_URL", "mysql://root:geheim@db/x"),
    ("DATABASE_URL", "postgresql://db:geheim/x"),
    ("DATABASE_URL", "sqlite:///"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("BROKER_URL", "amqp://u:geheim@mq"),
    ("BROKER_URL", "redis://mq:geheim/0"),
    ("TIME_ZONE", "geheim/Nowhere"),
    ("TIME_ZONE", "../etc/geheim"),
    ("COUNTRY", "geheim"),
    ("POLICY", "../geheim"),
    ("POLICY", " , "),
    ("MODE", "geheim"),
    ("STRIPE_API_KEY", "pk_live_geheim"),
    ("STRIPE_API_KEY", "geheim"),
    ("STRIPE_WEBHOOK_SECRETS", "whsec_a,geheim b"),
    ("STRIPE_API_BASE", "http://geheim.example.test"),
    ("STRIPE_API_BASE", "http://127.0.0.1.geheim.test"),
    ("STRIPE_API_BASE", "https://user:geheim@api.stripe.com"),
    ("STRIPE_API_BASE", "file:///geheim"),
    ("PAYPAL_API_BASE", "geheim"),
    ("PAYPAL_CERT_HOSTS", "https://geheim.test/x"),
    ("PAYPAL_MODE", "geheim"),
    ("ENCRYPTION_KEYS", "geheim"),
    ("ENCRYPTION_KEYS", base64.b64encode(b"geheim").decode()),
    ("REFUND_MAX_MINOR", "-1"),
    ("REFUND_MAX_MINOR", "12.50"),
    ("REFUND_MAX_MINOR", "500.00"),  # five hundred minor units, or of dollars? Neither is guessed.
    ("APPROVE_ABOVE_MINOR", "20_000"),
    ("REFUND_DAY_COUNT_MAX", "200.0"),
    ("REFUND_MAX_MINOR", "1e99"),
    ("REFUND_DAY_COUNT_MAX", "geheim"),
    ("BREAKER_PERCENT", "101"),
    ("BREAKER_PERCENT", "nan"),
    ("COOLING_HOURS", "-1"),
    ("COOLING_HOURS", "nan"),
    ("COOLING_HOURS", "inf"),
    ("DUNNING_DAYS", "geheim"),
    ("REFUND_OR_CREDIT", "geheim"),
    ("LEASE_SECONDS", "20"),
    ("REQUEST_TIMEOUT_SECONDS", "0"),
    ("PORT", "70000"),
    ("LOG_LEVEL", "geheim"),
    ("JUDGE_FROM", "31.01.2024"),
    ("JUDGE_FROM", "1704067200"),
    ("ROSTER_MAX_AGE_DAYS", "geheim"),
]


def test_a_malformed_one_is_one_line_with_its_name_and_without_its_value() -> None:
    for name, value in MALFORMED:
        with pytest.raises(SettingsError) as caught:
            load({f"MAKEGOOD_{name}": value})
        line = str(caught.value)
        assert line.startswith(f"MAKEGOOD_{name} is malformed: expected "), (name, value, line)
        assert "geheim" not in line
        assert "\n" not in line
        assert caught.value.__cause__ is None


def test_a_malformed_one_in_the_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "makegood.toml"
    for written, said in (
        ("lease_seconds = 5", f"lease_seconds in {file} is malformed: expected seconds"),
        (
            "approve_above_minor = true",
            f"approve_above_minor in {file} is malformed: expected whole minor units, or off",
        ),
        ("refund_max_minor = 500.0", f"refund_max_minor in {file} is malformed: expected whole minor units, or off"),
        ("paypal_mode = []", f"paypal_mode in {file} is malformed: expected live or sandbox"),
        ("refund_maximum = 5", f"refund_maximum in {file} is no setting"),
        ("MAKEGOOD_MODE = 'live'", f"MAKEGOOD_MODE in {file} is no setting"),
        ("mode = live", f"MAKEGOOD_CONFIG names {file}, which is not TOML"),
        ("\x00", f"MAKEGOOD_CONFIG names {file}, which is not TOML"),
    ):
        file.write_text(written)
        with pytest.raises(SettingsError) as caught:
            load({"MAKEGOOD_CONFIG": str(file)})
        assert str(caught.value).startswith(said)
    with pytest.raises(SettingsError, match="cannot be read"):
        load({"MAKEGOOD_CONFIG": str(tmp_path / "nothing.toml")})


def test_a_missing_one_stops_only_who_needs_it() -> None:
    settings = load({})
    for require, name in (
        (settings.require_stripe_api_key, "STRIPE_API_KEY"),
        (settings.require_paypal_credentials, "PAYPAL_CLIENT_ID"),
    ):
        with pytest.raises(SettingsError, match=f"MAKEGOOD_{name} is not set: expected "):
            require()


def test_keys_tell_their_mode() -> None:
    for key, live in (("sk_live_abc", True), ("rk_live_abc", True), ("sk_test_abc", False), ("rk_test_abc", False)):
        assert load({"MAKEGOOD_STRIPE_API_KEY": key}).stripe_live is live
    assert (load({}).stripe_live, load({}).paypal_live) == (None, None)
    assert load({"MAKEGOOD_PAYPAL_CLIENT_ID": "abc"}).paypal_live is True
    assert load({"MAKEGOOD_PAYPAL_CLIENT_ID": "abc", "MAKEGOOD_PAYPAL_MODE": "sandbox"}).paypal_live is False


def test_no_secret_is_shown() -> None:
    settings = load(
        {
            "MAKEGOOD_DATABASE_URL": "postgresql://makegood:geheim@db/makegood",
            "MAKEGOOD_BROKER_URL": "redis://:geheim@mq:6379/0",
            "MAKEGOOD_STRIPE_API_KEY": "sk_live_geheim",
            "MAKEGOOD_STRIPE_WEBHOOK_SECRETS": "whsec_geheim",
            "MAKEGOOD_PAYPAL_CLIENT_SECRET": "geheim",
            "MAKEGOOD_ALERT_URLS": "https://hooks.example.test/geheim",
            "MAKEGOOD_ENCRYPTION_KEYS": KEY,
        }
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json(exclude={"database_url", "broker_url"})):
        assert "geheim" not in shown
        assert KEY not in shown


def test_misspelt_names_are_found() -> None:
    names = {"MAKEGOOD_MODE": "live", "MAKEGOOD_REFUND_MAX_MINR": "1", "MAKEGOOD_CONFIG": "x", "PATH": "y"}
    assert unknown_names({**names, "MAKEGOOD_STRIPE_API_KEY_FILE": "z"}) == ["MAKEGOOD_REFUND_MAX_MINR"]
