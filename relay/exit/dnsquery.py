"""Asks DNS servers: over UDP, and over TCP what does not fit, or where UDP is refused or silent (RFC 7766 section 5).

Runs until it knows; the caller sets the deadline. One connected socket for each server asked: the kernel then drops
what others send, picks an unpredictable port, and says at once when nobody listens there.
"""

import itertools
import socket
from errno import EMFILE, ENFILE

import trio

from relay.engine.descriptors import spare_reserve
from relay.exit.dnscache import Answer
from relay.exit.dnsservers import Servers
from relay.exit.lookup import Lookup
from relay.model.network import Address

PATIENCE = (1.0, 1.0, 2.0)
"""Seconds for which a server is waited for in the first, second and every later round over all of them. Shorter, and
slow answers from far zones are asked for twice; much longer, and a lost datagram or a dead first server uses up the
caller's deadline."""
PARTNER = 0.25
"""Seconds to wait for the other family when one has brought addresses. RFC 8305 section 3 says 50 ms, for a client
that goes on listening; we keep what we have for PARTIAL_TTL, so that a longer wait is worth it."""
TCP_PATIENCE = 2.0
"""Seconds from the moment at which it is known that an answer is only to be had over TCP."""


async def look_up(name: str, servers: Servers) -> Answer:
    """Ask *servers*, in their order and over again, until one has answered or the caller gives up.

    It is over, too, when every server in turn has declined: answered with a failure, or has nobody listening. In the
    first round they are asked over UDP, in later ones over TCP as well: who swallows one may answer the other.

    Raises:
        OSError: no descriptors are left. Other errors count as a server that does not answer.
    """
    lookup, order, declined = Lookup(name), servers.order, 0
    for count, server in enumerate(itertools.cycle(order)):
        round_ = count // len(order)
        attempt = _Attempt(lookup, server, PATIENCE[min(round_, len(PATIENCE) - 1)])
        now = trio.current_time()
        await attempt.run(
            udp=not servers.over_tcp,
            tcp=servers.over_tcp or round_ > 0 or servers.answers_over_tcp_alone(server, now),
        )
        declined = 0 if attempt.was_silent else declined + 1
        if lookup.is_settled or lookup.has_addresses or declined == len(order):
            servers.answered(server, trio.current_time(), over_tcp=attempt.heard_tcp and not attempt.heard_udp)
            return lookup.answer()
    raise ValueError("there is no DNS server to ask")


class _Attempt:
    """One try at one server."""

    def __init__(self, lookup: Lookup, server: Address, patience: float) -> None:
        self.was_silent = False
        """Its time was up before it had said all; else it has answered, or cannot: it refuses, or fails."""
        self.heard_udp = self.heard_tcp = False
        self._lookup = lookup
        self._server = server
        self._waiting = trio.CancelScope(deadline=trio.current_time() + patience)
        self._exhausted: OSError | None = None

    async def run(self, *, udp: bool, tcp: bool) -> None:
        """Ask what is open; over both at once if both are wished, and the first answer counts."""
        wires = self._lookup.next_server()
        with self._waiting:
            async with trio.open_nursery() as nursery:
                if udp:
                    nursery.start_soon(self._over_udp, wires, not tcp)
                if tcp:
                    nursery.start_soon(self._over_tcp)
        if self._exhausted is not None:
            raise self._exhausted
        self.was_silent = self._waiting.cancelled_caught and not self._lookup.is_settled

    async def _over_udp(self, wires: list[bytes], tcp_behind: bool) -> None:
        """*tcp_behind* asks over TCP what is not to be had so."""
        try:
            with trio.socket.socket(self._family, socket.SOCK_DGRAM) as sock:
                await self._connect(sock)
                for wire in wires:
                    await sock.send(wire)
                while self._lookup.awaits_datagram:
                    self.heard_udp |= self._take(await sock.recv(65535))
        except OSError as error:
            self._note(error)
        if tcp_behind and self._lookup.open_wires():
            self._waiting.deadline = max(self._waiting.deadline, trio.current_time() + TCP_PATIENCE)
            await self._over_tcp()

    async def _over_tcp(self) -> None:
        """All that is open in one connection, and the rest in another if the server closes it after an answer."""
        wires = self._lookup.open_wires()
        while wires:
            try:
                await self._exchange(wires)
            except (OSError, trio.BrokenResourceError) as error:
                self._note(error)
            left = self._lookup.open_wires()
            wires = left if len(left) < len(wires) else []

    async def _exchange(self, wires: list[bytes]) -> None:
        with trio.socket.socket(self._family, socket.SOCK_STREAM) as sock:
            await self._connect(sock)
            stream = trio.SocketStream(sock)
            await stream.send_all(b"".join(len(wire).to_bytes(2, "big") + wire for wire in wires))
            while self._lookup.open_wires():
                length = int.from_bytes(await _read(stream, 2), "big")  # RFC 1035 section 4.2.2
                self.heard_tcp |= self._take(await _read(stream, length))

    @property
    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self._server.host else socket.AF_INET

    async def _connect(self, sock: trio.socket.SocketType) -> None:
        spare_reserve(sock.fileno())
        await sock.connect((self._server.host, self._server.port))

    def _take(self, message: bytes) -> bool:
        """Whether *message* answers an open question; what is known then may be enough."""
        is_answer = self._lookup.receive(message)
        if self._lookup.is_settled:
            self._waiting.cancel()
        elif self._lookup.has_addresses:
            self._waiting.deadline = min(self._waiting.deadline, trio.current_time() + PARTNER)
        return is_answer

    def _note(self, error: Exception) -> None:
        """It cannot be asked this way; without descriptors it says nothing of the server."""
        if isinstance(error, OSError) and error.errno in (EMFILE, ENFILE):
            self._exhausted = error
            self._waiting.cancel()


async def _read(stream: trio.SocketStream, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        if not more:
            raise ConnectionAbortedError("the DNS server closed before the end of its answer")
        data += more
    return bytes(data)
