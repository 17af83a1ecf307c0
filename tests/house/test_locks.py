"""What is installed is exactly what was tested, and its licences are those that NOTICE speaks of."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT

_PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
_LOCKS = sorted(ROOT.glob("*.lock"))
_PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def test_the_suite_runs_on_the_versions_that_are_run() -> None:
    runtime, tests = _pins("requirements.lock"), _pins("requirements-test.lock")
    with_oidc = _pins("requirements-oidc.lock")

    assert runtime.items() <= with_oidc.items() <= tests.items()


@pytest.mark.parametrize("lock", _LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_place_to_download_from_and_a_hash_for_every_package(lock: Path) -> None:
    text = lock.read_text()

    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    for entry in re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry


def test_the_locks_fit_what_the_project_asks_for() -> None:
    groups = _PYPROJECT["dependency-groups"]

    assert list(_unmet(_PYPROJECT["project"]["dependencies"] + groups["build"], "requirements.lock")) == []
    assert list(_unmet(_PYPROJECT["project"]["optional-dependencies"]["oidc"], "requirements-oidc.lock")) == []
    assert list(_unmet(groups["test"] + groups["lint"], "requirements-test.lock")) == []


def test_a_licence_that_asks_for_more_than_a_notice_is_named() -> None:
    notice = (ROOT / "NOTICE").read_text()
    asking = {name for name in _pins("requirements-oidc.lock") if _asks_for_more(name)}

    assert {name for name in asking if not re.search(rf"\b{re.escape(name)}\b", notice)} == set()
    assert "paypalrestsdk" in notice


def test_the_licence_is_the_one_that_is_declared() -> None:
    licence = (ROOT / "LICENSE").read_text()

    assert _PYPROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def _asks_for_more(name: str) -> bool:
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return False  # for another system or another Python
    words = [word for field in ("License-Expression", "Classifier") for word in found.get_all(field) or []]
    return any(re.search(r"\bA?L?GPL|\bMPL|Mozilla Public|Other/Proprietary", word) for word in words)


def _unmet(requirements: list[str], lock: str) -> Iterator[str]:
    pins = _pins(lock)
    for requirement in map(Requirement, requirements):
        pinned = pins.get(requirement.name)
        if pinned is None or not requirement.specifier.contains(pinned):
            yield f"{requirement}: {lock} has {pinned}; `./run lock` writes it anew"


def _pins(lock: str) -> dict[str, str]:
    return dict(_PIN.findall((ROOT / lock).read_text()))
