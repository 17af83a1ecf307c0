"""The one command of the checkout says plainly what it cannot work with, before it touches anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("run", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_it_says_what_it_can_do(checkout: Path) -> None:
    answer = _run(checkout, "help")

    assert answer.returncode == 0
    for verb in ("setup", "demo", "test", "check", "lock"):
        assert f"\n  {verb} " in answer.stdout


def test_an_unknown_verb_is_wrong_usage(checkout: Path) -> None:
    answer = _run(checkout, "sell")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("usage: ./run VERB")


def test_a_python_that_is_too_old_is_named(checkout: Path) -> None:
    old = _program(checkout, 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')

    answer = _run(checkout, "setup", PYTHON=str(old))

    assert answer.returncode == 3
    assert "needs Python 3.11 or later" in answer.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_pip_is_named_with_what_mends_it(checkout: Path) -> None:
    bare = _program(checkout, 'case "$*" in "-m pip "*) exit 1 ;; esac')

    answer = _run(checkout, "setup", PYTHON=str(bare))

    assert answer.returncode == 3
    assert "has no pip (on Debian and Ubuntu: apt-get install python3-pip)" in answer.stderr


def _program(folder: Path, body: str) -> Path:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


def _run(folder: Path, verb: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Without uv on the path, which would stand in for pip.
    path = os.pathsep.join(part for part in os.get_exec_path() if not Path(part, "uv").exists())
    return subprocess.run(
        ["/bin/sh", folder / "run", verb],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PATH": path, **environment},
    )
