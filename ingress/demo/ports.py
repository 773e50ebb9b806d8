"""Free ports of this machine, and whether somebody listens on one: told by the kernel, without a connection."""

import os
import socket
from pathlib import Path
from random import SystemRandom

PORTS = range(20000, 32000)
"""Below where Linux takes ports for outgoing connections (32768 and up), or one of those could take ours before
whoever it is meant for."""
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
"""The kernel's; one without IPv6 (`ipv6.disable=1`) has not the second."""
LISTEN = "0A"
"""TCP_LISTEN in them."""


def free_ports(count: int) -> list[int]:
    """*count* different ports of 127.0.0.1 that nobody uses now."""
    found: list[int] = []
    for port in SystemRandom().sample(PORTS, len(PORTS)):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Whether one can listen on *port* at every address."""
    with socket.socket() as sock:
        try:
            sock.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def listening() -> set[int]:
    """The ports that somebody listens on, at whatever address. Costs milliseconds where there are many connections."""
    found = set()
    for table in filter(os.path.exists, TABLES):
        for row in Path(table).read_text().splitlines()[1:]:
            words = row.split(maxsplit=4)
            if words[3] == LISTEN:
                found.add(int(words[1].rpartition(":")[2], 16))
    return found
