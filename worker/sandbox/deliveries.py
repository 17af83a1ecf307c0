"""How the events travel: mostly in order, some late, some twice, a few forged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

from worker.sandbox.names import Names
from worker.sandbox.telling import Told, paypal_bytes, stripe_bytes

TWICE, UNDER_A_NEW_ID, OUT_OF_ORDER, LATE = 0.04, 0.02, 0.10, 0.04
FORGED_MIN = 3


@dataclass(frozen=True)
class Delivery:
    """One transmission. A `forged` one is signed with a key that is not the provider's, and must be refused."""

    provider: str
    body: bytes
    transmission: str
    forged: bool = False


@dataclass(frozen=True)
class Mail:
    """All transmissions of a world: those that come in time, and those that come after the first judgement."""

    in_time: list[Delivery]
    late: list[Delivery]

    @property
    def sent(self) -> int:
        return len(self.in_time) + len(self.late)

    @property
    def forged(self) -> int:
        return sum(delivery.forged for delivery in (*self.in_time, *self.late))


def posted(told: list[Told], seed: int) -> Mail:
    """The transmissions of `told`; of one seed the same ones in the same order."""
    rng = Random(seed ^ 0x6D61696C)  # noqa: S311 - the disorder must be repeatable; no key is drawn from it
    names = Names(rng)
    placed: list[tuple[float, Delivery]] = []
    late: list[Delivery] = []
    for place, one in enumerate(told):
        copies = [one.body]
        if rng.random() < TWICE:
            copies.append(one.body)
        if rng.random() < UNDER_A_NEW_ID:
            copies.append(_renamed(one, names))
        for body in copies:
            delivery = Delivery(one.provider, body, _transmission(rng))
            if rng.random() < LATE:
                late.append(delivery)
            else:
                placed.append((place + (rng.uniform(0, 400) if rng.random() < OUT_OF_ORDER else 0), delivery))
    placed.extend((rng.uniform(0, len(told)), forgery) for forgery in _forgeries(told, names, rng))
    rng.shuffle(late)
    return Mail([delivery for _, delivery in sorted(placed, key=lambda pair: pair[0])], late)


def _forgeries(told: list[Told], names: Names, rng: Random) -> list[Delivery]:
    """Charges that nobody took: each would be a duplicate if a receiver believed it."""
    charges = [one for one in told if b'"charge.succeeded"' in one.body or b'"PAYMENT.SALE.COMPLETED"' in one.body]
    chosen = rng.sample(charges, min(len(charges), max(FORGED_MIN, len(charges) // 500)))
    return [
        Delivery(one.provider, _renamed(one, names, object_too=True), _transmission(rng), forged=True) for one in chosen
    ]


def _renamed(one: Told, names: Names, *, object_too: bool = False) -> bytes:
    """The same event under another id (about another object, where asked)."""
    event = json.loads(one.body)
    if one.provider == "stripe":
        event["id"] = names.stripe("evt")
        if object_too:
            event["data"]["object"]["id"] = names.stripe("ch")
        return stripe_bytes(event)
    event["id"] = f"WH-{names.paypal()}-{names.paypal()}"
    if object_too:
        event["resource"]["id"] = names.paypal()
    return paypal_bytes(event)


def _transmission(rng: Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
