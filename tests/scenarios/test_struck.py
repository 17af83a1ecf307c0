"""No clause is idle: struck out of its bundle, a scenario comes out otherwise; and what the program does by itself is
held by a test that is named."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT
from tests.scenarios.struck import DUTIES, SCENARIOS, clauses, without_clause
from tests.scenarios.world import rules


def test_every_clause_has_its_scenario_and_no_scenario_a_clause_that_is_gone() -> None:
    assert sorted([*SCENARIOS, *DUTIES]) == sorted(clauses())


@pytest.mark.parametrize("cited", SCENARIOS)
def test_without_its_clause_the_scenario_comes_out_otherwise(cited: str) -> None:
    struck = without_clause(cited)
    for probe in SCENARIOS[cited]:
        assert probe.under(rules()) != probe.under(struck), probe.name


@pytest.mark.parametrize("cited", DUTIES)
def test_a_duty_names_tests_that_are_there(cited: str) -> None:
    for test in DUTIES[cited]:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
