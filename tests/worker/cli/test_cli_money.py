"""`makegood issue`, `approve`, `waive`, `retry`, `stop` and `resume` as people type them."""

from __future__ import annotations

import pytest

from tests.worker.cli.world import Command

KEY = "remedy:stripe:ch_twice"
ADA = ("--by", "Ada Example")


def test_in_shadow_mode_issue_says_what_it_would_send(judged: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_COOLING_HOURS", "0")
    ran = judged("issue")
    assert (ran.code, ran.out) == (
        0,
        "shadow mode: 1 remedies would be sent, nothing is (MAKEGOOD_MODE=live sends)\n",
    )


def test_issue_says_how_many_are_still_cooling(judged: Command) -> None:
    ran = judged("issue")
    assert ran.out.startswith("shadow mode: 0 remedies would be sent, nothing is")
    assert ran.out.endswith("; 1 more are decided and cooling\n")
    assert judged("issue", "--json").rows == [
        {"due": 0, "cooling": 1, "shadow": True, "stopped": False, "failed": 0, "became": {}}
    ]


def test_live_without_a_key_it_names_the_setting(judged: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_COOLING_HOURS", "0")
    monkeypatch.setenv("MAKEGOOD_MODE", "live")
    ran = judged("issue")
    assert ran.code == 2
    assert ran.err.startswith("makegood: MAKEGOOD_STRIPE_API_KEY is not set")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("approve", KEY, *ADA), f"{KEY} is queued: only a held remedy can be approved"),
        (("approve", "remedy:stripe:none", *ADA), "the key of a remedy is expected"),
        (("retry", KEY, *ADA), "only a failed remedy can be tried again"),
        (("waive", KEY, *ADA, "--reason", " "), "--reason: one line of text is expected"),
        (("waive", KEY, "--by", "makegood", "--reason", "x"), "the name of a person is expected"),
        (("approve", KEY), "--by"),
    ],
)
def test_a_bad_use_is_one_line_and_2(judged: Command, arguments: tuple[str, ...], said: str) -> None:
    ran = judged(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_waived_is_waived(judged: Command) -> None:
    assert judged("waive", KEY, *ADA, "--reason", "paid in cash").out == f"{KEY} is waived\n"
    assert [row["state"] for row in judged("remedies", "--json").rows] == ["waived"]
    assert judged("audit", "verify").code == 0


def test_the_switch_says_who_turned_it(judged: Command) -> None:
    assert judged("stop", *ADA, "--reason", "wrong prices").out == "outgoing money is stopped\n"
    again = judged("stop", "--by", "Ben", "--reason", "also me").out
    assert again.startswith("outgoing money is stopped already (since ")
    assert again.endswith("by Ada Example: wrong prices)\n")
    assert judged("resume", *ADA, "--reason", "mended").out == "outgoing money is running\n"
