"""What the project is made of is said, whole and current."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from tests.conftest import ROOT


def _ran(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "sbom.py", *arguments], capture_output=True, text=True, check=True
    ).stdout


def _locked(which: str = "") -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / f"requirements{which}.lock").read_text(), re.MULTILINE))


def test_the_bill_of_materials_names_every_package_that_is_locked() -> None:
    told = json.loads(_ran())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert {(part["name"], part["version"]) for part in told["components"]} == _locked() | _locked("-oidc")
    required = {(part["name"], part["version"]) for part in told["components"] if part["scope"] == "required"}
    assert required == _locked()
    assert all(part["properties"] and part["licenses"][0]["license"]["name"] for part in told["components"])


def test_the_list_of_licences_is_that_of_the_lock() -> None:
    """After a change of the lock: ./run sbom --licences."""
    listed = re.findall(
        r"^\| ([a-z0-9-]+) \| (\S+) \| (.+?) \| (?:oidc)? \|$",
        (ROOT / "docs" / "licences.md").read_text(),
        re.MULTILINE,
    )
    assert [(name, version) for name, version, _ in listed] == sorted(_locked() | _locked("-oidc"))
    assert not [name for name, _, licence in listed if licence == "see its files"]
