"""Where our own nodes listen, as literal addresses: no stream may lead there, or a client could talk to a relay."""

import ipaddress
import socket

import trio

from relay import log
from relay.model.network import Address, Network

OwnAddress = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]
LOOKUP_SECONDS = 2.0
"""An exit does not begin before it knows them; a name server that is silent may not keep it from beginning."""
AGAIN = 600.0
"""Seconds between look-ups: addresses behind names change."""


async def own_addresses(network: Network) -> frozenset[OwnAddress]:
    """Every address of every node of *network*; names are looked up, and one that cannot be is logged and left out."""
    found: set[OwnAddress] = set()
    async with trio.open_nursery() as nursery:
        for node in network.nodes.values():
            for address in {node.address, *node.listen}:
                nursery.start_soon(_look_up, address, found)
    return frozenset(found)


async def _look_up(address: Address, found: set[OwnAddress]) -> None:
    try:
        found.add((ipaddress.ip_address(address.host), address.port))
    except ValueError:
        await _ask(address, found)


async def _ask(address: Address, found: set[OwnAddress]) -> None:
    try:
        with trio.fail_after(LOOKUP_SECONDS):
            rows = await trio.socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, trio.TooSlowError) as error:
        log.event("own-address-unknown", level="warning", address=address, why=str(error) or "too slow")
        return
    found |= {(ipaddress.ip_address(str(row[4][0]).partition("%")[0]), address.port) for row in rows}
