"""The kinds of values that settings have: each takes what a person writes and refuses what cannot be meant.

No message repeats the value: it may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_PROVIDER_KEY = re.compile(r"(sk|rk)_(live|test)_[A-Za-z0-9_]{3,}")
_HOST = re.compile(r"(?=.{1,253}(:|$))[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
_BUNDLE = re.compile(r"[a-z0-9][a-z0-9_-]*")
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
KEY_BYTES = 32


def _split(value: object) -> object:
    """`a, b` and a TOML list mean the same."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _off(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == "off" else value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("unknown zone")
    ZoneInfo(value)
    return value


def _country(value: str) -> str:
    import holidays  # only when another country than the default is named

    if value.upper() not in holidays.list_supported_countries(include_aliases=False):
        raise ValueError("unknown country")
    return value.upper()


def is_loopback(host: str | None) -> bool:
    """Whether a host name means this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _base_url(value: str) -> str:
    url = urlsplit(value)
    plain = url.scheme == "http" and is_loopback(url.hostname)
    if not (url.hostname and (url.scheme == "https" or plain)):
        raise ValueError("neither https nor loopback")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("more than a base")
    _ = url.port  # raises ValueError for a port that is none
    return value.rstrip("/")


def _scheme(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        if not value.startswith(schemes):
            raise ValueError("unknown scheme")
        _ = urlsplit(value).port  # raises ValueError for a port, or a host in brackets, that is none
        return value

    return AfterValidator(check)


def _kept(value: str) -> str:
    """What SQLite keeps in memory alone is lost with the command that wrote it."""
    if value.partition("?")[0] in {"sqlite:///", "sqlite:///:memory:"}:
        raise ValueError("no file")
    return value


def _digits(value: object) -> object:
    """A whole number as digits alone: 500.00 would be five hundred minor units where somebody means so many dollars."""
    if isinstance(value, bool | float) or (isinstance(value, str) and not _DIGITS.fullmatch(value.strip())):
        raise ValueError("no whole number")
    return value


def _iso(value: object) -> object:
    """A date and nothing that can be made one."""
    if not isinstance(value, date) and not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError("no date")
    return value


def _matches(pattern: re.Pattern[str]) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError("malformed")
        return value

    return AfterValidator(check)


def _secret(value: SecretStr) -> SecretStr:
    plain = value.get_secret_value()
    if not plain or not plain.isascii() or not plain.isprintable() or " " in plain:
        raise ValueError("no secret looks like this")
    return value


def _group_roles(value: object) -> object:
    """`finance-clerks:clerk, finance-leads:approver` and a TOML list of such pairs mean the same. A group's name may
    have colons in it."""
    parts = _split(value)
    if not isinstance(parts, tuple):
        return parts
    return tuple(part.rpartition(":")[::2] if isinstance(part, str) else part for part in parts)


def _stripe_key(value: SecretStr) -> SecretStr:
    if not _PROVIDER_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("no secret or restricted key")
    return value


def _encryption_key(value: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(value.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if len(raw) != KEY_BYTES:
        raise ValueError("another length")
    return value


Secret = Annotated[SecretStr, AfterValidator(_secret)]
StripeKey = Annotated[SecretStr, AfterValidator(_stripe_key)]
Group = Annotated[str, Field(min_length=1)]
GroupRoles = Annotated[
    tuple[tuple[Group, Literal["clerk", "approver", "auditor", "privacy"]], ...], BeforeValidator(_group_roles)
]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(_split)]
EncryptionKeys = Annotated[tuple[Annotated[SecretStr, AfterValidator(_encryption_key)], ...], BeforeValidator(_split)]
Zone = Annotated[str, AfterValidator(_zone)]
TimeOfDay = Annotated[str, _matches(re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"))]
Country = Annotated[str, AfterValidator(_country)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Hosts = Annotated[tuple[Annotated[str, _matches(_HOST)], ...], BeforeValidator(_split)]
Bundles = Annotated[tuple[Annotated[str, _matches(_BUNDLE)], ...], Field(min_length=1), BeforeValidator(_split)]
DatabaseUrl = Annotated[
    str, _scheme("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://"), AfterValidator(_kept)
]
BrokerUrl = Annotated[str, _scheme("memory://", "redis://", "rediss://")]
# Money in minor units, with a bound that no sum of them takes out of 64 bits.
Minor = Annotated[int, Field(ge=0, le=10**12), BeforeValidator(_digits)]
Cap = Annotated[Minor | None, BeforeValidator(_off)]
Count = Annotated[int, Field(ge=0, le=10**6), BeforeValidator(_digits)]
Day = Annotated[date, BeforeValidator(_iso)]
CountOrOff = Annotated[Count | None, BeforeValidator(_off)]
Hours = Annotated[float, Field(ge=0, le=24 * 365, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
