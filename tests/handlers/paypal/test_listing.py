"""Transaction Search over real HTTP: windows, pages, crowds, lag, twins, and look-ups where it says too little. What is
asked is held against PayPal's own description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from openapi_schema_validator import OAS30Validator

from handlers.gateway import NoCredential, NotExecuted, Refused, Uncertain
from handlers.listing import Listed
from handlers.paypal.listing import PayPalListing
from handlers.strict_json import JsonObject
from reconcile.facts import Charge, ChargeState, Dispute, Fact, Refund, Subscription
from reconcile.money import Money
from tests.answering import Answered, Asked, serving
from tests.handlers.paypal.fake import CLIENT_ID, CLIENT_SECRET, FakePayPal, answer, refused
from tests.handlers.paypal.shapes import DISPUTE, SALE, SUBSCRIPTION

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)
SEARCH = "/v1/reporting/transactions"


@dataclass
class Search(FakePayPal):
    """A PayPal whose search knows `entries`; more than `crowd` of them at once are too many."""

    entries: list[JsonObject] = field(default_factory=list)
    crowd: int = 10_000
    page: int = 100
    refreshed: str = "2026-03-21T00:00:00Z"

    def _get(self, asked: Asked) -> Answered:
        if not asked.path.startswith(SEARCH):
            return super()._get(asked)
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        start, end = (datetime.fromisoformat(query[name]) for name in ("start_date", "end_date"))
        if end - start > timedelta(days=31):
            return refused(400, "INVALID_REQUEST", message="Date range is greater than 31 days")
        if start > datetime.fromisoformat(self.refreshed):
            return refused(404, "INVALID_REQUEST", message="Data for the given start date is not available.")
        found = [one for one in self.entries if start <= when(one) <= end]
        if len(found) > self.crowd:
            return refused(400, "RESULTSET_TOO_LARGE", message="Result set size is greater than the maximum limit.")
        first = (int(query["page"]) - 1) * self.page
        pages = max(1, -(-len(found) // self.page))
        shown = found[first : first + self.page]
        told: JsonObject = {"transaction_details": shown, "page": int(query["page"]), "total_pages": pages}
        return answer(200, told | {"last_refreshed_datetime": self.refreshed})


def when(entry: JsonObject) -> datetime:
    info = entry["transaction_info"]
    assert isinstance(info, dict)
    return datetime.fromisoformat(info["transaction_initiation_date"])


def entry(name: str, day: int = 8, code: str = "T0002", value: str = "99.00", **info: object) -> JsonObject:
    told = {
        "transaction_id": name,
        "paypal_reference_id": "I-AAAA1111BBBB",
        "paypal_reference_id_type": "SUB",
        "transaction_event_code": code,
        "transaction_initiation_date": f"2026-03-{day:02}T10:00:00Z",
        "transaction_updated_date": f"2026-03-{day:02}T10:00:05Z",
        "transaction_amount": {"currency_code": "USD", "value": value},
        "transaction_status": "S",
        "custom_field": "M-1001",
    }
    return {
        "transaction_info": {name: value for name, value in (told | info).items() if value is not None},
        "payer_info": {"account_id": "PAYER1", "email_address": "member@example.com"},
    }


@pytest.fixture
def world() -> Search:
    fake = Search()
    fake.objects["/v1/customer/disputes?update_time_after=2026-03-01T00%3A00%3A00Z&page_size=50"] = {"items": []}
    return fake


@pytest.fixture
def listing(world: Search) -> Iterator[PayPalListing]:
    known = ["I-AAAA", "I-OLD", "I-GONE"]

    def agreements(after: str) -> list[str]:
        return [name for name in known if name > after][:2] if after != "I-OLD" else []

    with serving(world) as base, closing(PayPalListing(CLIENT_ID, CLIENT_SECRET, base, 5.0, agreements)) as listing:
        yield listing


def walk(listing: PayPalListing, kind: str = "transactions", since: datetime = SINCE) -> list[Listed]:
    """Every page of one kind."""
    cursor: str | None = f"{kind}:"
    pages = []
    while cursor is not None and cursor.startswith(kind):
        page = listing.list_since(since, UNTIL, cursor)
        assert isinstance(page, Listed)
        pages.append(page)
        cursor = page.cursor
    return pages


def facts(pages: list[Listed]) -> list[Fact]:
    return [fact for page in pages for fact in page.facts]


def searches(world: Search) -> list[dict[str, str]]:
    return [{n: v[0] for n, v in parse_qs(urlsplit(a.path).query).items()} for a in world.of("GET", SEARCH)]


def test_a_subscription_charge_is_the_fact_that_its_webhook_tells(listing: PayPalListing, world: Search) -> None:
    world.entries = [entry("8XY1")]
    (charge,) = facts(walk(listing))
    assert isinstance(charge, Charge)
    assert (charge.ref.id, charge.amount, charge.state) == ("8XY1", Money(9900, "USD"), ChargeState.TAKEN)
    assert (charge.subscription, charge.payer, charge.named, charge.kind) == (
        "I-AAAA1111BBBB", "PAYER1", "M-1001", "sale",
    )  # fmt: skip
    # It fills gaps, and outranks no object that PayPal itself told.
    assert charge.detail == 1
    assert len(world.of("GET")) == 1


def test_the_fee_is_what_the_search_states_in_the_charges_currency(listing: PayPalListing, world: Search) -> None:
    kept = {"value": "-3.17", "currency_code": "USD"}
    world.entries = [entry("A1", fee_amount=kept), entry("A2", fee_amount=kept | {"currency_code": "CAD"}), entry("A3")]
    fees = {fact.ref.id: fact.fee_minor for fact in facts(walk(listing)) if isinstance(fact, Charge)}
    assert fees == {"A1": 317, "A2": None, "A3": None}


def test_windows_are_of_31_days_at_most_and_leave_no_gap(listing: PayPalListing, world: Search) -> None:
    walk(listing, since=datetime(2025, 12, 15, tzinfo=UTC))
    asked = [(one["start_date"], one["end_date"]) for one in searches(world)]
    assert asked == [
        ("2025-12-15T00:00:00Z", "2026-01-15T00:00:00Z"),
        ("2026-01-15T00:00:00Z", "2026-02-15T00:00:00Z"),
        ("2026-02-15T00:00:00Z", "2026-03-18T00:00:00Z"),
        ("2026-03-18T00:00:00Z", "2026-03-20T00:00:00Z"),
    ]


def test_what_is_asked_is_what_paypal_describes(listing: PayPalListing, world: Search, shared_dir: Path) -> None:
    walk(listing)
    spec = json.loads((shared_dir / "specs/paypal/reporting_transactions_v1.json").read_text())
    shared = spec["components"].get("parameters", {})
    named = [shared.get(one.get("$ref", "").split("/")[-1], one) for one in spec["paths"][SEARCH]["get"]["parameters"]]
    described = {one["name"]: one["schema"] for one in named}
    for asked in searches(world):
        for name, value in asked.items():
            schema = described[name]
            OAS30Validator(schema).validate(int(value) if schema["type"] == "integer" else value)


def test_a_crowd_is_halved_until_it_is_told_whole(listing: PayPalListing, world: Search) -> None:
    world.entries = [entry(f"8XY{day}", day) for day in range(1, 19)]
    world.crowd, world.page = 4, 2
    assert {fact.ref.id for fact in facts(walk(listing))} == {f"8XY{day}" for day in range(1, 19)}


def test_a_crowd_in_one_second_is_said(listing: PayPalListing, world: Search) -> None:
    world.entries = [entry(f"8XY{n}") for n in range(3)]
    world.crowd = 2
    cursor: str | None = "transactions:"
    page: object = None
    for _ in range(200):
        page = listing.list_since(SINCE, UNTIL, cursor)
        if not isinstance(page, Listed):
            break
        cursor = page.cursor
    assert isinstance(page, Refused)


def test_how_far_the_search_reaches_is_told(listing: PayPalListing, world: Search) -> None:
    (page,) = walk(listing)
    assert page.told_until is None
    world.refreshed = "2026-03-19T22:00:00Z"
    (page,) = walk(listing)
    assert page.told_until == datetime(2026, 3, 19, 22, tzinfo=UTC)
    world.refreshed = "2026-02-27T22:00:00Z"
    (page,) = walk(listing)
    assert page.told_until == SINCE


def test_an_id_that_stands_there_twice_is_one_fact(listing: PayPalListing, world: Search) -> None:
    world.entries = [entry("8XY1"), entry("8XY1")]
    assert len(facts(walk(listing))) == 1


def test_a_charge_without_its_agreement_is_looked_up(listing: PayPalListing, world: Search) -> None:
    world.objects[f"/v1/payments/sale/{SALE['id']}"] = SALE
    world.entries = [entry(str(SALE["id"]), paypal_reference_id=None), entry("8XYGONE", paypal_reference_id=None)]
    charge, gone = facts(walk(listing))
    assert isinstance(charge, Charge)
    assert (charge.subscription, charge.detail) == ("I-AAAA", 2)
    # PayPal's own list still proves that there was one.
    assert isinstance(gone, Charge)
    assert (gone.subscription, gone.detail) == (None, 1)


def test_a_refund_names_its_charge_and_money_the_other_way_is_none(listing: PayPalListing, world: Search) -> None:
    world.entries = [
        entry("9AB1", code="T1107", value="-25.00", paypal_reference_id="8XY1", paypal_reference_id_type="TXN"),
        entry("9AB2", code="T1201", value="-99.00", paypal_reference_id="8XY1", paypal_reference_id_type="TXN"),
        entry("9AB3", code="T1107", value="25.00"),
        entry("9AB4", code="T0000", value="-25.00"),
        entry("9AB5", code="T0400", value="-25.00"),
    ]
    refund, chargeback = facts(walk(listing))
    assert isinstance(refund, Refund)
    assert (refund.charge, refund.amount, refund.reversal) == ("8XY1", Money(2500, "USD"), None)
    assert isinstance(chargeback, Refund)
    assert chargeback.reversal is True


def test_an_entry_that_cannot_be_read_holds_up_nothing(listing: PayPalListing, world: Search) -> None:
    world.entries = [entry("8XY1", transaction_amount={"currency_code": "ZZZ", "value": "1.00"}), entry("8XY2")]
    (page,) = walk(listing)
    assert [fact.ref.id for fact in page.facts] == ["8XY2"]
    assert len(page.unreadable) == 1


def test_disputes_are_read_with_what_they_are_about(listing: PayPalListing, world: Search) -> None:
    first = "/v1/customer/disputes?update_time_after=2026-03-01T00%3A00%3A00Z&page_size=50"
    more = {"rel": "next", "href": "https://api-m.paypal.com/v1/customer/disputes?next_page_token=AB%2BC%3D"}
    world.objects[first] = {"items": [{"dispute_id": "PP-D-1", "status": "OPEN"}], "links": [more]}
    world.objects[f"{first}&next_page_token=AB%2BC%3D"] = {"items": []}
    world.objects["/v1/customer/disputes/PP-D-1"] = DISPUTE
    (dispute,) = facts(walk(listing, "disputes"))
    assert isinstance(dispute, Dispute)
    assert dispute.charge == "8XY00000000000001"


def test_known_agreements_are_read_one_by_one(listing: PayPalListing, world: Search) -> None:
    world.objects["/v1/billing/subscriptions/I-AAAA"] = SUBSCRIPTION
    world.objects["/v1/payments/billing-agreements/I-GONE"] = {"id": "I-GONE", "state": "Active"}
    pages = walk(listing, "subscriptions")
    assert [type(fact) for fact in facts(pages)] == [Subscription]
    assert pages[-1].cursor is None


def test_what_paypal_does_is_a_value(listing: PayPalListing, world: Search) -> None:
    world.say(SEARCH, refused(429, "RATE_LIMIT_REACHED", **{"Retry-After": "7"}))
    waiting = listing.list_since(SINCE, UNTIL, None)
    assert isinstance(waiting, NotExecuted)
    assert waiting.retry_after_s == 7
    world.say(SEARCH, refused(403, "NOT_AUTHORIZED"))
    assert isinstance(listing.list_since(SINCE, UNTIL, None), NoCredential)
    for broken in (refused(500, "INTERNAL_SERVICE_ERROR"), answer(200, {"x": 1})):
        world.say(SEARCH, broken)
        assert isinstance(listing.list_since(SINCE, UNTIL, None), Uncertain)
    world.say(SEARCH, refused(400, "INVALID_REQUEST"))
    assert isinstance(listing.list_since(SINCE, UNTIL, None), Refused)


@pytest.mark.parametrize("cursor", ["payouts:", "transactions:now", "transactions:a~b~c", "disputes:a b"])
def test_a_cursor_that_is_not_ours_is_an_error(listing: PayPalListing, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        listing.list_since(SINCE, UNTIL, cursor)
