"""What a webhook says of where its payer lives; of who lives where the privacy statement is not meant for, the personal
fields are dropped before the body is kept (PR-7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from handlers import strict_json
from handlers.inbox import MalformedDelivery
from worker.countries import NOT_KEPT

_COUNTRY = re.compile(rb'"country(?:_code)?"\s*:\s*"([A-Za-z]{2})"')
# The country of a card or a bank is where it was issued: it says nothing of where somebody lives.
_ELSEWHERE = frozenset({"card", "card_present", "bank", "bank_account", "us_bank_account", "issuer", "merchant"})
_LIVES = re.compile(r"address|payer|subscriber|customer")
_PERSONAL = (
    "name|full_name|first_name|last_name|given_name|surname|middle_name|email|email_address|receipt_email"
    "|customer_email|customer_name|payer_email|phone|customer_phone|national_number|phone_number|line1|line2"
    "|address_line_1|address_line_2|city|admin_area_2|postal_code|recipient_name|birth_date|description"
    "|statement_descriptor|note|note_to_payer|customer_purchase_ip|ip|ip_address"
)
_VALUE = re.compile(rf'("(?:{_PERSONAL})"\s*:\s*)"(?:[^"\\]|\\.)*"'.encode())


def country(body: bytes) -> str | None:
    """Where the payer lives, if that is a country of whose people nothing personal is kept."""
    if not any(found.decode().upper() in NOT_KEPT for found in _COUNTRY.findall(body)):
        return None
    try:
        told = strict_json.parse(body)
    except MalformedDelivery:
        return None
    return next((code for code in _lives_in(told, "") if code in NOT_KEPT), None)


def nameless(body: bytes) -> bytes:
    """The body with every personal field empty, otherwise byte for byte as it came."""
    return _VALUE.sub(rb"\1null", body)


def _lives_in(value: Any, parent: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        for item in value:
            yield from _lives_in(item, parent)
    if not isinstance(value, Mapping) or parent in _ELSEWHERE:
        return
    for key, item in value.items():
        if key in ("country", "country_code") and isinstance(item, str) and _LIVES.search(parent):
            yield item.upper()
        yield from _lives_in(item, key)
