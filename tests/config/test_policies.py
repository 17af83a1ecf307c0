"""The bundles as they come, and a reader that takes no bundle it would have to guess about."""

from datetime import date
from pathlib import Path

import pytest

from config import policies
from config.policies.checks import CLAIM_KINDS, KINDS
from config.policies.faults import Fault
from reconcile.outcome import BILLING_ERRORS
from reconcile.policy import Basis, Bundle, Clause, ClauseRemedy, Force, When

GOOD = """bundle = "house"
version = "1"
title = "House rules"
written = "H-1"

[notice]
clause = "H-1"
business_days = 3

[[clauses]]
id = "H-1"
heading = "First"
says = '''
A notice is
id = "not a key"
'''

[[clauses]]
id = "H-2"
heading = "Second"
says = "Errors are put right."
covers = ["duplicate_charge", "overcharge"]
remedy = "refund"
amount = "overcharged"
force = "shall"

[defaults]
review = ["post_cancellation_charge", "unscheduled_charge"]

"""
LEFT_OPEN = """
[defaults]
review = ["post_cancellation_charge", "unscheduled_charge"]
"""


def bundle(name: str) -> Bundle:
    return policies.load().in_force(name, date(2026, 1, 1))


def clause(name: str, clause_id: str) -> Clause:
    return next(c for c in bundle(name).clauses if c.id == clause_id)


