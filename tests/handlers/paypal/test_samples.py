"""Every body that PayPal is known to send is understood, or knowingly passed over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.paypal.inbox import PayPalInbox
from handlers.paypal.translate import facts_of
from reconcile.facts import Charge, ChargeState, Dispute, Fact, Refund, Subscription
from reconcile.tellings import merge

WHEN = datetime(2026, 3, 1, tzinfo=UTC)

# The file's name after its source, and how many facts of which kind it gives; nothing: it is passed over.
EVENTS: dict[str, type | None] = {
    "billing.plan.created": None,
    "billing.plan.updated": None,
    "billing.subscription.cancelled": Subscription,
    "billing.subscription.created": Subscription,
    "billing.subscription.re-activated": Subscription,
    "billing.subscription.suspended": Subscription,
    "billing.subscription.updated": Subscription,
    "customer.dispute.created": Dispute,
    "customer.dispute.created--2019-11": Dispute,
    "customer.dispute.created--ppra214": Dispute,
    "customer.dispute.resolved": Dispute,
    "invoicing.invoice.paid": None,
    "invoicing.invoice.refunded": None,
    "payment.capture.completed": Charge,
    "payment.capture.denied": Charge,
    "payment.capture.pending": Charge,
    "payment.capture.refunded": Refund,
    "payment.capture.reversed": Refund,
    "payment.sale.completed": Charge,
    "payment.sale.completed--from-subscription": Charge,
    "payment.sale.denied": Charge,
    "payment.sale.pending": Charge,
    "payment.sale.refunded": Refund,
    "payment.sale.reversed": Refund,
    "risk.dispute.created": Dispute,
}
ANSWERS = {
    "dj-paypal__api__v1_payments_billing-agreements_I-W0Y05RHBK9VG": "subscription",
    "dj-paypal__api__v1_payments_sale_7D51924877811803R": "sale",
    "node-sdk__api__get_v1_payments_capture_4WD92773MB0364428": "capture",
    "node-sdk__api__get_v1_payments_sale_6SV69496KE114283L": "sale",
    "node-sdk__api__post_v1_payments_capture_7YB63125RG796514P_refund": "refund",
    "node-sdk__api__post_v1_payments_sale_9JC5587208637073G_refund": "refund",
}
# Objects that we never ask PayPal for: an agreement that nobody has signed yet, plans, a payment that holds sales.
NOT_ASKED_FOR = {
    "dj-paypal__api__v1_payments_billing-agreements_EC-12345678901234567",
    "dj-paypal__api__v1_payments_billing-plans_P-02767725HB885221P6IAFNQA",
    "dj-paypal__api__v1_payments_billing-plans_P-6CG06355W0800031W6IARW3A",
    "dj-paypal__api__v1_payments_payment_PAY-1PA12106FU478450MKRETS4A",
}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_gives_its_facts_or_is_passed_over(shared_dir: Path, name: str) -> None:
    inbox = PayPalInbox(["unused"])
    body = _body(shared_dir, f"dj-paypal__{name}")
    envelope = inbox.envelope(body)
    translation = inbox.translate(body)
    assert envelope.event_type.lower() == name.split("--", maxsplit=1)[0]
    kind = EVENTS[name]
    assert [type(fact) for fact in translation.facts] == ([kind] if kind else [])
    assert (translation.passed_over is None) is (kind is not None)


def test_no_sample_is_forgotten(shared_dir: Path) -> None:
    there = {path.stem for path in (shared_dir / "samples" / "paypal").glob("*.json")}
    assert there == {f"dj-paypal__{name}" for name in EVENTS} | set(ANSWERS) | NOT_ASKED_FOR


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_of_the_api_gives_its_fact(shared_dir: Path, name: str) -> None:
    answer = json.loads(_body(shared_dir, name))
    (fact,) = facts_of(ANSWERS[name], answer, WHEN)
    assert fact.ref.id == answer["id"]


def test_a_webhook_and_a_read_of_one_sale_tell_the_same(shared_dir: Path) -> None:
    (told,) = _facts(shared_dir, "payment.sale.completed--from-subscription")
    sale = json.loads(_body(shared_dir, "dj-paypal__api__v1_payments_sale_7D51924877811803R"))
    (read,) = facts_of("sale", sale, WHEN)
    assert told == read
    assert isinstance(told, Charge)
    assert (told.subscription, told.amount.minor, told.kind) == ("I-W0Y05RHBK9VG", 499, "sale")


def test_a_refunds_charge_is_found(shared_dir: Path) -> None:
    names = ("payment.sale.refunded", "payment.capture.refunded", "payment.sale.reversed", "payment.capture.reversed")
    refunds = [fact for name in names for fact in _facts(shared_dir, name) if isinstance(fact, Refund)]
    assert [(each.charge, each.amount.minor, each.reversal) for each in refunds] == [
        ("9T0916710M1105906", 2, None),
        ("5LK72275CG489890D", 15, None),
        (None, 49, True),
        (None, 35, True),
    ]


def test_states_are_the_resources_own(shared_dir: Path) -> None:
    states = {name: _facts(shared_dir, f"payment.{name}")[0] for name in ("sale.pending", "capture.denied")}
    assert [fact.state for fact in states.values() if isinstance(fact, Charge)] == [
        ChargeState.PENDING,
        ChargeState.FAILED,
    ]


def test_an_agreements_life_ends_in_a_persons_cancellation_in_any_order(shared_dir: Path) -> None:
    names = ("created", "suspended", "re-activated", "updated", "cancelled")
    life = [fact for name in names for fact in _facts(shared_dir, f"billing.subscription.{name}")]
    agreements = [fact for fact in life if isinstance(fact, Subscription)]
    assert merge(agreements) == merge(agreements[::-1])
    end = merge(agreements)
    assert end.ended_at == end.cancel_requested_at == datetime(2016, 4, 28, 11, 53, 10, tzinfo=UTC)
    assert (end.payer, end.email) == ("XLHKRXRA4H7QY", "coolbuyer@example.com")


def _facts(shared_dir: Path, name: str) -> tuple[Fact, ...]:
    return PayPalInbox(["unused"]).translate(_body(shared_dir, f"dj-paypal__{name}")).facts


def _body(shared_dir: Path, stem: str) -> bytes:
    return (shared_dir / "samples" / "paypal" / f"{stem}.json").read_bytes()
