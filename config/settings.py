"""The settings, read once, failing loudly: `MAKEGOOD_*` in the environment, or the same names in lower case in the
TOML file that `MAKEGOOD_CONFIG` names. The environment wins.

A malformed setting stops the program. A missing one stops only the command that needs it: that is what the
`require_…` methods are for.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from config.kinds import (
    BaseUrl,
    BrokerUrl,
    Bundles,
    Cap,
    Count,
    CountOrOff,
    Country,
    DatabaseUrl,
    Day,
    EncryptionKeys,
    GroupRoles,
    Hosts,
    Hours,
    Seconds,
    Secret,
    Secrets,
    StripeKey,
    TimeOfDay,
    Zone,
)

PREFIX = "MAKEGOOD_"
CONFIG = "MAKEGOOD_CONFIG"

_PAYPAL_BASES = {"live": "https://api-m.paypal.com", "sandbox": "https://api-m.sandbox.paypal.com"}
_PAYPAL_CERT_HOSTS = {
    "live": ("api.paypal.com", "api-m.paypal.com"),
    "sandbox": ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com"),
}


class SettingsError(ValueError):
    """One line for a person: which setting, where it was read, what is expected. Never a value."""


def _setting(default: Any, expected: str) -> Any:  # noqa: ANN401 - a field of any type
    return Field(default=default, description=expected)


def _secret_setting(default: str, expected: str) -> Any:  # noqa: ANN401 - as above
    """An address that may carry a password: it is not shown with the others."""
    return Field(default=default, description=expected, repr=False)


class Settings(BaseModel):
    """Every setting with its default. Built directly it reads nothing from outside, which is what the demo and the
    tests want; `load()` reads the environment and the file. A description says what the setting expects."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    # Where
    database_url: DatabaseUrl = _secret_setting(
        "sqlite:///makegood.db", "sqlite:///FILE or postgresql://USER@HOST/NAME"
    )
    broker_url: BrokerUrl = _secret_setting("memory://", "memory:// or redis://HOST:PORT/NUMBER")
    host: str = _setting("127.0.0.1", "the address that the receiver listens on")
    port: Annotated[int, Field(ge=0, le=65535)] = _setting(8010, "a port number, 0 for any free one")
    console_url: BaseUrl | None = _setting(
        None, "the https address under which people reach the console (plain http on loopback only), without /console"
    )
    # The company's own sign-in (OpenID Connect), before the console
    oidc_issuer: BaseUrl | None = _setting(
        None, "the https address of the OpenID provider (plain http on loopback only), without /.well-known"
    )
    oidc_client_id: Secret | None = _setting(None, "the client id that the OpenID provider gave")
    oidc_client_secret: Secret | None = _setting(None, "the client secret that the OpenID provider gave")
    oidc_roles: GroupRoles = _setting(
        (), "GROUP:ROLE pairs, comma-separated; a ROLE is clerk, approver, auditor or privacy"
    )
    oidc_roles_claim: str = _setting("groups", "the claim of the id token that names a person's groups")
    oidc_scopes: str = _setting("openid profile email", "what is asked of the OpenID provider, openid among it")
    oidc_only: bool = _setting(default=False, expected="true or false")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")

    # The merchant
    time_zone: Zone = _setting("America/Chicago", "an IANA time zone such as America/Chicago")
    country: Country = _setting("US", "a country of two letters such as US")
    policy: Bundles = _setting(("smartcalls", "voip-fulfillment"), "names of policy bundles, comma-separated")
    policy_folder: Path | None = _setting(None, "a folder with bundles of the merchant's own")

    # The providers
    stripe_api_key: StripeKey | None = _setting(None, "a Stripe key sk_live_…, sk_test_…, rk_live_… or rk_test_…")
    stripe_webhook_secrets: Secrets = _setting((), "Stripe signing secrets whsec_…, comma-separated")
    stripe_api_base: BaseUrl = _setting("https://api.stripe.com", "an https address (plain http on loopback only)")
    paypal_mode: Literal["live", "sandbox"] = _setting("live", "live or sandbox")
    paypal_client_id: Secret | None = _setting(None, "the client id of the PayPal app")
    paypal_client_secret: Secret | None = _setting(None, "the secret of the PayPal app")
    paypal_webhook_id: Secret | None = _setting(None, "the id of the webhook in the PayPal app")
    paypal_api_base: BaseUrl = _setting("", "an https address (plain http on loopback only)")
    paypal_cert_hosts: Hosts = _setting((), "host names, comma-separated")
    paypal_cert_roots: Path | None = _setting(None, "a PEM file of root certificates")

    # Keys and alerts
    encryption_keys: EncryptionKeys = _setting((), "keys of 32 bytes in base64, comma-separated, newest first")
    alert_urls: Secrets = _setting((), "addresses for alerts, comma-separated")

    # The night
    night_at: TimeOfDay = _setting("02:30", "a local time such as 02:30")
    report_dir: Path = _setting(Path("reports"), "the folder that the nightly reports are written to")
    mail_report: bool = _setting(default=False, expected="true or false")

    # What members are told
    notices: Literal["review", "email"] = _setting("review", "review (laid out only) or email")
    notices_url: Secret | None = _setting(None, "smtps://USER:PASSWORD@HOST?from=A&to=A, the mail server for notices")
    notices_templates: Path | None = _setting(None, "a folder with the merchant's own texts")

    # What may leave
    mode: Literal["shadow", "live"] = _setting("shadow", "shadow or live")
    refund_or_credit: Literal["refund", "credit"] = _setting("refund", "refund or credit")
    refund_max_minor: Cap = _setting(50000, "whole minor units, or off")
    refund_day_max_minor: Cap = _setting(500000, "whole minor units, or off")
    refund_day_count_max: CountOrOff = _setting(200, "a whole number, or off")
    approve_above_minor: Cap = _setting(20000, "whole minor units, or off")
    breaker_percent: Annotated[Decimal, Field(ge=0, le=100)] = _setting(Decimal(2), "a percentage from 0 to 100")
    cooling_hours: Hours = _setting(24.0, "hours from 0 to 8760")
    canary_count: CountOrOff = _setting(None, "how many remedies go first and alone, or off")
    refund_member_max_minor: Cap = _setting(None, "whole minor units a member in 30 days, or off")
    cancel_unasked: bool = _setting(default=False, expected="true or false")
    refund_one_renewal_max: bool = _setting(default=False, expected="true or false")

    # How it judges
    dunning_days: Annotated[int, Field(ge=0, le=365)] = _setting(21, "days from 0 to 365")
    roster_max_age_days: CountOrOff = _setting(None, "a whole number of days, or off")
    judge_from: Day | None = _setting(None, "a date such as 2024-01-31")

    # How it sends
    request_timeout_seconds: Seconds = _setting(20.0, "seconds above 0, up to 86400")
    lease_seconds: Seconds = _setting(240.0, "seconds up to 86400, more than REQUEST_TIMEOUT_SECONDS")
    settle_seconds: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)] = _setting(
        600.0, "seconds from 0 to 86400"
    )
    retry_base_seconds: Seconds = _setting(15.0, "seconds above 0, up to 86400")
    retention_days: Count = _setting(90, "days after which stored webhook bodies are removed")

    @model_validator(mode="before")
    @classmethod
    def _paypal_defaults(cls, given: Any) -> Any:  # noqa: ANN401 - whatever was handed in
        if not isinstance(given, dict):
            return given
        mode = str(given.get("paypal_mode", "live"))
        defaults = {"paypal_api_base": _PAYPAL_BASES.get(mode), "paypal_cert_hosts": _PAYPAL_CERT_HOSTS.get(mode)}
        return {**{name: value for name, value in defaults.items() if value}, **given}

    @model_validator(mode="after")
    def _lease_outlives_request(self) -> Self:
        # A lease that ends while a request is under way would let a second process send the same refund.
        if self.lease_seconds <= self.request_timeout_seconds:
            raise ValueError("lease_seconds")
        return self

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def stripe_live(self) -> bool | None:
        """Whether the Stripe key is a live one; None without a key."""
        key = self.stripe_api_key
        return None if key is None else key.get_secret_value()[3:].startswith("live_")

    @property
    def paypal_live(self) -> bool | None:
        """Whether the PayPal credentials are live ones; None without credentials."""
        return None if self.paypal_client_id is None else self.paypal_mode == "live"

    def require_stripe_api_key(self) -> str:
        return self._plain("stripe_api_key")

    def require_paypal_credentials(self) -> tuple[str, str]:
        """The client id and its secret."""
        return self._plain("paypal_client_id"), self._plain("paypal_client_secret")

    def require_oidc(self) -> bool:
        """Whether people come in through the company's OpenID provider. Raises SettingsError for a part that is missing
        where others are set."""
        needed = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_roles")
        lacking = [name for name in (*needed, "console_url") if not getattr(self, name)]
        if not self.oidc_only and all(name in lacking for name in needed):
            return False
        if lacking:
            raise missing(lacking[0])
        if "openid" not in self.oidc_scopes.split():
            raise SettingsError(f"{PREFIX}OIDC_SCOPES is malformed: expected {expected('oidc_scopes')}")
        return True

    def require_oidc_client(self) -> tuple[str, str]:
        """The client id at the OpenID provider and its secret."""
        return self._plain("oidc_client_id"), self._plain("oidc_client_secret")

    def _plain(self, name: str) -> str:
        secret: SecretStr | None = getattr(self, name)
        if secret is None:
            raise missing(name)
        return secret.get_secret_value()


