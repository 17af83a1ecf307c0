"""Money goes out once, explicitly, to the right charge; and each answer means what the money protocol takes it for."""

from dataclasses import replace

import pytest

from handlers.gateway import (
    Answer,
    CreditOrder,
    Done,
    Gateway,
    Look,
    Mismatch,
    RefundOrder,
    Refusal,
    Refused,
    Uncertain,
)
from handlers.stripe.calls import PAGES_MAX
from handlers.stripe.gateway import StripeGateway
from reconcile.facts import Charge, Credit, Dispute, Refund, RefundState
from reconcile.money import Money
from tests.handlers.stripe.bodies import CREATED, at, charge, dispute, refund
from tests.handlers.stripe.fake import KEY, ORDER, REMEDY, Reply, World, error, said


def order(minor: int = 2500, currency: str = "USD", *, key: str = ORDER.key, duplicate: bool = False) -> RefundOrder:
    return replace(ORDER, amount=Money(minor, currency), key=key, duplicate=duplicate)


def made(**differing: object) -> Reply:
    return said(200, refund(metadata={"makegood_remedy": REMEDY}) | differing)


def test_a_refund_is_made_of_exactly_what_was_ordered(gateway: StripeGateway, world: World) -> None:
    port: Gateway = gateway
    answer = port.refund(order())
    assert isinstance(answer, Done)
    assert isinstance(answer.fact, Refund)
    assert (answer.fact.charge, answer.fact.amount, answer.fact.remedy) == ("ch_1", Money(2500, "USD"), REMEDY)
    assert (answer.fact.state, answer.fact.told_at) == (RefundState.SETTLED, at(CREATED + 60))
    (asked,) = world.asked
    assert (asked.method, asked.path) == ("POST", "/v1/refunds")
    assert asked.params == {
        "amount": "2500",
        "charge": "ch_1",
        "metadata[makegood_remedy]": REMEDY,
        "reason": "requested_by_customer",
    }
    assert asked.headers["idempotency-key"] == f"{REMEDY}:1"
    assert asked.headers["stripe-version"] == "2026-10-28.endive"


def test_a_repeated_refund_is_the_first_one_again(gateway: StripeGateway, world: World) -> None:
    assert gateway.refund(order()) == gateway.refund(order())
    assert len(world.refunds) == 1


def test_a_duplicate_is_called_one_and_nothing_is_ever_called_fraud(gateway: StripeGateway, world: World) -> None:
    gateway.refund(order(duplicate=True))
    gateway.refund(order(key="other"))
    assert [asked.params["reason"] for asked in world.asked] == ["duplicate", "requested_by_customer"]


@pytest.mark.parametrize(("currency", "minor", "sent"), [("JPY", 500, "500"), ("ISK", 5, "500"), ("MGA", 500, "5")])
def test_the_amount_is_sent_as_stripe_writes_the_currency(
    currency: str, minor: int, sent: str, gateway: StripeGateway, world: World
) -> None:
    world.charges["ch_1"] = charge(currency=currency.lower())
    assert isinstance(gateway.refund(order(minor, currency)), Done)
    assert world.asked[-1].params["amount"] == sent


@pytest.mark.parametrize(("minor", "currency"), [(0, "USD"), (-1, "USD"), (150, "MGA"), (1, "ZZZ")])
def test_an_amount_that_cannot_be_sent_is_refused_before_any_call(
    minor: int, currency: str, gateway: StripeGateway, world: World
) -> None:
    assert isinstance(gateway.refund(order(minor, currency)), Refused)
    assert isinstance(gateway.credit(CreditOrder("cus_1", Money(minor, currency), "k", REMEDY)), Refused)
    assert world.asked == []


@pytest.mark.parametrize("status", ["pending", "requires_action"])
def test_a_refund_on_its_way_is_done_and_pending(status: str, gateway: StripeGateway, world: World) -> None:
    world.first.append(made(status=status))
    answer = gateway.refund(order())
    assert isinstance(answer, Done)
    assert isinstance(answer.fact, Refund)
    assert answer.fact.state is RefundState.PENDING


@pytest.mark.parametrize("differing", [{"amount": 2501}, {"currency": "eur"}, {"charge": "ch_2"}, {"charge": None}])
def test_a_success_that_is_not_what_was_ordered_goes_to_a_person(
    differing: dict[str, object], gateway: StripeGateway, world: World
) -> None:
    world.first.append(made(**differing))
    answer = gateway.refund(order())
    assert isinstance(answer, Mismatch)
    assert answer.fact is not None