def write(folder: Path, text: str, name: str = "house.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def faults(file: Path) -> list[Fault]:
    with pytest.raises(policies.PolicyError) as raised:
        policies.read(file)
    assert str(raised.value).splitlines() == [str(fault) for fault in raised.value.faults]
    return list(raised.value.faults)


def test_every_clause_of_the_documents_is_there() -> None:
    ids = {name: [c.id for c in bundle(name).clauses] for name in ("smartcalls", "voip-fulfillment", "iptv")}
    assert ids["smartcalls"] == [f"SC-{n}" for n in range(1, 9)]
    assert ids["voip-fulfillment"] == [f"FP-{n}" for n in range(1, 7)]
    # The document refuses in three sentences of different strength what policies.md keeps under one id.
    assert [i for i in ids["iptv"] if "." not in i] == [f"IP-{n}" for n in range(1, 10)]


def test_the_billing_error_clauses_decide_as_the_documents_say() -> None:
    fp2, ip4 = clause("voip-fulfillment", "FP-2"), clause("iptv", "IP-4")
    assert fp2.covers == ip4.covers == BILLING_ERRORS
    assert (fp2.remedy, fp2.force, fp2.amount) == (ClauseRemedy.REFUND_OR_CREDIT, Force.SHALL, Basis.OVERCHARGED)
    assert (ip4.remedy, ip4.force, ip4.amount) == (ClauseRemedy.REFUND, Force.MAY, Basis.OVERCHARGED)
    assert not any(c.covers & BILLING_ERRORS for c in bundle("smartcalls").clauses)


def test_after_a_breach_two_clauses_speak_to_a_charge() -> None:
    fp6 = clause("voip-fulfillment", "FP-6")
    assert (fp6.force, fp6.when) == (Force.BAR, When.BREACH)
    assert fp6.covers == {"unused_period", "post_cancellation_charge"}


def test_notices_and_duties_name_their_clauses() -> None:
    smartcalls, voip = bundle("smartcalls"), bundle("voip-fulfillment")
    assert smartcalls.notice is not None
    assert voip.notice is not None
    assert (smartcalls.notice.clause, smartcalls.notice.business_days) == ("SC-1", 5)
    assert (voip.notice.clause, voip.notice.business_days) == ("FP-4", 0)
    assert (smartcalls.written, smartcalls.setup_once, smartcalls.confirmation) == ("SC-6", "SC-2", "SC-7")
    assert any("gentleman's agreement" in remark for remark in smartcalls.remarks)


def test_a_dated_bundle_holds_for_older_charges_too() -> None:
    policy = policies.load()
    assert policy.in_force("iptv", date(2020, 1, 1)).effective == date(2025, 1, 22)
    assert policy.in_force("smartcalls", date(2020, 1, 1)).effective is None


def test_no_bundle_copies_a_sentence_of_its_document(shared_dir: Path) -> None:
    texts = [file.read_text().lower() for file in (shared_dir / "source-documents").glob("*.txt")]
    documents = [" ".join(text.replace("\u2019", "'").split()) for text in texts]
    for held in policies.load().versions.values():
        for said in (c.says for b in held for c in b.clauses):
            words = said.lower().split()
            for at in range(max(1, len(words) - 7)):
                run = " ".join(words[at : at + 8])
                assert not any(run in document for document in documents), f"copied: {run}"


def test_versions_stand_in_the_order_of_their_dates(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    for day in ("2026-05-01", "2025-05-01"):
        dated = GOOD.replace('version = "1"', f'version = "{day}"\neffective = {day}')
        write(tmp_path, dated, f"house-{day}.toml")
    policy = policies.load(tmp_path)
    assert [b.version for b in policy.versions["house"]] == ["1", "2025-05-01", "2026-05-01"]
    assert policy.in_force("house", date(2025, 6, 1)).version == "2025-05-01"


@pytest.mark.parametrize(("old", "new"), [("2", "1"), ("2025-12-01", "2025-03-01"), ("v1.10", "v1.9")])
def test_versions_whose_dates_run_backwards_are_a_fault(tmp_path: Path, old: str, new: str) -> None:
    for version, day in ((old, "2025-05-01"), (new, "2026-05-01")):
        dated = GOOD.replace('version = "1"', f'version = "{version}"\neffective = {day}')
        write(tmp_path, dated, f"house-{version}.toml")
    said = rf"house-{new}\.toml:1: the dates run backwards: version {new} of \"house\" is in force from 2026-05-01"
    with pytest.raises(policies.PolicyError, match=said):
        policies.load(tmp_path)


def test_a_merchants_own_bundles_stand_beside_those_that_come_along(tmp_path: Path) -> None:
    own = write(tmp_path, GOOD)
    assert {"house", "smartcalls", "iptv"} <= policies.load(own=tmp_path).versions.keys()
    own.write_text(
        GOOD.replace('"house"', '"iptv"', 1).replace('version = "1"', 'version = "2"\neffective = 2026-05-01')
    )
    assert [b.version for b in policies.load(own=tmp_path).versions["iptv"]] == ["2025-01-22", "2"]
    with pytest.raises(policies.PolicyError, match="there is no such folder"):
        policies.load(own=tmp_path / "none")


def test_two_files_cannot_be_one_version(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "twin.toml")
    with pytest.raises(policies.PolicyError, match=r"twin\.toml:1: .* in house\.toml already"):
        policies.load(tmp_path)


@pytest.mark.parametrize(
    ("replaced", "by", "line", "what"),
    [
        ('force = "shall"', 'force = "shoud"', 25, "\"force\" is 'shoud'; write one of 'shall', 'may', 'bar'"),
        ('remedy = "refund"', 'remdy = "refund"', 23, 'the key "remdy" is not known here; write "remedy"'),
        ('"duplicate_charge"', '"duplicate_chrage"', 22, 'H-2 covers "duplicate_chrage", which is no kind'),
        ('id = "H-2"', 'id = "H-1"', 19, "H-1 is there twice"),
        ('heading = "Second"\n', "", 18, '"heading" is missing'),
        ('clause = "H-1"', 'clause = "H-7"', 7, '"notice.clause" names H-7, which is no clause of this bundle'),
        ('written = "H-1"', 'written = "H-9"', 4, '"written" names H-9, which is no clause of this bundle'),
        ("business_days = 3", "business_days = 3.5", 8, '"business_days" is not usable'),
        ("business_days = 3", "business_days = -1", 8, "; write a larger number"),
        (
            'version = "1"',
            'version = "1"\neffective = "2026-03-01"',
            3,
            "; write a date without quotes, such as 2026-03-01",
        ),
        ('version = "1"', "version = 1", 2, "; write a text in quotes"),
        ('covers = ["duplicate_charge", "overcharge"]', 'covers = "overcharge"', 22, "; write a list"),
        ('force = "shall"', 'force = "bar"', 25, "H-2 bars and grants"),
        ('force = "shall"\n', "", 18, 'H-2 has no "force"'),
        ('amount = "overcharged"\n', "", 18, 'the "amount" of H-2 does not fit its "remedy"'),
        ('covers = ["duplicate_charge", "overcharge"]\n', "", 22, 'H-2 has a "remedy" and covers nothing'),
        ('title = "House rules"', "title = House", 3, "this is not TOML"),
        ("[defaults]", "[default]", 27, 'the key "default" is not known here; write "defaults"'),
        (
            LEFT_OPEN,
            "",
            1,
            "incomplete: no clause speaks to post_cancellation_charge, unscheduled_charge, and no default",
        ),
        (', "unscheduled_charge"]', "]", 28, "incomplete: no clause speaks to unscheduled_charge, and no default"),
        ('"unscheduled_charge"]', '"unscheduled"]', 28, '"defaults.review" names "unscheduled", which is no billing'),
        ('"post_cancellation_charge"', '"overcharge"', 28, "overcharge is left to a person, and H-2 speaks to it"),
        ('["post_cancellation_charge", "unscheduled_charge"]', "[]", 28, '"review" is not usable'),
        ('"overcharge"]', '"overcharge", "wrong_currency"]', 22, "H-2 covers wrong_currency, which no clause decides"),
        ('"overcharge"]', '"refund_overdue"]', 23, 'H-2 covers refund_overdue; a person decides: write "review"'),
        (
            'amount = "overcharged"',
            'amount = "full_charge"',
            24,
            'H-2 gives "full_charge" for duplicate_charge, overch',
        ),
        ('"overcharge"]', '"money_back"]', 24, 'H-2 gives "overcharged" for money_back'),
        (
            'force = "shall"',
            'force = "shall"\nwhen = "paid_year"',
            26,
            "H-2 speaks to duplicate_charge, overcharge under",
        ),
        ('force = "shall"', 'force = "shall"\nwhen = "breach"', 29, "incomplete"),
        (
            'force = "shall"',
            'force = "shall"\nfollows = "H-1"',
            26,
            'H-2 has "follows" and covers no ineligible_resubscr',
        ),
        ('force = "shall"', 'force = "shall"\nneeds = ["invoice"]', 26, 'H-2 has "needs" and hears no claim'),
        (
            'force = "shall"',
            'force = "shall"\nneeds = ["passport"]',
            26,
            "write one of 'evidence', 'invoice', 'from_email'",
        ),
        ('bundle = "house"', 'bundle = "The House"', 1, "\"bundle\" is 'The House'; write it like"),
    ],
)
def test_a_fault_is_said_with_its_line_and_its_mend(
    tmp_path: Path, replaced: str, by: str, line: int, what: str
) -> None:
    assert replaced in GOOD
    file = write(tmp_path, GOOD.replace(replaced, by))
    found = faults(file)
    assert any(f.line == line and what in f"{f.what}; {f.mend}" for f in found), found
    assert all(f.mend and "\n" not in str(f) for f in found)


def test_all_faults_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('"overcharge"]', '"nothing"]').replace('clause = "H-1"', 'clause = "H-7"')
    assert [f.line for f in faults(write(tmp_path, text))] == [7, 22, 28]


def clause_text(clause_id: str, force: str, *, remedy: str = "", when: str = "always") -> str:
    grants = f'remedy = "{remedy}"\namount = "overcharged"\n' if remedy else ""
    head = f'[[clauses]]\nid = "{clause_id}"\nheading = "x"\nsays = "x"\ncovers = ["overcharge"]\n'
    return f'{head}force = "{force}"\nwhen = "{when}"\n{grants}\n'


@pytest.mark.parametrize(
    ("added", "contradicts"),
    [
        (clause_text("H-3", "bar"), True),
        (clause_text("H-3", "bar", when="breach"), False),
        (clause_text("H-3", "may", remedy="refund"), True),
        (clause_text("H-3", "shall", remedy="credit"), True),
        (clause_text("H-3", "shall", remedy="refund"), False),
    ],
)
def test_clauses_of_equal_rank_may_not_contradict_each_other(tmp_path: Path, added: str, contradicts: bool) -> None:
    file = write(tmp_path, GOOD + added)
    if contradicts:
        assert [f.what for f in faults(file)] == ["H-2 and H-3 disagree about overcharge"]
    else:
        assert len(policies.read(file).clauses) == 3


def test_a_bar_beside_a_may_is_no_contradiction(tmp_path: Path) -> None:
    may = GOOD.replace('force = "shall"', 'force = "may"')
    assert len(policies.read(write(tmp_path, may + clause_text("H-3", "bar"))).clauses) == 3


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"[[clauses]]\n", b'bundle = "\n', b"a = 1\na = 2\n"])
def test_what_is_no_bundle_is_a_fault_and_no_traceback(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd.toml"
    file.write_bytes(content)
    assert faults(file)


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert "cannot be read" in faults(tmp_path / "none.toml")[0].what


def test_the_kinds_are_those_of_findings_and_claims() -> None:
    assert len(CLAIM_KINDS) == 12
    assert set(BILLING_ERRORS) < KINDS