def missing(name: str) -> SettingsError:
    """The error of a command that cannot do without a setting."""
    return SettingsError(f"{PREFIX}{name.upper()} is not set: expected {expected(name)}")


def expected(name: str) -> str:
    """What a setting expects, in words."""
    return Settings.model_fields[name].description or "another value"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the file and the environment (`os.environ` unless given). Raises SettingsError."""
    outside = os.environ if environ is None else environ
    from_file = _file(outside.get(CONFIG))
    from_environment = _environment(outside)
    try:
        return Settings.model_validate({**from_file, **from_environment})
    except ValidationError as error:
        raise SettingsError(_line(error, from_environment, outside.get(CONFIG))) from None


def unknown_names(environ: Mapping[str, str] | None = None) -> list[str]:
    """`MAKEGOOD_*` variables that name no setting, most likely misspelt. For `makegood doctor`."""
    outside = os.environ if environ is None else environ
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG}
    return sorted(name for name in outside if name.startswith(PREFIX) and name.removesuffix("_FILE") not in known)


def _file(path: str | None) -> dict[str, object]:
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{CONFIG} names {path}, which cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError(f"{CONFIG} names {path}, which is not TOML") from None
    for name in given:
        if name not in Settings.model_fields:
            raise SettingsError(f"{name} in {path} is no setting: expected the names of the manual in lower case")
    return given


def _environment(outside: Mapping[str, str]) -> dict[str, object]:
    """An empty variable counts as not set: compose files pass those. `NAME_FILE` names a file that holds the value."""
    found: dict[str, object] = {}
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        if value := outside.get(variable, "").strip():
            found[name] = value
        elif path := outside.get(f"{variable}_FILE", "").strip():
            found[name] = _contents(f"{variable}_FILE", Path(path))
    return found


def _contents(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{variable} names {path}, which cannot be read") from None


def _line(error: ValidationError, from_environment: Mapping[str, object], path: str | None) -> str:
    where = error.errors(include_input=False, include_context=False, include_url=False)[0]["loc"]
    name = str(where[0]) if where else "lease_seconds"
    if name in from_environment or path is None:
        return f"{PREFIX}{name.upper()} is malformed: expected {expected(name)}"
    return f"{name} in {path} is malformed: expected {expected(name)}"
