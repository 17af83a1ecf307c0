"""A claim, read strictly: the claim as the core knows it, and apart from it what the member wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers import strict_json
from handlers.inbox import MalformedDelivery
from reconcile.claims_types import Claim, ClaimKind, Defect, Disruption, Prefers
from reconcile.facts import Ref
from reconcile.membership import Channel
from reconcile.policy import Policy
from worker.fields import EMAIL, BadFieldError, Fields
from worker.scrubbing.texts import scrubbed

_CLAIM = (
    "claim",
    "membership",
    "charge",
    "kind",
    "received_at",
    "channel",
    "from_email",
    "invoice",
    "explanation",
    "contacted_support_at",
    "evidence",
    "disruption",
    "defect",
)
_DEFECT = (
    "complained_at",
    "approved_at",
    "repaired_at",
    "access_refused",
    "access_asked_at",
    "access_given_at",
    "prefers",
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)
TEXT_MAX = 10_000
EVIDENCE_MAX = 50
FILE_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class TakenClaim:
    """`claim` without the address and the words; `personal` holds them (from_email, explanation, invoice, evidence),
    scrubbed of what is never kept. `email` is the plain address."""

    claim: Claim
    personal: Mapping[str, Any]

    @property
    def email(self) -> str | None:
        address: str | None = self.personal.get("from_email")
        return address


def words_of(policy: Policy) -> list[str]:
    """The words that clauses look for in an explanation."""
    held = (bundle for versions in policy.versions.values() for bundle in versions)
    return [word for bundle in held for clause in bundle.clauses for word in clause.terms.unless_named]


def read_file(file: Path, words: Iterable[str]) -> TakenClaim:
    """The one claim of a JSON file. Raises BadFieldError, and OSError where there is no file."""
    body = file.read_bytes()
    if len(body) > FILE_BYTES_MAX:
        raise BadFieldError("", f"at most {FILE_BYTES_MAX} bytes are expected")
    try:
        return read(strict_json.parse(body), words)
    except MalformedDelivery as error:
        said = str(error).replace("the body", "the file")
        raise BadFieldError("", f"a JSON object is expected, and {said}") from None


def read(given: object, words: Iterable[str] = ()) -> TakenClaim:
    """The claim that `given` (parsed JSON) states. `words` are those that clauses look for in an explanation. Raises
    BadFieldError for the first thing that is wrong; its text repeats nothing that the member wrote."""
    fields = Fields(given, "", _CLAIM, private=True)
    personal = _personal(fields)
    explanation = str(personal.get("explanation", "")).lower()
    claim = Claim(
        id=_identifier(fields, "claim"),
        membership=fields.text("membership", longest=128),
        kind=fields.word("kind", ClaimKind),
        received_at=_time(fields, "received_at"),
        charge=_charge(fields),
        channel=fields.word("channel", Channel).value if fields.has("channel") else None,
        invoice="given" if "invoice" in personal else None,
        explained=bool(explanation),
        named=tuple(sorted({word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", explanation)})),
        contacted_support_at=_maybe_time(fields, "contacted_support_at"),
        evidence=tuple(f"{n + 1}" for n, _ in enumerate(personal.get("evidence", ()))),
        disruption=_disruption(fields),
        defect=_defect(fields),
    )
    return TakenClaim(claim, personal)


def _identifier(fields: Fields, name: str) -> str:
    text = fields.text(name, longest=128)
    if not _ID.fullmatch(text) or scrubbed(text) != text:
        raise fields.refuse(name, "letters, digits and . _ : / - , and no number of a card or a person")
    return text


def _charge(fields: Fields) -> Ref | None:
    if not fields.has("charge"):
        return None
    try:
        return Ref.parse(_identifier(fields, "charge"))
    except ValueError as error:
        if isinstance(error, BadFieldError):
            raise
        raise fields.refuse("charge", "a charge such as stripe:ch_1") from None


def _personal(fields: Fields) -> dict[str, Any]:
    """What the member wrote, scrubbed."""
    found: dict[str, Any] = {}
    if (address := fields.maybe_text("from_email", longest=254)) is not None:
        if not re.fullmatch(EMAIL, address):
            raise fields.refuse("from_email", "an e-mail address")
        found["from_email"] = address
    if (invoice := fields.maybe_text("invoice")) is not None:
        found["invoice"] = scrubbed(invoice)
    if fields.has("explanation"):
        found |= _explanation(fields)
    if evidence := [_one(path, item) for path, item in fields.items("evidence")]:
        if len(evidence) > EVIDENCE_MAX:
            raise fields.refuse("evidence", f"at most {EVIDENCE_MAX} pieces of evidence")
        found["evidence"] = evidence
    return found


def _explanation(fields: Fields) -> dict[str, str]:
    text = fields.raw("explanation")
    if not isinstance(text, str) or len(text) > TEXT_MAX or "\x00" in text:
        raise fields.refuse("explanation", f"text of 1 to {TEXT_MAX} characters")
    return {"explanation": scrubbed(text.strip())} if text.strip() else {}


def _one(path: str, item: object) -> str:
    if not isinstance(item, str) or not 0 < len(item) <= 200 or not item.isprintable():
        raise BadFieldError(path, "the name of a piece of evidence, text of 1 to 200 characters, is expected")
    return scrubbed(item)


def _time(fields: Fields, name: str) -> datetime:
    """In UTC: one moment has one spelling."""
    return fields.time(name).astimezone(UTC)


def _maybe_time(fields: Fields, name: str) -> datetime | None:
    return _time(fields, name) if fields.has(name) else None


def _disruption(fields: Fields) -> Disruption | None:
    if not fields.has("disruption"):
        return None
    told = Fields(fields.raw("disruption"), "disruption", ("from", "until"), private=True)
    since, until = _time(told, "from"), _maybe_time(told, "until")
    if until is not None and until <= since:
        raise told.refuse("until", "a time after from")
    return Disruption(since, until)


def _defect(fields: Fields) -> Defect | None:
    if not fields.has("defect"):
        return None
    told = Fields(fields.raw("defect"), "defect", _DEFECT, private=True)
    return Defect(
        complained_at=_time(told, "complained_at"),
        approved_at=_maybe_time(told, "approved_at"),
        repaired_at=_maybe_time(told, "repaired_at"),
        access_refused=told.truth("access_refused"),
        access_asked_at=_maybe_time(told, "access_asked_at"),
        access_given_at=_maybe_time(told, "access_given_at"),
        prefers=_prefers(told),
    )


def _prefers(told: Fields) -> Prefers:
    """`replace` and `replacement` mean the same."""
    if told.raw("prefers") == "replace":
        return Prefers.REPLACEMENT
    return told.word("prefers", Prefers, Prefers.REFUND)
