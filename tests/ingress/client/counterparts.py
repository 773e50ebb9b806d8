"""What a client's side is tested against: exits, paths to them, clients, and whoever holds a stream."""

import contextlib
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence

from ingress.choice.choice import Choice
from ingress.client.association import ClientAssociation
from ingress.client.client_stream import ClientStream
from relay.model.cause import Cause
from relay.session.acceptor import AcceptorStream
from relay.session.initiator import InitiatorStream
from relay.session.sink import Sink
from relay.wire.codes import Feature
from tests.relay.session.pair import EXIT, RecordingSink, SessionPair

TURNS = 50
"""Times that everything is let come to rest before what a client should hear is missed."""


class Exit:
    """One exit: the far end of a session, and what a test has it say of the stream that was opened last."""

    def __init__(self) -> None:
        self.pair = SessionPair(carriers=0, announced=(Feature(0), Feature.WITHDRAW))
        self.pair.connects_at_once = False

    @property
    def opened(self) -> int:
        """How many streams it was asked to open."""
        return len(self.pair.opened)

    @property
    def sink(self) -> RecordingSink:
        """What arrived of the last one."""
        return self.pair.sinks[EXIT][self.pair.opened[-1]]

    @property
    def stream(self) -> AcceptorStream:
        """The exit's end of it."""
        found = self.sink.stream
        assert isinstance(found, AcceptorStream)
        return found

    @property
    def asked(self) -> tuple[str, int]:
        """The target of the newest stream that the ingress's end knows."""
        newest = next(reversed(self.pair.ingress.streams.values()))
        return newest.host, newest.port

    @property
    def heard(self) -> bytes:
        """All that arrived of the last one."""
        return bytes(self.sink.data)

    def passes(self, seconds: float) -> None:
        """So much time goes by, and every carrier is pinged: its pong confirms last words."""
        self.pair.advance(seconds)
        for number, carrier in enumerate(self.pair.carriers):
            if carrier.is_whole:
                self.pair.ping(number)

    def dies(self) -> None:
        """It has lost the session, and the ingress knows; carriers stay, as those of the next one."""
        self.pair.exit.close(Cause.SHUTDOWN)
        self.pair.ingress.close(Cause.EXIT_LOST)

    def connects(self, took: float = 0.02) -> None:
        self.stream.connected(took, self.pair.now)

    def refuses(self, cause: Cause) -> None:
        self.stream.reset(cause)

    def sends(self, data: bytes) -> None:
        self.stream.write(data)

    def finishes(self) -> None:
        self.stream.finish()


LEADS = {"a": "us", "b": "eu"}
"""To which exit each path leads, of which there are as many as exits."""


class Echo:
    """An association at an exit that sends every datagram back, from the target that it was sent to."""

    def __init__(self, exit_: str, owner: ClientAssociation, within: frozenset[str] | None = None) -> None:
        self.exit = exit_
        self.within = within
        self.is_direct = self.goes_in_tcp = False
        self.owner = owner
        self.sent: list[tuple[bytes, bytes]] = []
        """Address bytes and payload."""
        self.redundant: bool | None = None
        """What was wished for the last one."""
        self.is_closed = False

    def send(self, address: bytes, payloads: Sequence[bytes], redundant: bool | None = None) -> None:
        self.redundant = redundant
        for payload in payloads:
            self.sent.append((address, payload))
            self.on_send(address, payload)

    def on_send(self, address: bytes, payload: bytes) -> None:
        """It comes back at once."""
        self.owner.on_replies([b"head" + address + payload], 4)

    def follow(self, within: frozenset[str] | None) -> bool:
        """As the paths of TWO_EXITS lead."""
        if within is not None and not any(LEADS[path] == self.exit for path in within):
            return False
        self.within = within
        return True

    def close(self) -> None:
        self.is_closed = True


class Echoes:
    """The `DatagramNetwork` of a client's side, whose exits are all echoes."""

    def __init__(self, exits: Iterable[str]) -> None:
        self.reached = frozenset(exits)
        """Those that can be reached by datagrams."""
        self.may_carry = True
        self.flows: list[Echo] = []

    def exits(self, within: frozenset[str] | None = None) -> frozenset[str]:
        return self.reached if within is None else self.reached & {LEADS[path] for path in within}

    def open(self, exit_: str, owner: ClientAssociation, within: frozenset[str] | None = None) -> Echo:
        self.flows.append(Echo(exit_, owner, within))
        return self.flows[-1]


