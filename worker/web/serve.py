"""The receiver on a port: in this process until it is told to stop, or beside other work in a thread."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

# Below the ten seconds after which a container is killed: what was being answered is answered.
GRACE_S = 8
START_S = 15.0
SWITCH_S = 0.0005


def serve(app: ASGIApp, host: str, port: int) -> None:
    """Listen until SIGTERM or SIGINT; requests under way are answered first."""
    # The bell's thread and the event loop pass the interpreter to and fro: by default whoever wants it back waits up to
    # five milliseconds, a batch's whole time.
    sys.setswitchinterval(SWITCH_S)
    uvicorn.Server(_config(app, host, port)).run()


@contextmanager
def serving(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Listen in a thread during the block, on any free port unless one is given. Gives the base address."""
    server = uvicorn.Server(_config(app, host, port))
    thread = threading.Thread(target=server.run, name="receiver", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{_port_of(server, thread)}"
    finally:
        server.should_exit = True
        thread.join()


def _config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,  # our own logging takes uvicorn's lines
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S,
        backlog=2048,
        lifespan="on",
        ws="none",
    )


def _port_of(server: uvicorn.Server, thread: threading.Thread) -> int:
    deadline = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the receiver did not start")
        time.sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
