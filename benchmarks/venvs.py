"""Other people's tools, each in a virtual environment of its own outside the checkout: nothing of them comes into the
locks, and what does not install is left out with its reason."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import venv
from pathlib import Path

from benchmarks.lab import HERE, CannotMeasureError, say

WHERE = Path.home() / ".cache" / "makegood" / "venvs"
INSTALL_S = 600


def python_with(name: str, *requirements: str) -> str:
    """The Python that has these packages; made once. Raises CannotMeasureError where they cannot be had."""
    folder = WHERE / f"{name}-{hashlib.sha256(' '.join(requirements).encode()).hexdigest()[:8]}"
    python, installed = folder / "bin" / "python", folder / "installed"
    if installed.exists():
        return str(python)
    say(f"{name} is installed into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    argv = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=INSTALL_S)  # noqa: S603 - our own words
    except subprocess.TimeoutExpired as why:
        raise CannotMeasureError(f"{name} was not installed within {INSTALL_S} s") from why
    if done.returncode:
        raise CannotMeasureError(f"{name} does not install: {done.stderr.strip().splitlines()[-1]}")
    installed.touch()
    return str(python)


def environment(**others: str) -> dict[str, str]:
    """In which such a Python also finds `benchmarks` and what it stands on."""
    return {**os.environ, "PYTHONPATH": str(HERE.parent), **others}
