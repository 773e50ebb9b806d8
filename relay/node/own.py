"""Where our own nodes are reached, as literal addresses: no stream may lead there, or clients could talk to relays."""

import socket

import trio

from relay import log
from relay.model.addresses import IpAddress, plain
from relay.model.hosts import parse_literal
from relay.model.network import Address, Network

OwnAddress = tuple[IpAddress, int]
LOOKUP_SECONDS = 2.0
"""An exit does not begin before it knows them; a name server that is silent may not keep it from beginning."""
AGAIN = 600.0
"""Seconds between look-ups: addresses behind names change."""


class OwnAddresses:
    """What is known so far. A name that cannot be looked up now keeps the addresses it had."""

    def __init__(self) -> None:
        self._known: dict[Address, frozenset[OwnAddress]] = {}

    async def learn(self, network: Network) -> frozenset[OwnAddress]:
        """Where each node of *network* listens and is dialled, over whichever line."""
        wanted = {line.address for line in network.lines.values()}
        wanted |= {line.udp for line in network.lines.values() if isinstance(line.udp, Address)}
        for node in network.nodes.values():
            wanted |= {node.address, *node.listen}
        async with trio.open_nursery() as nursery:
            for address in wanted:
                nursery.start_soon(self._look_up, address)
        self._known = {address: self._known[address] for address in wanted if address in self._known}
        return frozenset[OwnAddress]().union(*self._known.values())

    def found(self, address: Address) -> frozenset[IpAddress]:
        """The literal addresses of *address*, as they were learnt."""
        return frozenset(ip for ip, _ in self._known.get(address, ()))

    async def _look_up(self, address: Address) -> None:
        literal = parse_literal(address.host)
        if literal is None:
            await self._ask(address)
        else:
            self._known[address] = frozenset({(plain(literal), address.port)})

    async def _ask(self, address: Address) -> None:
        try:
            with trio.fail_after(LOOKUP_SECONDS):
                rows = await trio.socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, trio.TooSlowError) as error:
            log.event(
                "own-address-unknown",
                level="warning",
                about=str(address),
                address=address,
                why=str(error) or "too slow",
            )
            return
        self._known[address] = frozenset((plain(str(row[4][0])), address.port) for row in rows)
