"""A call through the demo's proxy: 60 datagrams a second to the target, which echoes them, and one sentence on what
became of it. A client that knows nothing of us: SOCKS5 UDP ASSOCIATE (RFC 1928 sections 6 and 7)."""

import socket
import struct
from collections.abc import Sequence

import trio

from ingress.demo.download import DownloadFailed, receive
from ingress.demo.network import TARGET_NAME, DemoNetwork

EVERY = 1 / 60
"""Seconds between two datagrams, as many games and calls send."""
SIZE = 160
"""Bytes of each: 20 ms of a voice, or a game's state."""
LATE = 1.0
"""Seconds after which an echo is no use to a call, and counts as lost."""

_NUMBER = struct.Struct(">I")


class CallFailed(Exception):
    """It did not begin, or ended early; the text says how."""


class Call:
    """What a client sees of a call. Times in seconds."""

    def __init__(self) -> None:
        self.sent = 0
        self.echoed = 0
        """In time."""
        self.longest_gap = 0.0
        self.ports: list[str] = []
        """Where the target saw them come from, `EXIT PORT`, in the order of use."""
        self._sent_at: dict[int, float] = {}
        self._last: float | None = None

    def next(self, now: float) -> bytes:
        """The next datagram, which is sent at *now*."""
        self.sent += 1
        self._sent_at[self.sent] = now
        return _NUMBER.pack(self.sent).ljust(SIZE, b"\0")

    def hear(self, data: bytes, now: float) -> None:
        """The target's echo has come: what was sent, and whence the target saw it come."""
        if len(data) < SIZE:
            return
        (number,) = _NUMBER.unpack_from(data)
        sent_at = self._sent_at.pop(number, None)
        if sent_at is None or now - sent_at > LATE:
            return
        self.echoed += 1
        if self._last is not None:
            self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now
        seen = data[SIZE:].decode(errors="replace").strip()
        if self.ports[-1:] != [seen]:
            self.ports.append(seen)

    def finish(self, now: float) -> None:
        """Nothing more is awaited: silence until now counts."""
        if self._last is not None:
            self.longest_gap = max(self.longest_gap, now - self._last - EVERY)

    def sentence(self, paths: Sequence[str], failure: str | None = None) -> str:
        """What happened, in one sentence. *paths* in the order of use."""
        lost = self.sent - self.echoed
        parts = [f"{self.sent} datagrams, {lost} lost" + (f" ({lost / self.sent:.1%})" if lost else "")]
        parts[0] += f", over {', then '.join(paths)}" if paths else ""
        parts.append(f"longest gap {self.longest_gap * 1000:.0f} ms")
        parts.append(self._told_exit())
        if failure is not None:
            parts.append(f"it ended early: {failure}")
        return "; ".join(part for part in parts if part) + "."

    def _told_exit(self) -> str:
        if not self.ports:
            return "nothing came back"
        exits = list(dict.fromkeys(seen.split()[0] for seen in self.ports))
        if len(self.ports) == 1:
            return f"exit {exits[0]}, its port kept"
        if len(exits) == 1:
            return f"exit {exits[0]}, whose port changed {len(self.ports) - 1} times"
        return f"exits {', then '.join(exits)}"


async def run_call(network: DemoNetwork, call: Call, seconds: float) -> None:
    """Send for so long, to the target by its name. CallFailed if there is no association, or it ends."""
    host, port = network.proxy.split(":")
    try:
        async with await trio.open_tcp_stream(host, int(port)) as control:
            relay = await associate(control)
            with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                await sock.connect(relay)
                await _talk(control, sock, network.ports[TARGET_NAME], call, seconds)
    except (OSError, trio.BrokenResourceError, DownloadFailed) as error:
        raise CallFailed(str(error)) from error


async def associate(control: trio.abc.Stream) -> tuple[str, int]:
    """Ask for an association; where datagrams go."""
    await control.send_all(b"\x05\x01\x00")
    if await receive(control, 2) != b"\x05\x00":
        raise CallFailed("the proxy wants a password")
    await control.send_all(b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00")
    head = await receive(control, 4)
    if head[1] != 0:
        raise CallFailed(f"the proxy answers {head[1]}")
    bound = await receive(control, 6 if head[3] == 1 else 18)
    family = socket.AF_INET if head[3] == 1 else socket.AF_INET6
    return socket.inet_ntop(family, bound[:-2]), int.from_bytes(bound[-2:], "big")


async def _talk(control: trio.abc.Stream, sock: trio.socket.SocketType, port: int, call: Call, seconds: float) -> None:
    name = TARGET_NAME.encode()
    header = b"\0\0\0\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_hear, sock, call)
        nursery.start_soon(_watch, control)
        begin = trio.current_time()
        while (elapsed := trio.current_time() - begin) < seconds:
            await sock.send(header + call.next(trio.current_time()))
            await trio.sleep(max(0.0, call.sent * EVERY - elapsed))
        await trio.sleep(LATE)
        call.finish(trio.current_time() - LATE)
        nursery.cancel_scope.cancel()


async def _hear(sock: trio.socket.SocketType, call: Call) -> None:
    while True:
        data = await sock.recv(65_535)
        start = {1: 10, 4: 22}.get(data[3] if len(data) > 3 else 0)
        if start is not None:
            call.hear(data[start:], trio.current_time())


async def _watch(control: trio.abc.Stream) -> None:
    """The association lives as long as its control connection."""
    if not await control.receive_some(1):
        raise CallFailed("the proxy closed the association")
