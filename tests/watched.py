"""One server program under a watcher that ends it, and removes its data, as soon as the tests are gone."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_READY_S = 60.0
_PORTS_TRIED_MAX = 3

# PGDATA, PGPORT and the like of the person who runs the tests are none of the servers' business.
ENV = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

# What subprocess is told so that a server runs as somebody else.
Owner = dict[str, Any]

# Waits on its standard input, which ends when the process holding the other side ends: even by SIGKILL.
_WATCHER = """
import json, select, shutil, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
argv, folder, options, again = json.loads(sys.argv[1])
def start():
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd=folder, **options), time.monotonic()
server, begun = start()
while not select.select([sys.stdin], [], [], 0.2)[0]:
    if server.poll() is not None:
        if not again or time.monotonic() - begun < 2:
            sys.exit("it ended with %s" % server.returncode)
        time.sleep(again)
        server, begun = start()
server.send_signal(signal.SIGINT)
try:
    server.wait(10)
except subprocess.TimeoutExpired:
    server.kill()
    server.wait()
shutil.rmtree(folder, ignore_errors=True)
"""


class ServerDidNotStartError(RuntimeError):
    """A server that the tests need is not there; they fail with its log, they are never skipped."""


@contextmanager
def running(
    folder: Path,
    argv: Callable[[int], list[str]],
    answers: Callable[[int], bool],
    owner: Owner,
    *,
    again_s: float | None = None,
) -> Iterator[int]:
    """The port of a server that answers; between finding a free port and binding it, another process may be quicker.
    One that ends is started again after `again_s` seconds, where given: for who kills it."""
    for _ in range(_PORTS_TRIED_MAX):
        port = free_port()
        order = json.dumps([argv(port), str(folder), owner, again_s])
        with (folder / "server.log").open("ab") as log:
            watcher = subprocess.Popen(
                [sys.executable, "-IS", "-c", _WATCHER, order], stdin=subprocess.PIPE, stdout=log, stderr=log, env=ENV
            )
        with watcher:
            if _becomes_ready(watcher, lambda: answers(port)):  # noqa: B023  called before the next round
                yield port
                return
    raise ServerDidNotStartError((folder / "server.log").read_text())


def _becomes_ready(watcher: subprocess.Popen[bytes], answers: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _READY_S
    while watcher.poll() is None and time.monotonic() < deadline:
        if answers():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """A private folder that is gone afterwards; the watcher removes it too, for when nobody comes back here."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
