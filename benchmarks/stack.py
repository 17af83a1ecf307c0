"""The whole stack by hand: Postgres that keeps what it commits, Valkey, and every service of `docker-compose.yml` as a
process, started with the very command that stands there."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml  # type: ignore[import-untyped] # its stubs are not worth a dependency

from tests import servers
from tests.conftest import ROOT

SERVICES = ("web", "work", "clock")
READY_S = 120.0
GRACE_S = 60.0  # `stop_grace_period` of the composition
WEBHOOK_SECRET = "whsec_made_up_for_the_soak"  # noqa: S105 - made up


class StackError(RuntimeError):
    """A part of the stack did not start, or did not stop as it should."""


@dataclass(frozen=True)
class Stack:
    """What runs: addresses, and the processes by the name of their service."""

    base: str
    database_url: str
    redis_url: str
    settings: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]]
    folder: Path

    def restart(self, service: str) -> tuple[int, float]:
        """Stop a service as a container is stopped, and start it again: what it ended with, and after how long."""
        began = time.monotonic()
        ended = _stop(self.processes[service])
        took = time.monotonic() - began
        self.processes[service] = _start(self.folder, service, _commands()[service], self.settings)
        return ended, took

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()


@contextmanager
def running(folder: Path, port: int, **settings: str) -> Iterator[Stack]:
    """The stack until the end of the block, where each service is told to stop and has its grace to end with 0."""
    commands = _commands()
    with ExitStack() as stack:
        server = stack.enter_context(servers.postgres(**servers.DURABLE))
        redis_url = stack.enter_context(servers.valkey())
        database = server.url(server.create_database()).replace("postgresql+psycopg://", "postgresql://")
        told = {
            "DATABASE_URL": database,
            "BROKER_URL": redis_url,
            "ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "PORT": str(port),
            "REPORT_DIR": str(folder / "reports"),
            **settings,
        }
        makegood(folder, told, *commands["migrate"])
        processes = {name: _start(folder, name, commands[name], told) for name in SERVICES}
        made = Stack(f"http://127.0.0.1:{port}", database, redis_url, told, processes, folder)
        try:
            _until_ready(made)
            yield made
        finally:
            ended = {name: _stop(process) for name, process in processes.items()}
        if any(ended.values()):
            raise StackError(f"a service did not end with 0: {ended}")


def makegood(folder: Path, settings: Mapping[str, str], *arguments: str) -> str:
    """One command to its end; its standard output."""
    argv = [sys.executable, "-m", "worker.cli", *arguments]
    done = subprocess.run(  # noqa: S603 - our own command
        argv, cwd=folder, env=_environment(settings), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise StackError(f"makegood {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def _commands() -> dict[str, list[str]]:
    """What the composition runs, by service."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return {name: services[name]["command"] for name in ("migrate", *SERVICES)}


def _start(folder: Path, name: str, command: list[str], settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "worker.cli", *command]
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own command
            argv, cwd=folder, env=_environment(settings), stdout=log, stderr=log
        )


def _stop(process: subprocess.Popen[bytes]) -> int:
    """Told to, and killed where its grace is over: what it ended with."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKEGOOD_")}
    return {**outside, "PYTHONPATH": str(ROOT), **{f"MAKEGOOD_{name}": value for name, value in settings.items()}}


def _until_ready(stack: Stack) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{stack.base}/readyz", timeout=5):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
        for name, process in stack.processes.items():
            if process.poll() is not None:
                raise StackError(f"{name} ended with {process.returncode}: {stack.log(name)}")
    raise StackError(f"the receiver did not become ready: {stack.log('web')}")
