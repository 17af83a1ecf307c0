"""The executor's own process: `python -m worker.money.child`, one thread, started and started again by `work` or `up`.

It is alone in its process so that a kill timer can end it: a process that was frozen between its last check and the
send would otherwise wake up and send what somebody else has long sent. It ends when its standard input does, which is
when whoever started it ends, however that was.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from worker.faults import CRASHED
from worker.money.executor import POLL_S, run_executor
from worker.runtime import Runtime
from worker.store.sql import TRANSIENT

AGAIN_S = 5.0  # between the end of one executor and the start of the next
END_S = 30.0
AWAY = 3  # the exit code where there is no database: it is started again

_log = structlog.get_logger(__name__)


@contextmanager
def executing(runtime: Runtime) -> Iterator[None]:
    """An executor beside the block, in a process of its own; none in shadow mode, which has nothing to send."""
    if runtime.settings.mode != "live":
        yield
        return
    ending = threading.Event()
    watcher = threading.Thread(target=_watch, args=(ending,), name="executor")
    watcher.start()
    try:
        yield
    finally:
        ending.set()
        watcher.join()


def _watch(ending: threading.Event) -> None:
    while not ending.is_set():
        with subprocess.Popen([sys.executable, "-m", "worker.money.child"], stdin=subprocess.PIPE) as child:
            while child.poll() is None and not ending.wait(0.5):
                pass
            if child.stdin is not None:
                child.stdin.close()
            try:
                child.wait(END_S)
            except subprocess.TimeoutExpired:
                child.kill()  # it comes to no harm: what it did not write down is looked up
        if not ending.is_set():
            _log.warning("executor_ended", code=child.returncode)
            ending.wait(AGAIN_S)


def main() -> int:
    """Issue what is due until standard input ends; ends at once, to be started again, where the database is away."""
    from config import logging
    from config import settings as reading
    from worker import runtime

    # Ctrl-C reaches the whole group; here the end of standard input says when to go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = reading.load()
    logging.configure(settings.log_level)
    try:
        built = runtime.build(settings)
    except TRANSIENT as fault:
        _log.warning("executor_waits", error=type(fault).__name__)
        return AWAY
    try:
        run_executor(built, _pause, ended=lambda: _pause(0))
    except Exception:  # noqa: BLE001 - a defect: told in the log as everything else is, and the parent starts another
        _log.exception("crashed")
        return CRASHED
    finally:
        built.close()
    return 0


def _pause(seconds: float = POLL_S) -> bool:
    """Wait; whether standard input has ended meanwhile."""
    ready, _, _ = select.select([0], [], [], seconds)
    return bool(ready) and not os.read(0, 4096)


if __name__ == "__main__":
    sys.exit(main())
