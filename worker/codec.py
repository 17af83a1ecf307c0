"""Facts and memberships as plain JSON, and back. Times are RFC 3339 in UTC, enums their values, money
`{"minor", "currency"}`. A field that says nothing is left out, so that a new field changes no digest of an old telling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, get_type_hints

import msgspec

from reconcile.facts import (
    Charge,
    Credit,
    Dispute,
    Fact,
    FailedPayment,
    Invoice,
    InvoicePayment,
    Refund,
    Subscription,
)
from reconcile.membership import (
    Agreed,
    CancelNotice,
    Discount,
    Membership,
    Pause,
    PlanChange,
    PriceChange,
    QuantityChange,
    Reactivation,
    Termination,
)

Plain = dict[str, Any]
FactKey = tuple[str, str, str]  # provider, kind, object id

KINDS: Mapping[str, type[Fact]] = {
    "charge": Charge,
    "invoice": Invoice,
    "invoice_payment": InvoicePayment,
    "failed_payment": FailedPayment,
    "refund": Refund,
    "dispute": Dispute,
    "subscription": Subscription,
    "credit": Credit,
}
_KIND_OF: Mapping[type, str] = {cls: kind for kind, cls in KINDS.items()}
_DECODERS: Mapping[str, msgspec.json.Decoder[Fact]] = {kind: msgspec.json.Decoder(cls) for kind, cls in KINDS.items()}
_CANONICAL = msgspec.json.Encoder(order="sorted")
_FIELDS: Mapping[type, tuple[str, ...]] = {cls: tuple(f.name for f in fields(cls)) for cls in KINDS.values()}
_TIMES: Mapping[type, tuple[str, ...]] = {
    cls: tuple(f.name for f in fields(cls) if "datetime" in str(f.type)) for cls in KINDS.values()
}

# Changes and notices are told apart by their kind, as in the roster's own form.
_TAGS: Mapping[type, str] = {
    PriceChange: "price",
    PlanChange: "plan",
    QuantityChange: "quantity",
    Discount: "discount",
    Pause: "pause",
    Agreed: "agreed",
    CancelNotice: "cancel",
    Reactivation: "reactivate",
    Termination: "terminate",
}
_TAGGED: Mapping[str, type] = {tag: cls for cls, tag in _TAGS.items()}
_BARE: Mapping[str, Any] = {
    name: hint for name, hint in get_type_hints(Membership).items() if name not in {"changes", "notices"}
}
# All of them at once: one by one they would take five times as long.
_Bare = msgspec.defstruct("_Bare", [(name, hint | None, None) for name, hint in _BARE.items()])

_NESTED = (dict, list)
F = TypeVar("F", bound=Fact)


def kind_of(fact: Fact) -> str:
    """The word by which a fact's type is stored."""
    return _KIND_OF[type(fact)]


def key_of(fact: Fact) -> FactKey:
    """By what a fact is the same fact: its kind and the provider's object id."""
    return fact.ref.provider, kind_of(fact), fact.ref.id


def fact_to_plain(fact: Fact) -> Plain:
    """A fact as plain JSON."""
    plain: Plain = _spoken(msgspec.to_builtins(in_utc(fact)))
    return plain


def fact_to_text(fact: Fact) -> str:
    """The canonical JSON of a fact, the same on any machine: what `fact_to_plain` says, in a third of its time."""
    fact = in_utc(fact)
    told = {name: said for name in _FIELDS[type(fact)] if (said := getattr(fact, name)) is not None}
    return _CANONICAL.encode(told).decode()


def fact_from_text(kind: str, text: str) -> Fact:
    """The fact that `fact_to_text` was given. Raises ValueError for anything else."""
    return _DECODERS[kind].decode(text)


def digest(text: str) -> str:
    """By what a telling is the same telling: SHA-256 of its canonical JSON."""
    return hashlib.sha256(text.encode()).hexdigest()


def in_utc(fact: F) -> F:
    """The same fact with every time in UTC: one moment has one spelling."""
    moved: dict[str, Any] = {}
    for name in _TIMES[type(fact)]:
        at = getattr(fact, name)
        if at is not None and at.tzinfo is not UTC:
            moved[name] = _utc(at)
    if isinstance(fact, Invoice) and fact.lines:
        moved["lines"] = tuple(
            replace(line, period_start=_utc(line.period_start), period_end=_utc(line.period_end)) for line in fact.lines
        )
    return replace(fact, **moved) if moved else fact


def membership_to_plain(membership: Membership) -> Plain:
    """A membership as plain JSON; `membership_from_plain` gives an equal one back."""
    noticed = tuple(
        replace(n, at=n.at.astimezone(UTC)) if isinstance(n, CancelNotice) else n for n in membership.notices
    )
    # Through text, for the database gives lists back: a tuple left here would never equal what is stored.
    plain: Plain = msgspec.json.decode(msgspec.json.encode(replace(membership, changes=(), notices=())))
    plain["changes"] = [_tagged(change) for change in membership.changes]
    plain["notices"] = [_tagged(notice) for notice in noticed]
    spoken: Plain = _spoken(plain)
    return spoken


def membership_from_plain(plain: Mapping[str, Any]) -> Membership:
    """The membership that `membership_to_plain` was given. Raises ValueError for anything else."""
    bare = msgspec.convert(plain, _Bare)
    told = {name: value for name in _BARE if (value := getattr(bare, name)) is not None}
    return Membership(
        **told,
        changes=tuple(_untagged(change) for change in plain.get("changes", ())),
        notices=tuple(_untagged(notice) for notice in plain.get("notices", ())),
    )


def _utc(value: datetime | None) -> Any:  # noqa: ANN401 - it goes back into the field it came from
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored")
    return value.astimezone(UTC)


def _spoken(value: Any) -> Any:  # noqa: ANN401 - JSON
    # Most values are texts and numbers: a call for each of them would be most of the time.
    if isinstance(value, dict):
        said = {name: child for name, child in value.items() if child is not None and child != []}
        return {name: _spoken(child) if type(child) in _NESTED else child for name, child in said.items()}
    if isinstance(value, list):
        return [_spoken(child) for child in value]
    return value


def _tagged(value: object) -> Plain:
    return {"kind": _TAGS[type(value)], **msgspec.to_builtins(value)}


def _untagged(plain: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one of the tagged types
    bare = {name: value for name, value in plain.items() if name != "kind"}
    if (cls := _TAGGED.get(str(plain.get("kind")))) is None:
        raise ValueError(f"{plain.get('kind')!r} is no kind of change or notice")
    return msgspec.convert(bare, cls)
