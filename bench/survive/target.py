"""The target: what clients ask for stands in the first line of a connection. It runs in the process of the clients.

down SIZE    pieces at a steady pace, until the client sends a byte; the last is marked
up SIZE      takes pieces, says `whole` after the marked one
echo         what comes, as it comes
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from bench.survive.pieces import Checker, WrongBytes, piece
from bench.survive.watch import Arrivals

PACE = 0.01
"""Seconds between two pieces."""
READ = 256 * 1024
HEAD = 256
"""Bytes of a first line, at most."""


async def send_pieces(stream: trio.SocketStream, size: int, stop: trio.Event, pace: float = PACE) -> None:
    """Send pieces of *size* at the pace, the last one when *stop* is set. What was held up is not made up for."""
    number, due = 0, trio.current_time()
    while not stop.is_set():
        await stream.send_all(piece(number, size))
        number, due = number + 1, max(due + pace, trio.current_time())
        await trio.sleep_until(due)
    await stream.send_all(piece(number, size, is_last=True))


async def take_pieces(stream: trio.SocketStream, size: int, arrivals: Arrivals, first: bytes = b"") -> None:
    """Take and check pieces to the last one.

    Raises:
        WrongBytes: a byte was wrong, or the connection ended before the last piece.
    """
    checker = Checker(size)
    checker.add(first)
    while not checker.is_whole:
        data = await stream.receive_some(READ)
        arrivals.at.append(trio.current_time())
        if not data:
            raise WrongBytes(f"cut after {checker.pieces} pieces, with a clean end")
        checker.add(data)


Verb = Callable[[trio.SocketStream, int, bytes], Awaitable[None]]


class Target:
    """Serves connections; `uploads` is what it saw of them, in the order they came."""

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self.addresses = addresses
        """Where it listens: an ordinary port, and one whose streams a rule makes redundant."""
        self.uploads: list[Arrivals] = []
        self.broken = 0
        """Connections that ended badly, as it saw it."""

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection, to its end."""
        async with stream:
            try:
                head, rest = await first_line(stream)
                verb, _, argument = head.partition(" ")
                await self._verb(verb)(stream, int(argument) if argument.isdigit() else 0, rest)
            except* (trio.BrokenResourceError, WrongBytes, ConnectionError):
                self.broken += 1

    def _verb(self, verb: str) -> Verb:
        verbs: dict[str, Verb] = {
            "down": self._down,
            "flood": self._flood,
            "up": self._up,
            "echo": self._echo,
            "GET": self._get,
            "HEAD": self._get,
        }
        return verbs[verb]

    async def _flood(self, stream: trio.SocketStream, size: int, rest: bytes) -> None:
        await self._down(stream, size, rest, 0.0)

    async def _down(self, stream: trio.SocketStream, size: int, _rest: bytes, pace: float = PACE) -> None:
        stop = trio.Event()

        async def until_told() -> None:
            await stream.receive_some(1)
            stop.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_told)
            await send_pieces(stream, size, stop, pace)
            await stream.send_eof()

    async def _up(self, stream: trio.SocketStream, size: int, rest: bytes) -> None:
        arrivals = Arrivals()
        self.uploads.append(arrivals)
        await take_pieces(stream, size, arrivals, rest)
        await stream.send_all(b"whole")

    async def _echo(self, stream: trio.SocketStream, _size: int, rest: bytes) -> None:
        if rest:
            await stream.send_all(rest)
        while data := await stream.receive_some(READ):
            await stream.send_all(data)

    async def _get(self, stream: trio.SocketStream, _size: int, rest: bytes) -> None:
        while b"\r\n\r\n" not in b"\r\n" + rest:
            rest += await stream.receive_some(READ) or b"\r\n\r\n"
        await stream.send_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


async def first_line(stream: trio.SocketStream) -> tuple[str, bytes]:
    """The first line and what came behind it.

    Raises:
        ConnectionError: it ended, or is too long.
    """
    data = b""
    while b"\n" not in data:
        more = await stream.receive_some(READ)
        if not more or len(data) > HEAD:
            raise ConnectionError("no first line")
        data += more
    head, _, rest = data.partition(b"\n")
    return head.decode("ascii"), rest


def listening_sockets(host: str) -> list[socket.socket]:
    """Two sockets of *host* that listen, on ports of the kernel's choice."""
    return [socket.create_server((host, 0), backlog=256) for _ in range(2)]


@asynccontextmanager
async def open_target(sockets: Sequence[socket.socket]) -> AsyncIterator[Target]:
    """A target that listens on *sockets*, until the block ends."""
    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(one)) for one in sockets]
    target = Target([one.getsockname() for one in sockets])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, target.serve, listeners)
        yield target
        nursery.cancel_scope.cancel()
