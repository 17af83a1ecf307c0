"""The command's promises: exit codes, one line for what is wrong, standard output for the result alone."""

from __future__ import annotations

import pytest

from tests.worker.cli.world import DAYS, LEAST, Command, charge_event

COMMANDS = """
    demo / up / web / work / clock / migrate / doctor / import roster / import events / reconcile / findings /
    remedies / deliveries / explain / replay / report / policy check / policy show / audit verify
"""


@pytest.mark.parametrize("command", [name.strip() for name in COMMANDS.split("/")])
def test_every_command_has_help_with_an_example(makegood: Command, command: str) -> None:
    helped = makegood(*command.split(), "--help")
    assert helped.code == 0
    assert f"makegood {command}" in helped.out.partition("Example:")[2]
    assert helped.err == ""


def test_without_a_command_the_help_is_shown(makegood: Command) -> None:
    assert "reconcile" in makegood().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["find"], "No such command 'find'."),
        (["findings", "--colour"], "No such option: --colour"),
        (
            ["findings", "--status", "lost"],
            "--status: one of open, settled, waived, cleared, all is expected, not 'lost'",
        ),
        (["remedies", "--status", ""], "--status: one of queued, held, submitted, settled, failed, waived, all is"),
        (["audit", "verify", "--expect", "beef"], "a head of 64 hexadecimal digits is expected, not 'beef'"),
        (["remedies", "--status", "open"], "--status: one of queued, held, submitted, settled, failed, waived, all"),
        (["findings", "--kind", "theft"], "--kind: one of duplicate_charge, overcharge"),
        (["findings", "--since", "1/2/2024"], "a date such as 2024-01-31 is expected, not '1/2/2024'"),
        (["reconcile", "--as-of", "2024-02-30"], "a date such as 2024-01-31 is expected, not '2024-02-30'"),
        (["reconcile", "--as-of", "9999-12-31"], "a date from 1970-01-01 to 2199-12-31 is expected, not '9999-12-31'"),
        (["night", "--date", "0001-01-01"], "a date from 1970-01-01 to 2199-12-31 is expected, not '0001-01-01'"),
        (["claim", "c.json", "--as-of", "9999-12-31T00:00:00Z"], "a time from 1971 to 2198 is expected"),
        (["reconcile", "--membership", "M-9"], "--membership: a membership of the roster is expected, and M-9 is none"),
        (["explain", "M-9"], "a membership, charge, finding key or remedy key is expected, and M-9 is none"),
        (["import", "roster", "none.jsonl"], "none.jsonl: a roster file is expected, and there is none"),
        (["import", "events", "none.jsonl", "--provider", "stripe"], "none.jsonl: a file of events is expected"),
        (["explain", "M-\udcff"], "the arguments: UTF-8 text is expected, and one of them is none"),
        (["report", "--out", "makegood.db"], "--out: a folder that can be written is expected, not makegood.db (File"),
        (
            ["demo", "--out", "/dev/null"],
            "--out: a folder that can be written is expected, not /dev/null (File exists)",
        ),
        (["findings", "--csv", "/dev/full"], "/dev/full: a file that can be written is expected (No space left"),
        (["import"], "Missing command."),
        (["replay"], "the number of a delivery or --failed is expected"),
        (["replay", "7"], "delivery 7: a stored delivery is expected, and there is none"),
        (["replay", "7", "--failed"], "the number of a delivery or --failed is expected, one of them"),
        (["replay", str(2**63)], "Invalid value for '[DELIVERY]'"),
        (["policy", "show", "gym"], "BUNDLE: one of iptv, smartcalls, smartcalls-privacy, virtual-number, voip-fulfil"),
        (["policy", "check", "none.toml"], "none.toml:1: the file cannot be read"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_2(makegood: Command, arguments: list[str], said: str) -> None:
    ran = makegood(*arguments)
    assert ran.code == 2
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""


@pytest.mark.parametrize(("name", "value"), [("TIME_ZONE", "Mars/Olympus"), ("POLICY", "smartcalls,gym")])
def test_a_malformed_setting_stops_the_program_with_its_name(
    makegood: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MAKEGOOD_{name}", value)
    ran = makegood("findings")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert f"MAKEGOOD_{name} is malformed" in ran.err


def test_a_roster_with_one_bad_row_changes_nothing(makegood: Command) -> None:
    bad = {**LEAST, "membership": "M-2", "plan": {"price": "99.00", "currency": "USD"}}
    ran = makegood("import", "roster", makegood.file("roster.jsonl", [LEAST, bad]))
    assert (ran.code, ran.out) == (2, "")
    said = 'makegood: roster.jsonl:2: plan.price: a whole number of minor units is expected, not "99.00"\n'
    assert ran.err == said
    assert makegood("reconcile", "--membership", "M-1").code == 2


def test_importing_a_roster_again_is_harmless(makegood: Command) -> None:
    name = makegood.file("roster.jsonl", [LEAST, {**LEAST, "membership": "M-2"}])
    assert makegood("import", "roster", name, "--json").rows == [{"added": 2, "changed": 0, "unchanged": 0}]
    assert makegood("import", "roster", name, "--json").rows == [{"added": 0, "changed": 0, "unchanged": 2}]
    more = makegood.file("more.jsonl", [{**LEAST, "ended_on": "2024-06-30"}])
    assert makegood("import", "roster", more).out == "memberships: 0 added, 1 changed, 0 unchanged\n"


def test_importing_events_again_is_harmless(judged: Command) -> None:
    before = judged("findings", "--json").out
    again = judged("import", "events", "e.jsonl", "--provider", "stripe", "--json")
    assert again.rows == [{"new": 0, "known": 4, "done": 0, "passed_over": 0, "failed": 0}]
    assert judged("findings", "--json").out == before


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "the body is not JSON"), ("[]", "the body is no JSON object"), ('{"id": 7}', "an event body of stripe")],
)
def test_events_come_in_whole_or_not_at_all(makegood: Command, line: str, said: str) -> None:
    name = makegood.file("e.jsonl", [charge_event("ch_1", DAYS[0]), "", line])
    ran = makegood("import", "events", name, "--provider", "stripe")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("makegood: e.jsonl:3: an event body of stripe is expected, and ")
    assert said in ran.err
    assert makegood("deliveries", "--json").rows == []


