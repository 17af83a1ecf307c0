"""The commands about claims and members, as somebody types them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from config import policies
from tests.worker.cli.world import DAYS, LEAST, Command, charge_event

MEMBER = {**LEAST, "policy": ["virtual-number"], "member": {"name": "Ann Other", "email": "ann@example.test"}}
CLAIM = {
    "claim": "C-1",
    "membership": "M-1",
    "charge": "stripe:ch_1",
    "kind": "non_receipt",
    "received_at": "2024-01-10T10:00:00-06:00",
}


@pytest.fixture
def makegood(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """A merchant with one member, charged once."""
    monkeypatch.chdir(tmp_path)
    command = Command(tmp_path, capsys)
    assert command("import", "roster", command.file("r.jsonl", [MEMBER])).code == 0
    events = command.file("e.jsonl", [charge_event("ch_1", DAYS[0])])
    assert command("import", "events", events, "--provider", "stripe").code == 0
    return command


def test_a_claim_is_answered_and_listed(makegood: Command) -> None:
    ran = makegood("claim", makegood.file("c.json", [CLAIM]), "--as-of", "2024-01-10T12:00:00-06:00")
    assert ran.code == 0, ran.err
    (answer,) = ran.rows
    assert (answer["remedy"], answer["amount"], answer["clause"]) == ("refund", 9900, "virtual-number/VN-3")
    (listed,) = makegood("claims", "--json").rows
    assert (listed["claim"], listed["remedy_state"], listed["received_at"]) == ("C-1", "queued", "2024-01-10T16:00:00Z")
    assert makegood("claims", "--status", "held,pending", "--json").rows == []
    assert "C-1" in makegood("claims").out
    (remedy,) = makegood("remedies", "--json").rows
    assert (remedy["key"], remedy["finding"], remedy["amount"]) == ("remedy:stripe:ch_1", None, 9900)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "sms"}, "c.json: kind: one of"),
        ({"membership": "M-9"}, "c.json: membership: a membership of the roster"),
        ({"more": 1}, "c.json: more: unknown key"),
    ],
)
def test_a_bad_claim_is_one_line(makegood: Command, changed: dict[str, object], said: str) -> None:
    ran = makegood("claim", makegood.file("c.json", [{**CLAIM, **changed}]))
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert said in ran.err


def test_what_members_are_told_is_listed_read_and_closed(makegood: Command) -> None:
    makegood("claim", makegood.file("c.json", [CLAIM]), "--as-of", "2024-01-10T12:00:00-06:00")
    (listed,) = makegood("notices", "--json").rows
    assert (listed["key"], listed["state"], listed["note"]) == ("receipt:C-1", "review", "sending is off")
    assert "text" not in listed
    assert makegood("notices", "--check").code == 1
    assert "C-1" in makegood("notice", "receipt:C-1", "--by", "Jo").out
    for wrong in (("--send",), ("--send", "--told"), ("--by", "")):
        ran = makegood("notice", "receipt:C-1", "--by", "Jo", *wrong)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert makegood("notice", "receipt:C-9", "--by", "Jo").code == 2
    assert makegood("notice", "receipt:C-1", "--told", "--by", "Jo").code == 0
    assert makegood("notices", "--status", "sent", "--json").rows[0]["note"] == "told in another way"
    assert makegood("notices", "--check").code == 0
    assert makegood("audit", "verify", "--check").code == 0


def test_a_members_rights_are_commands(makegood: Command) -> None:
    (told,) = makegood("privacy", "export", "ann@example.test").rows
    assert told["member"]["name"] == "Ann Other"
    assert makegood("privacy", "correct", "M-1", "--country", "JP").rows[0]["corrected"] == ["country"]
    assert makegood("privacy", "abroad").rows == [{"membership": "M-1", "country": "JP"}]
    assert makegood("privacy", "restrict", "M-1").rows[0]["restricted"] is True
    assert makegood("privacy", "erase", "M-1", "--by", "Jo").rows[0]["erased"] is True
    assert makegood("privacy", "export", "M-1").rows[0]["member"] == {}
    gone = makegood("privacy", "export", "ann@example.test")
    assert (gone.code, "ann@example.test" in gone.err) == (2, False)
    wrong = makegood("privacy", "correct", "M-1", "--email", "nobody")
    assert (wrong.code, "nobody" in wrong.err) == (2, False)
    assert makegood("audit", "verify", "--check").code == 0


def test_a_backtest_is_a_listing(makegood: Command) -> None:
    makegood("claim", makegood.file("c.json", [CLAIM]))
    text = (
        (policies.DIRECTORY / "virtual-number.toml")
        .read_text()
        .replace("within_days = 7\nlate", "within_days = 1\nlate")
    )
    (makegood.folder / "draft.toml").write_text(text)
    rows = makegood("policy", "backtest", "draft.toml", "--json").rows
    assert [(one["clause"], one["now_amount"], one["then_amount"]) for one in rows] == [
        ("virtual-number/VN-3", 9900, 0)
    ]
    cases = makegood("policy", "backtest", "draft.toml", "--by", "Jo", "--cases", "--json").rows
    assert [(one["key"], one["then"]) for one in cases] == [("remedy:stripe:ch_1", None)]
    table = makegood("policy", "backtest", "draft.toml")
    assert (table.code, "1 cases come out otherwise" in table.err) == (0, True)
    assert makegood("policy", "backtest", "draft.toml", "--instead-of", "none").code == 2
    for by in ("", "makegood", "a\nb\x00"):
        assert makegood("policy", "backtest", "draft.toml", "--by", by).code == 2
    assert json.loads(makegood("remedies", "--json").out)["state"] == "queued"
    with closing(sqlite3.connect("makegood.db")) as database:
        kept = database.execute("SELECT made_by, since, cases FROM backtests ORDER BY id").fetchall()
    assert kept == [(None, "2024-01-08", 1), ("Jo", "2024-01-08", 1), (None, "2024-01-08", 1)]


def test_master_keys_are_changed_by_command(makegood: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    new, (file,) = makegood("keys", "new").out.strip(), makegood.folder.glob("*.keys")
    old = file.read_text().strip()
    assert makegood("keys", "status", "--check").code == 0
    monkeypatch.setenv("MAKEGOOD_ENCRYPTION_KEYS", new)
    lost = makegood("keys", "status")
    assert (lost.code, "MAKEGOOD_ENCRYPTION_KEYS: expected the keys of this database" in lost.err) == (2, True)
    monkeypatch.setenv("MAKEGOOD_ENCRYPTION_KEYS", f"{new},{old}")
    waiting = makegood("keys", "status", "--json", "--check")
    assert (waiting.code, {row["key_is"] for row in waiting.rows}) == (1, {"older"})
    done = makegood("keys", "rotate", "--by", "Jo")
    assert (done.code, done.err) == (0, "0 rows are not under the newest key\n")
    monkeypatch.setenv("MAKEGOOD_ENCRYPTION_KEYS", new)
    assert {row["key_is"] for row in makegood("keys", "status", "--json").rows} == {"newest"}
    assert makegood("privacy", "export", "M-1").code == 0
