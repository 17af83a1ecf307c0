"""Tests talk to this machine only, and one that tries otherwise fails."""

import socket
from pathlib import Path

import pytest

from tests import network


@pytest.mark.parametrize("host", ["198.51.100.7", "api.stripe.com", "2001:db8::1"])
def test_the_network_beyond_this_machine_is_closed(host: str) -> None:
    with pytest.raises(network.NetworkClosedError, match="loopback addresses only"):
        socket.create_connection((host, 443), timeout=1)
    assert len(network.attempts) == 1
    network.attempts.clear()


def test_loopback_and_unix_sockets_are_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname()[:2], timeout=5).close()
        socket.create_connection(("localhost", listener.getsockname()[1]), timeout=5).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