def test_a_look_tells_the_charge_its_refunds_and_its_disputes_as_they_are_now(
    gateway: StripeGateway, world: World
) -> None:
    gateway.refund(order())
    world.disputes.append(dispute())
    looked = gateway.look("ch_1", "charge")
    assert isinstance(looked, Look)
    paid, returned, disputed = looked.facts
    assert isinstance(paid, Charge)
    assert isinstance(returned, Refund)
    assert isinstance(disputed, Dispute)
    assert (paid.refunded_minor, returned.remedy, disputed.charge) == (2500, REMEDY, "ch_1")
    # A look outranks every webhook before it: it is dated by the answer, not by the object.
    assert min(fact.told_at for fact in looked.facts) > at(CREATED)
    assert (looked.lists_refunds, looked.missing) == (True, ())


def test_a_refund_that_the_charge_lists_too_is_told_once(gateway: StripeGateway, world: World) -> None:
    world.refunds.append(refund())
    world.charges["ch_1"] = charge(refunds={"data": [refund()]})
    looked = gateway.look("ch_1", "charge")
    assert isinstance(looked, Look)
    assert [type(fact) for fact in looked.facts] == [Charge, Refund]


def test_a_look_reads_every_page(gateway: StripeGateway, world: World) -> None:
    world.page = 2
    world.refunds.extend(refund(id=f"re_{n}") for n in range(5))
    looked = gateway.look("ch_1", "charge")
    assert isinstance(looked, Look)
    assert sorted(f.ref.id for f in looked.facts if isinstance(f, Refund)) == [f"re_{n}" for n in range(5)]


def test_a_list_without_an_end_proves_nothing(gateway: StripeGateway, world: World) -> None:
    world.page = 1
    world.refunds.extend(refund(id=f"re_{n}") for n in range(PAGES_MAX + 1))
    assert isinstance(gateway.look("ch_1", "charge"), Uncertain)


def test_a_charge_that_stripe_does_not_know_is_missing(gateway: StripeGateway) -> None:
    assert gateway.look("ch_9", "charge") == Look((), missing=("ch_9",))


def test_what_else_stripe_does_not_know_is_named(gateway: StripeGateway, world: World) -> None:
    known, unknown = said(200, charge()), error(404, code="resource_missing")
    nothing = said(200, {"object": "list", "data": [], "has_more": False})
    world.first.extend([known, unknown, nothing])
    looked = gateway.look("ch_1", "charge")
    assert isinstance(looked, Look)
    assert (looked.lists_refunds, looked.missing) == (False, ("refunds",))
    world.first.extend([known, nothing, unknown])
    looked = gateway.look("ch_1", "charge")
    assert isinstance(looked, Look)
    assert (looked.lists_refunds, looked.missing) == (True, ("disputes",))


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "reply",
    [
        error(500),
        error(400, code="parameter_unknown"),
        Reply(200, b"{}"),
        said(200, {"object": "list", "data": [{"id": "re_1"}], "has_more": False}),
        said(200, {"object": "list", "data": [], "has_more": True}),
        said(200, {"object": "list", "data": []}),
        Reply(how="reset"),
    ],
)
def test_a_look_that_fails_anywhere_is_no_look(place: int, reply: Reply, gateway: StripeGateway, world: World) -> None:
    nothing = said(200, {"object": "list", "data": [], "has_more": False})
    replies = [said(200, charge()), nothing, nothing]
    replies[place] = reply
    world.first.extend(replies)
    assert isinstance(gateway.look("ch_1", "charge"), Uncertain)


def test_another_charge_than_asked_for_is_no_look(gateway: StripeGateway, world: World) -> None:
    world.first.append(said(200, charge(id="ch_2")))
    assert isinstance(gateway.look("ch_1", "charge"), Uncertain)


def test_a_credit_lowers_the_next_invoice_once(gateway: StripeGateway, world: World) -> None:
    wanted = CreditOrder("cus_1", Money(2500, "USD"), f"{REMEDY}:1", REMEDY)
    answer = gateway.credit(wanted)
    assert answer == gateway.credit(wanted)
    assert isinstance(answer, Done)
    assert isinstance(answer.fact, Credit)
    assert (answer.fact.amount, answer.fact.customer, answer.fact.remedy) == (Money(2500, "USD"), "cus_1", REMEDY)
    assert [(item["amount"], item["currency"]) for item in world.balance] == [(-2500, "usd")]


def test_a_credit_that_is_not_what_was_ordered_goes_to_a_person(gateway: StripeGateway, world: World) -> None:
    given = {"id": "cbtxn_1", "object": "customer_balance_transaction", "amount": -2500, "created": CREATED}
    given |= {"currency": "usd", "customer": "cus_1"}
    for differing in ({"amount": 2500}, {"amount": -1}, {"currency": "eur"}, {"customer": "cus_2"}):
        world.first.append(said(200, given | differing))
        assert isinstance(gateway.credit(CreditOrder("cus_1", Money(2500, "USD"), "k", REMEDY)), Mismatch)


