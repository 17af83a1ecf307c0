"""The import rules of pyproject.toml are not only kept: each of them stops what it is there to stop."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

_PACKAGES = ("worker", "handlers", "config", "reconcile")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_rules_are_kept(checkout: Path) -> None:
    assert _lint(checkout).returncode == 0, _lint(checkout).stdout


@pytest.mark.parametrize(
    ("package", "line", "rule"),
    [
        ("reconcile", "import handlers", "Downward only"),
        ("handlers", "import config", "Downward only"),
        ("config", "import worker", "Downward only"),
        ("handlers/stripe", "import handlers.paypal", "Providers do not know each other"),
        ("reconcile", "import sqlalchemy", "The core is pure"),
        ("reconcile", "from time import time", "The core is pure"),
        ("handlers", "import dramatiq", "The edge has no SQL and no queue"),
        ("worker", "import stripe", "SDKs stay in handlers"),
    ],
)
def test_an_import_that_breaks_a_rule_is_refused(checkout: Path, package: str, line: str, rule: str) -> None:
    intruder = checkout / package / "intruder.py"
    intruder.write_text(f"{line}\n")
    answer = _lint(checkout)
    intruder.unlink()

    assert answer.returncode == 1
    assert f"{rule} BROKEN" in answer.stdout


def test_a_circle_is_refused(checkout: Path) -> None:
    circle = {"hen": "egg", "egg": "hen"}
    for name, other in circle.items():
        (checkout / "worker" / f"{name}.py").write_text(f"import worker.{other}\n")
    answer = _lint(checkout)
    for name in circle:
        (checkout / "worker" / f"{name}.py").unlink()

    assert answer.returncode == 1
    assert "No circles inside a room BROKEN" in answer.stdout


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    # It looks in the folder that it is run in before it looks where makegood is installed.
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], capture_output=True, text=True, check=False, cwd=folder)