def test_an_unknown_provider_is_named(makegood: Command) -> None:
    ran = makegood("import", "events", makegood.file("e.jsonl", []), "--provider", "square")
    assert (ran.code, ran.err) == (2, "makegood: --provider: one of stripe, paypal is expected, not 'square'\n")


def test_reconcile_says_what_it_did(judged: Command) -> None:
    ran = judged("reconcile", "--as-of", "2024-03-31", "--all", "--json")
    assert ran.rows == [
        {
            "as_of": "2024-03-31",
            "memberships": 1,
            "strays": 0,
            "findings": 1,
            "failed": 0,
            "open": {"duplicate_charge": 1},
            "needs_a_person": 0,
        }
    ]
    one = judged("reconcile", "--as-of", "2024-03-31", "--membership", "M-1").out
    assert one.startswith("as of 2024-03-31: 1 memberships and 0 stray charges judged, 1 findings")
    assert len(one.splitlines()) == 1


def test_reconcile_is_shared_over_a_queue_and_done_alone_where_nobody_comes(
    judged: Command, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for queue in (redis_url, "redis://127.0.0.1:1/0"):
        monkeypatch.setenv("MAKEGOOD_BROKER_URL", queue)
        (ran,) = judged("reconcile", "--as-of", "2024-03-31", "--all", "--json").rows
        assert (ran["memberships"], ran["findings"]) == (1, 1)


def test_replay_handles_a_delivery_again(judged: Command) -> None:
    (first, *_) = judged("deliveries", "--json").rows
    ran = judged("replay", str(first["id"]), "--json")
    assert ran.rows == [{"reopened": 1, "done": 1, "passed_over": 0, "failed": 0}]
    assert judged("replay", "--failed").out == "deliveries: 0 reopened, 0 done, 0 passed over, 0 failed\n"