class SessionPaths:
    """The `Streams` of an opener over session pairs: each path, by its name, is one carrier to an exit."""

    def __init__(self) -> None:
        self.exits: dict[str, Exit] = {}
        self.patience = 0.3
        self.lost: list[tuple[str, str]] = []
        """What `count_lost` was told: path, cause."""
        self._roads: dict[str, tuple[SessionPair, int]] = {}

    def build(self, path: str, exit_: str) -> None:
        """A carrier over *path*, to *exit_*."""
        pair = self.exits.setdefault(exit_, Exit()).pair
        self._roads[path] = pair, pair.new_carrier()

    def hold(self, path: str) -> None:
        """Nothing passes over *path*, either way."""
        pair, number = self._roads[path]
        pair.hold(number)

    def release(self, path: str) -> None:
        pair, number = self._roads[path]
        pair.release(number)

    def close(self, path: str) -> None:
        """The carrier over *path* is gone."""
        pair, number = self._roads.pop(path)
        pair.kill(number)

    def open(self, choice: Choice, sink: Sink, now: float) -> InitiatorStream | None:
        found = [self._roads[name] for name in choice.paths if name in self._roads]
        if not found:
            return None
        pair, demand = found[0][0], choice.demand
        return pair.ingress.open(demand.host, demand.port, sink, pair.ends(number for _, number in found), now)

    def hedge(self, stream: InitiatorStream, choice: Choice) -> bool:
        pair, number = self._roads.get(choice.paths[0], (None, 0))
        if pair is None:
            return False
        pair.attach([stream], number)
        return True

    def open_patience(self, stream: InitiatorStream) -> float:
        return self.patience if stream.legs else 0.0

    def count_lost(self, choice: Choice, cause: str) -> None:
        self.lost.append((choice.paths[0], cause))


class Holder:
    """A `StreamHolder` that writes down what it is told, and lets go as clients do."""

    def __init__(self) -> None:
        self.told: list[str | Cause] = []
        self.data = bytearray()
        self.has_unsent = False
        self.stream: ClientStream | None = None

    backlog = 0

    def on_stream_data(self, data: memoryview) -> None:
        self.data += data

    def on_stream_fin(self) -> None:
        self.told.append("fin")

    def on_stream_room(self) -> None:
        self.told.append("room")

    def on_stream_opened(self) -> None:
        self.told.append("opened")

    def on_stream_refused(self, cause: Cause) -> None:
        self._ended("refused", cause)

    def on_stream_reset(self, cause: Cause) -> None:
        self._ended("reset", cause)

    def _ended(self, word: str, cause: Cause) -> None:
        self.told += [word, cause]
        assert self.stream is not None
        self.stream.let_go()


class Program:
    """A client: the other end of a socket that the entrance was given."""

    def __init__(self, sock: socket.socket, settle: Callable[[], Awaitable[None]]) -> None:
        """*settle* lets everything arrive that is under way."""
        self._settle = settle
        self.sock = sock

    def sends(self, data: bytes) -> None:
        """All of it at once: what the kernel does not take was not meant to be sent."""
        assert self.sock.send(data) == len(data)

    def sends_all_it_can(self) -> int:
        """Zeros, until the kernel takes no more. Returns how many."""
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += self.sock.send(bytes(65536))
        return sent

    def finishes(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def leaves(self) -> None:
        self.sock.close()

    def aborts(self) -> None:
        """Close with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    async def hears(self, data: bytes) -> None:
        """Exactly *data* comes next."""
        assert await self.take(len(data)) == data

    async def take(self, count: int) -> bytes:
        """The next *count* bytes."""
        data = bytearray()
        for _ in range(TURNS + count):
            more = self._receive(count - len(data))
            assert more != b"" or len(data) == count, f"only {bytes(data)!r}, then the end"
            data += more or b""
            if len(data) == count:
                return bytes(data)
            if more is None:
                await self._settle()
        raise AssertionError(f"only {bytes(data)!r} of {count} bytes")

    async def answer(self) -> tuple[bytes, bytes]:
        """One HTTP answer: its first line, and its body, whose length the head tells."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await self.take(1)
        length = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
        body = await self.take(int(length[1])) if length is not None else b""
        return head.partition(b"\r\n")[0], body

    async def available(self) -> bytes:
        """All that comes now."""
        data = bytearray()
        await self._settle()
        while more := self._receive(1 << 20):
            data += more
            await self._settle()
        return bytes(data)

    async def rest(self) -> bytes:
        """All that comes before FIN."""
        data = bytearray()
        for _ in range(TURNS + 1000):
            more = self._receive(65536)
            if more == b"":
                return bytes(data)
            data += more or b""
            if more is None:
                await self._settle()
        raise AssertionError(f"no FIN behind {bytes(data)!r}")

    async def is_reset(self) -> bool:
        """Whether what comes ends with a RST."""
        try:
            await self.rest()
        except ConnectionResetError:
            return True
        return False

    async def hears_nothing(self) -> None:
        """Neither a byte nor an end."""
        await self._settle()
        assert self._receive(1) is None

    def _receive(self, most: int) -> bytes | None:
        """What is there; None if nothing is, b"" for FIN."""
        try:
            return self.sock.recv(most) if most else None
        except BlockingIOError:
            return None
