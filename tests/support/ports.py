"""Ports for servers of tests."""

import os
import socket
from itertools import chain

# Below the ports that the kernel gives to clients (from 32768), or a connection of some other test
# could take the port before its server does. Processes of one machine start at places of their own.
_FIRST, _LAST = 10_000, 32_000
_start = _FIRST + os.getpid() * 97 % (_LAST - _FIRST)
_untold = chain(range(_start, _LAST), range(_FIRST, _start))


def free_port() -> int:
    """A port on loopback that nobody uses now, and that no other test of this process is told."""
    for port in _untold:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise RuntimeError("every port has been told once")
