"""The commands that bring in what webhooks did not, and what they say to whoever misuses them."""

from __future__ import annotations

import pytest

from tests.answering import serving
from tests.worker.cli.world import DAYS, LEAST, Command
from tests.worker.stripe_lists import KEY, Lists, charge, report


def test_two_exports_and_a_roster_give_findings_without_any_credential(makegood: Command) -> None:
    told = [charge(f"ch_{day.month}", day) for day in DAYS] + [charge("ch_twice", DAYS[-1].replace(day=9))]
    (makegood.folder / "stripe.csv").write_text(report(told))
    assert makegood("import", "roster", makegood.file("r.jsonl", [LEAST])).code == 0
    ran = makegood("import", "report", "stripe.csv", "--provider", "stripe")
    assert (ran.code, ran.out) == (0, "report: 4 rows, 4 facts\n")
    assert makegood("reconcile", "--as-of", "2024-03-31").code == 0
    (finding,) = makegood("findings", "--kind", "duplicate_charge", "--json").rows
    assert finding["charge"] == "stripe:ch_twice"
    (row,) = makegood("import", "report", "stripe.csv", "--provider", "stripe", "--json").rows
    assert row == {"rows": 4, "facts": 4, "passed_over": {}}


def test_a_bad_report_is_one_line(makegood: Command) -> None:
    (makegood.folder / "x.csv").write_text("a,b\n1,2\n")
    ran = makegood("import", "report", "x.csv", "--provider", "paypal")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "x.csv:1: Date: a column of this name is expected" in ran.err


def test_backfill_asks_the_provider(makegood: Command) -> None:
    lists = Lists([charge("ch_1", DAYS[0])])
    with serving(lists) as url:
        settings = {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": url}
        given = ("--provider", "stripe", "--since", "2024-01-01", "--until", "2024-01-31")
        ran = makegood.apart("backfill", *given, **settings)
        assert (ran.code, ran.out) == (0, "backfill: 1 facts, 0 objects that could not be read\n")
        refused = makegood.apart("backfill", *given, **{**settings, "STRIPE_API_KEY": "rk_test_other"})
    assert refused.code == 2
    assert "the key is refused" in refused.err


def test_doctor_asks_the_provider_whether_it_takes_the_credentials(
    makegood: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doctor(key: str) -> tuple[int, str, str]:
        monkeypatch.setenv("MAKEGOOD_STRIPE_API_KEY", key)
        ran = makegood("doctor", "--json")
        (row,) = [row for row in ran.rows if row["check"] == "stripe credentials"]
        return ran.code, row["state"], row["said"]

    with serving(Lists([])) as url:
        monkeypatch.setenv("MAKEGOOD_STRIPE_API_BASE", url)
        assert doctor(KEY) == (0, "fine", "stripe takes them")
        code, state, said = doctor("rk_test_other")
        assert (code, state) == (0, "mend")
        assert said.startswith("correct MAKEGOOD_STRIPE_API_KEY, or give it the right to list: ")
    code, state, said = doctor(KEY)
    assert (code, state) == (3, "unreachable")
    assert said.startswith("stripe cannot be asked: no connection")


def test_what_is_missing_or_wrong_is_said_in_one_line(makegood: Command) -> None:
    for arguments, said in (
        (("backfill", "--provider", "stripe", "--since", "2024-01-01"), "MAKEGOOD_STRIPE_API_KEY is not set"),
        (("backfill", "--provider", "square", "--since", "2024-01-01"), "--provider: one of stripe, paypal"),
        (
            ("backfill", "--provider", "stripe", "--since", "2024-01-02", "--until", "2024-01-01"),
            "--until: a date not before --since",
        ),
        (("import", "report", "none.csv", "--provider", "stripe"), "none.csv: a report file is expected"),
        (("import", "report", "none.csv", "--provider", "stripe", "--dates", "ymd"), "--dates: one of dmy, mdy"),
        (("import", "roster"), "FILE or --from is expected"),
        (("import", "roster", "x.jsonl", "--from", "stripe"), "FILE or --from is expected"),
        (("import", "roster", "--from", "square"), "--from: one of stripe, paypal"),
        (("import", "roster", "--from", "paypal"), "MAKEGOOD_PAYPAL_CLIENT_ID is not set"),
    ):
        ran = makegood(*arguments)
        assert (ran.code, ran.err.count("\n")) == (2, 1), arguments
        assert said in ran.err


def test_a_roster_from_the_provider_says_what_it_cannot_catch(makegood: Command) -> None:
    with serving(Lists()) as url:
        ran = makegood.apart("import", "roster", "--from", "stripe", STRIPE_API_KEY=KEY, STRIPE_API_BASE=url)
    assert ran.code == 0
    assert ran.out.startswith("memberships: 0 added, 0 changed, 0 unchanged\n")
    assert "Such an expectation cannot catch:" in ran.out
