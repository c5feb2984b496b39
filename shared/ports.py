"""Loopback ports that stay free until the process they were chosen for listens on them."""

import os
import random
import socket
from typing import Final

from shared.errors import PermanentError

# Below the ports that a system hands to outgoing connections and to whoever asks for any port:
# those start at 32768 (Linux, ip_local_port_range) or 49152 (RFC 6335, section 6).
LISTENERS: Final = range(20_000, 32_000)
LOOPBACK: Final = "127.0.0.1"
# Each process draws from a part of its own first: one that chose a port may listen much later, and
# nobody can tell until then.
PARTS: Final = 64

_given: Final[set[int]] = set()
_random: Final = random.SystemRandom()


def free_port() -> int:
    """Return a loopback port that is free now, another one each time.

    Nobody is handed it by the system before its process listens. Raises `PermanentError` when none
    is free.
    """
    own = LISTENERS[os.getpid() % PARTS :: PARTS]
    for port in (*_random.sample(own, len(own)), *_random.sample(LISTENERS, len(LISTENERS))):
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise PermanentError(
        "All loopback ports for services are taken or have been given out;"
        " end some of the programs that listen on them."
    )


def is_free(port: int) -> bool:
    """Say whether a server could listen on a loopback port now."""
    with socket.socket() as probe:
        # As servers do: connections that a former one has closed are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