def test_a_credit_for_a_wrong_invoice_is_a_credit_note_that_mails_nobody(gateway: StripeGateway, world: World) -> None:
    order = CreditOrder("cus_1", Money(2500, "USD"), f"{REMEDY}:1", REMEDY, "in_1", duplicate=True)
    made, again = gateway.credit(order), gateway.credit(order)
    assert made == again
    assert isinstance(made, Done)
    assert isinstance(made.fact, Credit)
    assert (made.fact.ref.id, made.fact.charge, made.fact.amount) == ("cbtxn_n1", "ch_1", Money(2500, "USD"))
    params = world.asked[0].params
    assert (params["email_type"], params["reason"], params["credit_amount"]) == ("none", "duplicate", "2500")
    found = gateway.find_credit("cus_1", REMEDY)
    assert isinstance(found, Look)
    assert [fact.ref for fact in found.facts] == [made.fact.ref]


def test_a_credit_note_that_credits_nobody_is_uncertain(gateway: StripeGateway, world: World) -> None:
    order = CreditOrder("cus_1", Money(2500, "USD"), f"{REMEDY}:1", REMEDY, "in_1")
    gateway.credit(order)
    world.keys.clear()
    world.first.append(said(200, world.notes[0] | {"customer_balance_transaction": None}))
    assert isinstance(gateway.credit(order), Uncertain)
    world.first.append(said(200, world.notes[0] | {"amount": 2600}))
    assert isinstance(gateway.credit(order), Mismatch)


def test_a_credit_is_found_by_its_remedy(gateway: StripeGateway, world: World) -> None:
    assert gateway.find_credit("cus_1", REMEDY) == Look(())
    gateway.credit(CreditOrder("cus_1", Money(100, "USD"), "k1", "remedy:stripe:ch_2"))
    gateway.credit(CreditOrder("cus_1", Money(2500, "USD"), "k2", REMEDY))
    world.page = 1
    found = gateway.find_credit("cus_1", REMEDY)
    assert isinstance(found, Look)
    assert [f.amount for f in found.facts if isinstance(f, Credit)] == [Money(2500, "USD")]
    world.first.append(error(404, code="resource_missing"))
    assert gateway.find_credit("cus_9", REMEDY) == Look((), missing=("cus_9",))


def test_a_subscription_is_ended_at_once_and_an_ended_one_is_done(gateway: StripeGateway, world: World) -> None:
    assert gateway.cancel("sub_1", "k") == Done()
    assert world.asked[0].params == {"invoice_now": "false", "prorate": "false"}
    assert gateway.cancel("sub_1", "k") == Done()
    assert world.subscriptions["sub_1"]["status"] == "canceled"


def test_a_subscription_that_stripe_does_not_know_is_not_found(gateway: StripeGateway) -> None:
    answer: Answer = gateway.cancel("sub_9", "k")
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.NOT_FOUND


def test_a_subscription_that_goes_on_is_not_called_ended(gateway: StripeGateway, world: World) -> None:
    world.first.append(said(200, world.subscriptions["sub_1"]))
    assert isinstance(gateway.cancel("sub_1", "k"), Uncertain)
    world.first.append(said(200, world.subscriptions["sub_1"] | {"id": "sub_2", "status": "canceled"}))
    assert isinstance(gateway.cancel("sub_1", "k"), Mismatch)


def test_how_long_stripe_remembers_a_key_is_told(gateway: StripeGateway) -> None:
    assert gateway.key_lifetime_s == {"charge": 86_400}
    assert gateway.repeats_are_lookups is False


@pytest.mark.parametrize(
    "base", ["http://api.stripe.com", "ftp://127.0.0.1", "http://127.0.0.1.example.com", "https://"]
)
def test_a_key_is_never_sent_in_the_clear(base: str) -> None:
    with pytest.raises(ValueError, match="https"):
        StripeGateway(KEY, base, timeout_s=1)


def test_an_empty_key_stops_the_program() -> None:
    with pytest.raises(ValueError, match="empty"):
        StripeGateway("", None, timeout_s=1)


def test_the_environment_cannot_divert_a_call(
    gateway: StripeGateway, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for _ in range(2):
        assert isinstance(gateway.refund(order()), Done)
    assert len(world.asked) == 2
    for asked in world.asked:
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        # The second call would report how long the first one took.
        assert "x-stripe-client-telemetry" not in asked.headers
