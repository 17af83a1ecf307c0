"""Closes the network for the tests: only this machine is reachable, over loopback and Unix sockets."""

import sys
from ipaddress import ip_address

# What was reached for since the last test began, kept so that a swallowed error still fails the test.
attempts: list[str] = []

_GUARDED = {"socket.connect", "socket.sendto", "socket.sendmsg"}


class NetworkClosedError(RuntimeError):
    """A test may talk to this machine only."""


def close() -> None:
    """Closes it for the rest of this process; there is no way back, so no test can forget one."""
    sys.addaudithook(_guard)


def _guard(event: str, args: tuple[object, ...]) -> None:
    if event in _GUARDED:
        target = args[1]
        # An address of a family without hosts (a Unix socket) is a text or nothing at all.
        if isinstance(target, tuple):
            _refuse_unless_here(event, target[0])
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        _refuse_unless_here(event, args[0])


def _refuse_unless_here(event: str, host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost" or _is_loopback(str(name)):
        return
    attempts.append(f"{event} {name}")
    raise NetworkClosedError(f"{event} to {name}: tests reach loopback addresses only, start a fake there")


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
