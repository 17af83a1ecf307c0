"""`makegood explain`: the whole story of a membership, a charge, a finding or a remedy."""

from __future__ import annotations

import pytest

from tests.worker.cli.world import DAYS, LEAST, Command, charge_event


def test_explain_tells_the_whole_story(judged: Command) -> None:
    (told,) = judged("explain", "M-1", "--json").rows
    assert [row["due"] for row in told["expected"]] == ["2024-01-08", "2024-02-08", "2024-03-08"]
    assert told["expected"][2]["paid_by"] == ["stripe:ch_3"]
    assert told["judged"] is True
    (found,) = told["findings"]
    assert found["stored"] is True
    assert found["arithmetic"]
    assert [clause["clause"] for clause in told["clauses"]] == ["voip-fulfillment/FP-2"]
    assert {row["what"] for row in told["since"]} == {"finding opened", "remedy decided"}
    page = judged("explain", "M-1").out
    for part in ("What was expected", "What came", "duplicate_charge", "arithmetic", "FP-2", "What happened since"):
        assert part in page


@pytest.mark.parametrize("ref", ["stripe:ch_twice", "finding:stripe:ch_twice", "remedy:stripe:ch_twice"])
def test_explain_takes_a_charge_a_finding_or_a_remedy(judged: Command, ref: str) -> None:
    (told,) = judged("explain", ref, "--json").rows
    assert [row["charge"] for row in told["came"]] == ["stripe:ch_twice"]
    assert [row["charge"] for row in told["findings"]] == ["stripe:ch_twice"]
    assert "2024-03-08" in [row["due"] for row in told["expected"]]
    assert judged("explain", ref).code == 0


def test_explain_says_why_a_charge_is_fine(makegood: Command) -> None:
    member = {**LEAST, "plan": {"price": 9900, "currency": "USD", "setup_fee": 14900}}
    makegood("import", "roster", makegood.file("r.jsonl", [member]))
    event = charge_event("ch_1", DAYS[0], 24800)
    makegood("import", "events", makegood.file("e.jsonl", [event]), "--provider", "stripe")
    (told,) = makegood("explain", "stripe:ch_1", "--json").rows
    assert told["came"][0]["fine_because"] == ["first_charge_with_setup"]
    makegood("import", "events", "e.jsonl", "--provider", "stripe")
    (told,) = makegood("explain", "stripe:ch_1", "--json").rows
    assert told["came"][0]["fine_because"] == ["first_charge_with_setup", "resent_webhook"]


def test_explain_knows_a_charge_of_nobody(judged: Command) -> None:
    event = charge_event("ch_stray", DAYS[0], customer="cus_9")
    judged("import", "events", judged.file("s.jsonl", [event]), "--provider", "stripe")
    (told,) = judged("explain", "stripe:ch_stray", "--json").rows
    assert told["membership"] is None
    assert told["findings"][0]["finding"] == "unrecognised_charge"
    assert told["findings"][0]["stored"] is True
    assert "No membership has this charge" in judged("explain", "stripe:ch_stray").out


def test_explain_tells_of_a_remedy_that_a_claim_was_granted(makegood: Command) -> None:
    """What was claimed, the clause, the arithmetic, and who decided what: no finding stands behind it."""
    member = {**LEAST, "policy": ["voip-fulfillment"]}
    member["notices"] = [{"kind": "cancel", "at": "2024-01-10T12:00:00Z", "channel": "email"}]
    makegood("import", "roster", makegood.file("r.jsonl", [member]))
    event = charge_event("ch_1", DAYS[0])
    makegood("import", "events", makegood.file("e.jsonl", [event]), "--provider", "stripe")
    claim = {"claim": "C-1", "membership": "M-1", "charge": "stripe:ch_1", "kind": "unused_period"}
    claim |= {"received_at": "2024-01-11T12:00:00Z", "channel": "email"}
    assert makegood("claim", makegood.file("c.json", [claim]), "--as-of", "2024-01-12T00:00:00Z").code == 0
    makegood("waive", "remedy:stripe:ch_1", "--by", "Ada", "--reason", "paid in cash")

    for ref in ("remedy:stripe:ch_1", "stripe:ch_1", "M-1"):
        (told,) = makegood("explain", ref, "--json").rows
        assert [(row["claim"], row["remedy_state"]) for row in told["claims"]] == [("C-1", "waived")]
        assert [row["clause"] for row in told["clauses"]] == ["voip-fulfillment/FP-5"]
        acts = [(row["what"], row["by"]) for row in told["since"]]
        assert ("claim decided", "makegood") in acts
        assert acts[-1] == ("remedy waived (paid in cash)", "Ada")
        assert "99.00 USD x 28/31 days unused" in makegood("explain", ref).out


def test_explain_writes_what_went_back_as_money(judged: Command) -> None:
    refund = {"id": "re_1", "object": "refund", "amount": 9900, "charge": "ch_twice", "currency": "usd"}
    refund |= {"created": 1710000000, "status": "succeeded", "metadata": {}}
    event = {**charge_event("ch_x", DAYS[2], event="evt_re_1"), "type": "refund.created", "data": {"object": refund}}
    judged("import", "events", judged.file("back.jsonl", [event]), "--provider", "stripe")
    assert "refund stripe:re_1 of 99.00 USD settled, by other hands" in judged("explain", "stripe:ch_twice").out
