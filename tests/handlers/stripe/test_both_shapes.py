"""A story told before 2025-03-31 and the same story told since end as the same facts."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from reconcile.facts import Charge, Fact, Invoice, InvoicePayment, Ref
from reconcile.tellings import merge
from tests.handlers.stripe.bodies import charge, invoice_payment, new_invoice, old_invoice, translated


def merged(facts: Iterable[Fact]) -> dict[tuple[str, Ref], Fact]:
    groups: dict[tuple[str, Ref], list[Any]] = {}
    for fact in facts:
        groups.setdefault((type(fact).__name__, fact.ref), []).append(fact)
    return {key: merge(tellings) for key, tellings in groups.items()}


def test_both_shapes_of_one_story_are_the_same_facts_but_for_what_holds_the_link() -> None:
    old = merged(
        [
            *translated("charge.succeeded", charge(invoice="in_1")).facts,
            *translated("invoice.paid", old_invoice()).facts,
            *translated("invoice.payment_succeeded", old_invoice()).facts,
        ]
    )
    new = merged(
        [
            *translated("charge.succeeded", charge()).facts,
            *translated("invoice.paid", new_invoice()).facts,
            *translated("invoice_payment.paid", invoice_payment()).facts,
        ]
    )
    link = new.pop(("InvoicePayment", Ref("stripe", "inpay_1")))
    assert isinstance(link, InvoicePayment)
    assert (link.invoice, link.intent) == ("in_1", "pi_1")
    assert old.keys() == new.keys()
    old_charge, new_charge = (story["Charge", Ref("stripe", "ch_1")] for story in (old, new))
    assert isinstance(old_charge, Charge)
    # The older invoice is a second witness of its charge, and so the charge knows what the invoice says.
    assert replace(old_charge, invoice=None, subscription=None, named=None) == new_charge
    old_bill, new_bill = (story["Invoice", Ref("stripe", "in_1")] for story in (old, new))
    assert isinstance(old_bill, Invoice)
    assert replace(old_bill, charge=None, intent=None, out_of_band=None) == new_bill
