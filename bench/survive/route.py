"""How clients reach the target: through a SOCKS5 door (RFC 1928), or straight to a port that forwards."""

import os
import socket
from dataclasses import dataclass

import trio

NO_PASSWORD = b"\x05\x01\x00"
A_PASSWORD = b"\x05\x01\x02"
CONNECT_IPV4 = b"\x05\x01\x00\x01"


class Refused(Exception):
    """The door answered with something else than success."""


@dataclass(frozen=True)
class Route:
    """A door at *host* and *port*; `speaks` is `socks` or `direct`."""

    host: str
    port: int
    speaks: str = "socks"
    login: tuple[str, str] | None = None
    """Name and password, where the door asks for them (RFC 1929)."""

    async def open(self, target: tuple[str, int]) -> trio.SocketStream:
        """A connection to *target*.

        Raises:
            Refused, OSError, trio.BrokenResourceError: there is none.
        """
        stream = await trio.open_tcp_stream(self.host, self.port)
        try:
            if self.speaks == "socks":
                await self._ask(stream, target)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    async def _ask(self, stream: trio.SocketStream, target: tuple[str, int]) -> None:
        host, port = target
        await stream.send_all(NO_PASSWORD if self.login is None else A_PASSWORD)
        if await receive(stream, 2) != (b"\x05\x00" if self.login is None else b"\x05\x02"):
            raise Refused("no method")
        if self.login is not None:
            await stream.send_all(b"\x01" + b"".join(bytes([len(word)]) + word.encode() for word in self.login))
            if (await receive(stream, 2))[1]:
                raise Refused("wrong password")
        await stream.send_all(CONNECT_IPV4 + socket.inet_aton(host) + port.to_bytes(2, "big"))
        answer = await receive(stream, 10)
        if answer[1]:
            raise Refused(f"reply {answer[1]}")


async def answers(route: Route, target: tuple[str, int]) -> bool:
    """Whether an exchange comes through within two seconds."""
    try:
        with trio.fail_after(2):
            async with await route.open(target) as stream:
                await exchange(stream)
    except (OSError, trio.BrokenResourceError, trio.TooSlowError, Refused):
        return False
    return True


async def receive(stream: trio.SocketStream, size: int) -> bytes:
    """Exactly *size* bytes.

    Raises:
        Refused: it ended before.
    """
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        if not more:
            raise Refused("closed without an answer")
        data += more
    return data


async def exchange(stream: trio.SocketStream) -> None:
    """64 bytes there and back."""
    word = os.urandom(32).hex().encode()
    await stream.send_all(b"echo\n" + word)
    answer = b""
    while len(answer) < len(word):
        data = await stream.receive_some(4096)
        if not data:
            raise Refused("ended without an answer")
        answer += data
    if answer != word:
        raise Refused("another answer than the right one")
