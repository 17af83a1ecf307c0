"""The guide's bundle works at first try, and the guide names everything that a bundle can say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from config import policies
from config.policies.checks import CLAIM_KINDS
from config.policies.document import ClauseTable, Document
from reconcile.policy import Basis, ClauseRemedy, Force, Need, Policy, Rules, When
from tests.conftest import ROOT
from tests.scenarios.claims_world import MONEY_BACK, on_day, said
from tests.scenarios.world import Story, charge, rules, wrong

GUIDE = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")


@pytest.fixture
def guided(tmp_path: Path) -> Rules:
    """The rules with the bundle of the guide."""
    found = re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    file = tmp_path / "example-hosting.toml"
    file.write_text(found[1])
    bundle = policies.read(file)
    return replace(rules(), policy=Policy({**rules().policy.versions, bundle.name: (bundle,)}))


def test_the_bundle_of_the_guide_decides(guided: Rules) -> None:
    told = MONEY_BACK.but(policy=("example-hosting",))
    assert said(told.but(when=on_day(14)).decide(guided)) == "refund 9900 shall queued example-hosting/EH-3"
    assert said(told.but(when=on_day(15)).decide(guided)) == "none 0 bar refused example-hosting/EH-3"
    asked = told.without("explained").decide(guided)
    assert said(asked) == "review shall pending example-hosting/EH-3 (explanation)"


def test_the_bundle_of_the_guide_judges_charges(guided: Rules) -> None:
    twice = (charge("2026-03-08", ref="ch_1"), charge("2026-03-08", ref="ch_2"))
    story = Story(started="2026-03-08", policy=("example-hosting",), facts=twice, as_of="2026-03-20", rules=guided)
    assert wrong(story.judged()) == ["duplicate_charge ch_2 9900 -> refund 9900 queued example-hosting/EH-1"]


def test_the_guide_names_every_key_and_word() -> None:
    words = [*ClauseTable.model_fields, *Document.model_fields, *CLAIM_KINDS]
    for enum in (Basis, ClauseRemedy, Force, Need, When):
        words += [str(word) for word in enum]
    missing = [
        word
        for word in words
        if f"`{word}" not in GUIDE and f"`[{word}]" not in GUIDE and word not in {"nothing", "none", "clauses"}
    ]
    assert missing == []
