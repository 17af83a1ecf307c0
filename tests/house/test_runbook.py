"""The runbook can be followed: every alert has its page, every command in it exists, with its options."""

from __future__ import annotations

import re
import shlex

import pytest
import typer
import yaml  # type: ignore[import-untyped] # as in benchmarks/stack.py

from tests.conftest import ROOT
from worker.cli.app import app

RUNBOOK = (ROOT / "docs" / "operations.md").read_text()
ALERTS = yaml.safe_load((ROOT / "docs" / "monitoring" / "alerts.yml").read_text())
COMMANDS = sorted({found.strip() for found in re.findall(r"(?:`|^)(makegood [^`\n]*)", RUNBOOK, re.MULTILINE)})


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules} == set(re.findall(r"^### (Makegood\w+)$", RUNBOOK, re.MULTILINE))
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]


def test_there_are_commands_to_type() -> None:
    assert len(COMMANDS) > 25


@pytest.mark.parametrize("line", COMMANDS)
def test_what_one_is_told_to_type_exists(line: str) -> None:
    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, line
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    assert {word for word in words if word.startswith("--")} <= known, line
