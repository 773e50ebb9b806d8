"""Asks DNS servers over UDP, and over TCP what does not fit. Runs until it knows; the caller sets the deadline.

One connected socket for each server asked: the kernel then drops what others send, picks an unpredictable port, and
says at once when nobody listens there.
"""

import itertools
import socket
from collections.abc import Sequence
from errno import EMFILE, ENFILE

import trio

from relay.engine.descriptors import spare_reserve
from relay.exit.dnscache import Answer
from relay.exit.lookup import Lookup
from relay.model.network import Address

PATIENCE = (1.0, 1.0, 2.0)
"""Seconds the first, second and every later try waits for a server; the next try goes to the next server, or to the
same one if there is no other. Shorter, and slow answers from far zones are asked for twice; much longer, and a lost
datagram or a dead first server uses up the caller's deadline."""
PARTNER = 0.25
"""Seconds to wait for the other family when one has brought addresses. RFC 8305 section 3 says 50 ms, for a client
that goes on listening; we keep what we have for PARTIAL_TTL, so that a longer wait is worth it."""
TCP_PATIENCE = 2.0
"""Seconds for all of an exchange over TCP."""


async def look_up(name: str, servers: Sequence[Address]) -> tuple[Answer, Address]:
    """Ask *servers*, in their order and over again, until one has answered or the caller gives up.

    Returns:
        What is known, and the server that was asked last. It is over, too, when every server in turn has declined:
        answered with a failure, or has nobody listening.

    Raises:
        OSError: no descriptors are left. Other errors count as a server that does not answer.
    """
    lookup = Lookup(name)
    declined = 0
    for count, server in enumerate(itertools.cycle(servers)):
        was_silent = await _ask(lookup, server, PATIENCE[min(count, len(PATIENCE) - 1)])
        declined = 0 if was_silent else declined + 1
        if lookup.is_settled or lookup.has_addresses or declined == len(servers):
            return lookup.answer(), server
    raise ValueError("there is no DNS server to ask")


async def _ask(lookup: Lookup, server: Address, patience: float) -> bool:
    """One try at one server: True if it was silent to the end, False if it answered or cannot."""
    wires = lookup.next_server()
    try:
        with trio.move_on_after(patience) as waiting:
            await _ask_udp(lookup, server, wires, waiting)
        was_silent = waiting.cancelled_caught and not lookup.over_tcp()
        with trio.move_on_after(TCP_PATIENCE):
            for wire in lookup.over_tcp():
                await _ask_tcp(lookup, server, wire)
    except OSError as error:
        if error.errno in (EMFILE, ENFILE):
            raise
        return False
    return was_silent


async def _ask_udp(lookup: Lookup, server: Address, wires: list[bytes], waiting: trio.CancelScope) -> None:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with trio.socket.socket(family, socket.SOCK_DGRAM) as sock:
        spare_reserve(sock.fileno())
        await sock.connect((server.host, server.port))
        for wire in wires:
            await sock.send(wire)
        while lookup.awaits_datagram:
            lookup.receive(await sock.recv(65535))
            if lookup.has_addresses:
                waiting.deadline = min(waiting.deadline, trio.current_time() + PARTNER)


async def _ask_tcp(lookup: Lookup, server: Address, wire: bytes) -> None:
    """RFC 1035 section 4.2.2: each message behind its length in two bytes."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with trio.socket.socket(family, socket.SOCK_STREAM) as sock:
        spare_reserve(sock.fileno())
        await sock.connect((server.host, server.port))
        stream = trio.SocketStream(sock)
        await stream.send_all(len(wire).to_bytes(2, "big") + wire)
        length = int.from_bytes(await _read(stream, 2), "big")
        lookup.receive(await _read(stream, length))


async def _read(stream: trio.SocketStream, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        if not more:
            raise ConnectionAbortedError("the DNS server closed before the end of its answer")
        data += more
    return bytes(data)
