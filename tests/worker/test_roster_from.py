"""Memberships by the provider's own word: only what it says without guessing, marked as its word, and never against a
roster of the merchant's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest
from pydantic import SecretStr

from handlers.strict_json import JsonObject
from reconcile.membership import Agreement, CancelNotice, Channel, Every, Membership, PriceChange
from reconcile.money import Money
from tests.answering import serving
from tests.handlers.paypal.fake import CLIENT_ID, CLIENT_SECRET, FakePayPal
from tests.worker import world as w
from tests.worker.stripe_lists import Json, Lists, refused, stripe_with
from tests.worker.test_backfill import no_wait
from worker.backfill import BackfillError
from worker.roster.changes import add_change, add_notice
from worker.roster.from_provider import SEVERAL, STATED_ALREADY, Built, take_in
from worker.runtime import Runtime
from worker.store import roster
from worker.store.facts import store_facts
from worker.store.roster import Imported

BEGAN = int(w.at(w.START).timestamp())


def subscription(name: str = "sub_1", **said: object) -> Json:
    price = {"id": "price_1", "created": BEGAN - 1000, "currency": "usd", "unit_amount": 9900}
    price |= {"recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}
    item = {"id": "si_1", "created": BEGAN, "quantity": 1, "price": price}
    return {
        "id": name,
        "object": "subscription",
        "billing_cycle_anchor": BEGAN,
        "created": BEGAN,
        "customer": {"id": "cus_1", "object": "customer", "email": "ann@example.com", "name": "Ann"},
        "items": {"object": "list", "data": [item]},
        "metadata": {},
        "start_date": BEGAN,
        "status": "active",
    } | said


def priced(**said: object) -> Json:
    one = subscription()
    one["items"]["data"][0]["price"] |= said
    return one


def from_stripe(runtime: Runtime, *told: Json) -> Built:
    with stripe_with(runtime, Lists([*told], page=1)) as with_stripe:
        return take_in(with_stripe, "stripe", wait=no_wait)


def stored(runtime: Runtime, *refs: str) -> dict[str, Membership]:
    with runtime.engine.begin() as conn:
        return roster.by_ref(conn, refs)


def test_a_subscription_and_its_price_are_a_membership_by_stripes_word(runtime: Runtime) -> None:
    built = from_stripe(runtime, subscription(), subscription("sub_2", metadata={"membership": "M-2"}))
    assert (built.imported.added, built.left_out) == (2, {})
    one = stored(runtime, "sub_1", "M-2")
    assert set(one) == {"sub_1", "M-2"}
    stated = one["sub_1"]
    assert (stated.started_on, stated.plan.price, stated.plan.every) == (w.START, Money(9900, "USD"), Every.MONTH)
    assert stated.agreements == (Agreement("stripe", "sub_1", "cus_1", since=w.START),)
    assert stated.policy == ("smartcalls", "voip-fulfillment")
    assert stated.stated_by_provider
    assert stated.email is not None
    assert from_stripe(runtime, subscription()).imported.unchanged == 1


def test_quantities_trials_and_ends(runtime: Runtime) -> None:
    several = subscription("sub_3", trial_end=BEGAN + 14 * 86400, billing_cycle_anchor=BEGAN + 14 * 86400)
    several["items"]["data"][0]["quantity"] = 3
    ended = subscription("sub_4", status="canceled", ended_at=BEGAN + 40 * 86400)
    from_stripe(runtime, several, ended)
    found = stored(runtime, "sub_3", "sub_4")
    assert (found["sub_3"].plan.price.minor, found["sub_3"].plan.trial_days) == (29700, 14)
    assert found["sub_4"].ended_on == w.later(w.START, 40)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (subscription(status="incomplete"), "it has not begun"),
        (subscription(pause_collection={"behavior": "void"}), "it is paused"),
        (subscription(discounts=["di_1"]), "it has a discount"),
        (subscription(billing_cycle_anchor=BEGAN + 5 * 86400), "its billing day was moved"),
        (subscription(items={"object": "list", "data": []}), "it has no price"),
        (priced(unit_amount=None), "its price goes by use or by tiers"),
        (priced(created=BEGAN + 86400), "its price was changed after it began"),
        (priced(recurring={}), "its price does not recur"),
        (priced(currency="zzz"), "it cannot be read"),
    ],
)
def test_what_would_have_to_be_guessed_is_left_out_and_said(runtime: Runtime, told: Json, why: str) -> None:
    built = from_stripe(runtime, told)
    assert built.imported.added == 0
    (reason,) = built.left_out
    assert reason.startswith(why)


def test_a_roster_of_ones_own_is_never_overruled(runtime: Runtime) -> None:
    own = w.row("M-1", w.stripe(1))
    w.take_in(runtime, own)
    built = from_stripe(runtime, subscription(), subscription("sub_9", metadata={"membership": "M-1"}))
    assert built.left_out == {STATED_ALREADY: 2}
    assert stored(runtime, "M-1", "sub_1") == {"M-1": own.membership}


def test_what_was_told_of_it_since_stays_when_it_is_imported_again(runtime: Runtime) -> None:
    from_stripe(runtime, subscription(metadata={"membership": "M-1"}))
    cancel = CancelNotice(w.at(w.month(1)), Channel.PORTAL)
    price = PriceChange(w.month(2), 10_900)
    add_notice(runtime, "M-1", cancel, "shop")
    add_change(runtime, "M-1", price, "shop")

    same = from_stripe(runtime, subscription(metadata={"membership": "M-1"}))
    ended = from_stripe(
        runtime, subscription(metadata={"membership": "M-1"}, ended_at=int(w.at(w.month(3)).timestamp()))
    )

    assert (same.imported, same.left_out) == (Imported(unchanged=1), Counter())
    assert ended.imported == Imported(changed=1)
    found = stored(runtime, "M-1")["M-1"]
    assert (found.notices, found.changes) == ((cancel,), (price,))
    assert found.ended_on == w.month(3)
    assert found.stated_by_provider


def test_two_subscriptions_of_one_name_are_left_to_a_person(runtime: Runtime) -> None:
    named = {"metadata": {"membership": "M-1"}}
    built = from_stripe(runtime, subscription("sub_1", **named), subscription("sub_2", **named))
    assert built.left_out == {SEVERAL: 2}
    assert stored(runtime, "M-1") == {}


def test_all_or_nothing(runtime: Runtime) -> None:
    lists = Lists([subscription(), subscription("sub_2")], page=1)

    def breaks(_seconds: float) -> None:
        lists.first = [refused(500)] * 6

    with stripe_with(runtime, lists) as with_stripe, pytest.raises(BackfillError):
        take_in(with_stripe, "stripe", wait=breaks)
    assert stored(runtime, "sub_1", "sub_2") == {}


PLAN: JsonObject = {
    "id": "P-1",
    "billing_cycles": [
        {
            "tenure_type": "TRIAL",
            "frequency": {"interval_unit": "WEEK", "interval_count": 1},
            "total_cycles": 2,
        },
        {
            "tenure_type": "REGULAR",
            "frequency": {"interval_unit": "MONTH", "interval_count": 3},
            "total_cycles": 0,
            "pricing_scheme": {
                "fixed_price": {"value": "99.00", "currency_code": "USD"},
                "create_time": "2025-01-01T00:00:00Z",
            },
        },
    ],
    "payment_preferences": {"setup_fee": {"value": "149.00", "currency_code": "USD"}},
}
AGREED: JsonObject = {
    "id": "I-AAAA1111",
    "plan_id": "P-1",
    "status": "ACTIVE",
    "start_time": "2026-01-08T18:00:00Z",
    "quantity": "2",
    "custom_id": "M-7",
    "subscriber": {"payer_id": "PAYER1", "email_address": "ann@example.com"},
}


@contextmanager
def paypal_with(runtime: Runtime, agreed: JsonObject, plan: JsonObject) -> Iterator[Runtime]:
    fake = FakePayPal()
    fake.objects["/v1/billing/subscriptions/I-AAAA1111?fields=plan"] = agreed
    fake.objects["/v1/billing/plans/P-1"] = plan
    with serving(fake) as url:
        changed = {"paypal_client_id": SecretStr(CLIENT_ID), "paypal_client_secret": SecretStr(CLIENT_SECRET)}
        settings = runtime.settings.model_copy(update={**changed, "paypal_api_base": url})
        yield replace(runtime, settings=settings)


def from_paypal(runtime: Runtime, agreed: JsonObject = AGREED, plan: JsonObject = PLAN) -> Built:
    charged = w.charge("8XY1", date(2026, 2, 8), provider="paypal", subscription="I-AAAA1111")
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(charged, source="backfill"))
    with paypal_with(runtime, agreed, plan) as with_paypal:
        return take_in(with_paypal, "paypal", wait=no_wait)


def test_agreements_that_charges_named_are_memberships_by_paypals_word(runtime: Runtime) -> None:
    assert from_paypal(runtime).imported.added == 1
    stated = stored(runtime, "M-7")["M-7"]
    assert (stated.started_on, stated.plan.price) == (w.START, Money(19800, "USD"))
    assert (stated.plan.every, stated.plan.count, stated.plan.trial_days) == (Every.MONTH, 3, 14)
    assert (stated.plan.setup_fee_minor, stated.stated_by_provider) == (14900, True)
    assert stated.agreements == (Agreement("paypal", "I-AAAA1111", payer="PAYER1", since=w.START),)


@pytest.mark.parametrize(
    ("agreed", "why"),
    [
        ({"status": "APPROVED"}, "it has not begun"),
        ({"quantity": "1.5"}, "its quantity is no whole number"),
        ({"plan_id": "P-2"}, "PayPal no longer tells its plan"),
        ({"start_time": "2024-01-08T18:00:00Z"}, "its price was changed after it began"),
        ({"start_time": None}, "it cannot be read: start_time is missing"),
    ],
)
def test_what_paypal_does_not_say_is_left_out(runtime: Runtime, agreed: JsonObject, why: str) -> None:
    built = from_paypal(runtime, AGREED | agreed)
    assert built.imported.added == 0
    (reason,) = built.left_out
    assert reason.startswith(why)
