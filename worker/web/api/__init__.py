"""The HTTP API `/api/v1`: what the commands do, for a merchant's own programs. Nothing here decides: each address reads
what it was sent, calls what the command of the same name calls, and writes the answer in the same shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute, Mount

from worker.runtime import Runtime
from worker.web.api.address import PREFIX


def routes(runtime: Runtime, ring: Callable[[], None]) -> Sequence[BaseRoute]:
    """The API to hang on the web process; `ring` wakes a worker after something is there to be judged."""
    from worker.web.api.app import create_api  # half a second that no other command has to spend

    mount = Mount(PREFIX, app=create_api(runtime, ring))
    # An address may hold any sign: one with a line break in it is refused here too, and not by whoever comes after.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return [mount]
