"""Datagrams at the target: each comes back, with what the target knows of where it came from."""

import socket
from collections.abc import Mapping

import trio

LARGEST = 65_535


async def echo(port: int, addresses: Mapping[str, str | None]) -> None:
    """Echo at *port* of all *addresses*, with the exits that know the target by them; until cancelled."""
    async with trio.open_nursery() as nursery:
        for address, exit_name in addresses.items():
            sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            await sock.bind((address, port))
            nursery.start_soon(_serve, sock, exit_name or "unknown")


async def _serve(sock: trio.socket.SocketType, exit_name: str) -> None:
    """Behind what came stands ` EXIT PORT`."""
    with sock:
        while True:
            data, source = await sock.recvfrom(LARGEST)
            try:
                await sock.sendto(data + f" {exit_name} {source[1]}".encode(), source)
            except OSError:  # too long for a datagram with that behind it, or the exit is gone
                continue
