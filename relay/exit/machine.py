"""What an exit finds out about the machine that it runs on: its addresses, and which families reach the world."""

import contextlib
import socket

import attrs

from relay import log
from relay.exit.interfaces import interface_addresses
from relay.model.addresses import IpAddress
from relay.model.families import ALL_FAMILIES, Families

FAR = {
    Families.IPV4: (socket.AF_INET, "198.41.0.4"),
    Families.IPV6: (socket.AF_INET6, "2001:503:ba3e::2:30"),
}
"""An address of each family that is nobody's neighbour: a root server's. Nothing is sent there."""
FAR_PORT = 53


@attrs.frozen
class Machine:
    """One look at it."""

    addresses: frozenset[IpAddress]
    families: Families


def look(before: Machine | None = None) -> Machine:
    """The machine as it is now; takes less than a millisecond. Addresses that cannot be had are those of *before*."""
    try:
        addresses = interface_addresses()
    except OSError as error:
        addresses = frozenset() if before is None else before.addresses
        if before is None:
            log.event("interfaces-unknown", level="warning", why=error.strerror or type(error).__name__)
    return Machine(addresses, reachable_families())


def reachable_families() -> Families:
    """The families that have a route into the world, and an address to come from.

    A machine without either may be in a network of its own, where neither is needed: it is said to have both.
    """
    found = [family for family, far in FAR.items() if _has_route(*far)]
    return Families(sum(found)) if found else ALL_FAMILIES


def _has_route(family: int, host: str) -> bool:
    """Whether the kernel has a way to *host*: asked by connecting a datagram socket, which sends nothing."""
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((host, FAR_PORT))
        return not str(sock.getsockname()[0]).startswith("fe80:")
    return False
