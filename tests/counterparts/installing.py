"""Getting the counterparts: each into a folder of its own outside the checkout, run as a process of its own.

They are no dependency of makegood: nothing of them is imported, and no lock names them. localstripe is under the GPL.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

STATEFUL_MOCK, LOCALSTRIPE = "stripe-stateful-mock@0.0.16", "localstripe==1.15.10"
FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "makegood-counterparts"
READY_S = 30.0


def stateful_mock() -> list[str]:
    """The command that starts stripe-stateful-mock."""
    script = FOLDER / "npm" / "node_modules" / "stripe-stateful-mock" / "dist" / "cli.js"
    if not script.exists():
        _installed("npm", "install", "--prefix", str(FOLDER / "npm"), "--no-audit", "--no-fund", STATEFUL_MOCK)
    return ["node", str(script)]


def localstripe(port: int) -> list[str]:
    """The command that starts localstripe."""
    command = FOLDER / "localstripe" / "bin" / "localstripe"
    if not command.exists():
        _installed(sys.executable, "-m", "venv", "--clear", str(FOLDER / "localstripe"))
        _installed(str(FOLDER / "localstripe" / "bin" / "pip"), "install", "--quiet", LOCALSTRIPE)
    return [str(command), "--port", str(port), "--from-scratch"]


def _installed(*command: str) -> None:
    """Run an installer. Where it, or its registry, is absent, the test says so and is not run."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=240)
    except FileNotFoundError:
        pytest.skip(f"not run: {command[0]} is not installed here")
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", b"") or b"").decode(errors="replace").strip().splitlines()
        pytest.skip(f"not run: {' '.join(command[:3])} failed: {said[-1] if said else type(error).__name__}")


@contextmanager
def running(command: Sequence[str], port: int, environ: Mapping[str, str]) -> Iterator[str]:
    """The address of the counterpart while it runs."""
    base = f"http://127.0.0.1:{port}"
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env={**os.environ, **environ}, stdout=quiet, stderr=quiet, cwd=FOLDER) as process:
        try:
            _wait(process, base)
            yield base
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], base: str) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"the counterpart ended with {process.returncode}")
        try:
            requests.get(f"{base}/v1/customers", auth=("sk_test_counterpart", ""), timeout=2)
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the counterpart does not answer")
