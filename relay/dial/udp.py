"""Where a hop's datagrams go: what its line says, or else the address that its dial has reached."""

import socket
from typing import Any

import trio

from relay.model.network import Address
from relay.model.walk import Hop


async def udp_address(hop: Hop, sock: socket.socket) -> tuple[Any, ...] | None:
    """For the datagrams of *hop*, whose dial made *sock*, as the kernel writes addresses; None if it carries none.

    Raises:
        OSError: the name that the line has for datagrams has no address.
    """
    told = hop.udp
    if isinstance(told, Address):
        rows = await trio.socket.getaddrinfo(told.host, told.port, type=socket.SOCK_DGRAM)
        return tuple(rows[0][4])
    if not told:
        return None
    reached: tuple[Any, ...] = sock.getpeername()
    return reached
