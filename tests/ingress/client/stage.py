"""All of `ingress.client` on a stage: the real entrance, opener, doors and chooser, clients on real sockets, and exits
that are the far ends of real sessions, back to back under virtual time. No node, no carrier over TLS.

A test reads as a script: what the client sends, what the exit says, what the client hears. Time stands still but for
`Stage.passes`; between two lines of a script everything that is under way arrives (`Stage.settle`).
"""

import contextlib
import math
import re
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest
import trio
from trio.abc import Clock
from trio.testing import wait_all_tasks_blocked

from ingress.choice.choice import Choice
from ingress.choice.chooser import Chooser
from ingress.client.client_stream import ClientStream
from ingress.client.entrance import Entrance
from ingress.client.opener import Opener
from ingress.config import Forward, IngressConfig
from ingress.measure.figures import PathFigures
from ingress.users import Users
from relay.callbacks import ignore
from relay.engine import Loop
from relay.model.cause import Cause
from relay.model.network import Address, Network, Node
from relay.model.walk import Paths
from relay.session.acceptor import AcceptorStream
from relay.session.initiator import InitiatorStream
from relay.session.sink import Sink
from tests.ingress.choice.figures import figure
from tests.ingress.client.test_permits import AT, CONFIG
from tests.relay.engine.conftest import Sockets
from tests.relay.session.pair import EXIT, RecordingSink, SessionPair
from tests.world import Journal

START = 100.0
"""Where the clock stands at first: that of the session pairs."""
TURNS = 50
"""Times that everything is let come to rest before what a client should hear is missed."""
HOST = "target.example"
ONE_PATH = (figure("a>us", 100),)
TWO_EXITS = (figure("a>us", 100), figure("b>eu", 150))
TWO_PATHS = (figure("a>us", 100), figure("b>us", 150))


class Exit:
    """One exit: the far end of a session, and what a test has it say of the stream that was opened last."""

    def __init__(self) -> None:
        self.pair = SessionPair(carriers=0)
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


class Roads:
    """The `Streams` of an opener over session pairs: by the name of its path, each road is one carrier to an exit."""

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

    def __init__(self, stage: "Stage", sock: socket.socket) -> None:
        self._stage = stage
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
                await self._stage.settle()
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
        await self._stage.settle()
        while more := self._receive(1 << 20):
            data += more
            await self._stage.settle()
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
                await self._stage.settle()
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
        await self._stage.settle()
        assert self._receive(1) is None

    def _receive(self, most: int) -> bytes | None:
        """What is there; None if nothing is, b"" for FIN."""
        try:
            return self.sock.recv(most) if most else None
        except BlockingIOError:
            return None


class Stage:
    """Made by `Stages`."""

    def __init__(
        self,
        clock: "Stages",
        nursery: trio.Nursery,
        figures: Sequence[PathFigures],
        users: Users | None,
        config: IngressConfig,
    ) -> None:
        self.clock, self.nursery, self.journal, self.config = clock, nursery, clock.journal, config
        self.sockets = Sockets()
        self.loop = Loop()
        self.roads = Roads()
        self.chooser = Chooser(sorted({one.exit for one in figures}))
        for one in figures:
            self.roads.build(one.name, one.exit)
        self.opener = Opener(self.loop, self.chooser, self.roads, self._has_room, config)
        self.entrance = Entrance(self.loop, nursery, self.opener, config, users)
        self.expects_failure = False
        """A door that raises is part of the script."""
        nursery.start_soon(self.loop.run)

    # ---- who plays

    def exit(self, name: str = "us") -> Exit:
        return self.roads.exits[name]

    def program(self, address: str = "127.0.0.1", *, forward: Forward | None = None, buffers: int = 0) -> Program:
        """A client that has connected, from *address*."""
        near, far = self.sockets.pair(buffers)
        if forward is None:
            self.entrance.accept(near, (address, 50_000))
        else:
            self.entrance.accept_forward(forward, near, (address, 50_000))
        return Program(self, far)

    def open(self, holder: Holder, host: str = HOST, port: int = 443, client: str = "10.0.0.1") -> ClientStream:
        """A stream that the opener has opened, or lets wait."""
        found = self.opener.open(holder, host, port, client, "")
        assert isinstance(found, ClientStream)
        holder.stream = found
        return found

    def rank(self, *figures: PathFigures) -> None:
        """These are the paths now."""
        self.chooser.rank(figures, self.clock.now)

    def use(self, config: IngressConfig, users: Users | None = None) -> None:
        """As a reload does."""
        self.opener.use(config)
        self.entrance.use(config, users)

    # ---- time

    async def settle(self) -> None:
        """Let everything that is under way arrive, and threads finish."""
        threads = trio.to_thread.current_default_thread_limiter()
        while True:
            await wait_all_tasks_blocked()
            if threads.borrowed_tokens:
                await trio.lowlevel.checkpoint()
            elif not any(one.pair.step() for one in self.roads.exits.values()):
                return

    async def passes(self, seconds: float) -> None:
        """So much time goes by, at once; what was due meanwhile is done. Then comes a round, as the fleet makes it, and
        a ping on every carrier."""
        self.clock.jump(seconds)
        for one in self.roads.exits.values():
            one.passes(seconds)
        self.loop.call_soon(ignore)  # it looks at its timers
        await self.settle()
        self.opener.each_round()
        await self.settle()

    # ---- what must be true

    def assert_empty(self) -> None:
        """Nothing is left of any client or stream."""
        assert self.entrance.clients == 0
        assert self.opener.waiting == 0 and self.opener.unacknowledged == 0
        for one in self.roads.exits.values():
            one.pair.assert_forgotten()
        assert self.loop.statistics().endpoints == 0

    def _has_room(self, most: int) -> bool:
        sessions = [one.pair.ingress for one in self.roads.exits.values()]
        return sum(len(one.streams) for one in sessions) < most and not any(one.memory.is_full for one in sessions)


def make_config(figures: Sequence[PathFigures], allow: Mapping[str, Any] | None = None, **others: Any) -> IngressConfig:
    """What the file of such a network says; *allow* is by exit, and answers are true unless *others* say otherwise."""
    nodes = {one.exit: Node(one.exit, AT, (), exit=True, allow=(allow or {}).get(one.exit, ())) for one in figures}
    network = Network(("shanghai",), nodes, {})
    paths = Paths(tuple(one.path for one in figures))
    return attrs.evolve(CONFIG, **{"answer": "true", "network": network, "paths": paths, **others})


class Stages(Clock):
    """Makes stages. It is the clock of their run as well, and stands still but for `jump`."""

    def __init__(self) -> None:
        self.now = START
        self.journal = Journal()
        self.made: list[Stage] = []
        self._nursery: trio.Nursery | None = None

    def start_clock(self) -> None:
        """It never runs."""

    def current_time(self) -> float:
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return 0.0 if deadline <= self.now else math.inf

    def jump(self, seconds: float) -> None:
        self.now += seconds

    async def __call__(
        self, *figures: PathFigures, users: Users | None = None, is_up: bool = True, **config: Any
    ) -> Stage:
        """A stage with these paths, of which the chooser knows if they are up; the rest is as in `make_config`."""
        figures = figures or ONE_PATH
        stage = Stage(self, await self._own_nursery(), figures, users, make_config(figures, **config))
        if is_up:
            stage.rank(*figures)
        self.made.append(stage)
        return stage

    async def _own_nursery(self) -> trio.Nursery:
        """It ends with the run."""
        if self._nursery is None:
            trio.lowlevel.spawn_system_task(self._host)
            await wait_all_tasks_blocked()
        assert self._nursery is not None
        return self._nursery

    async def _host(self) -> None:
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()


@contextlib.contextmanager
def open_stages() -> Iterator[Stages]:
    """For one run of trio, whose clock they are. Behind it, nothing may have raised inside a loop that was not to."""
    stages = Stages()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relay.log.event", stages.journal.event)
        patch.setattr("relay.engine.loop.LINGER", 0.0)  # time stands still: nothing comes by waiting
        yield stages
    for stage in stages.made:
        stage.sockets.close()
    if not any(stage.expects_failure for stage in stages.made):
        assert stages.journal.of("handler-failed") == []


def get(host: str = HOST, path: str = "/", head: str = "") -> bytes:
    """A plain request; *head* are more fields."""
    return f"GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""A whole answer, which leaves the origin's connection open."""
ANSWERED = (b"HTTP/1.1 200 OK", b"ok")


def socks5(host: str = HOST, port: int = 443) -> bytes:
    """Greeting and request at once."""
    return b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big")


def socks5_reply(code: int) -> bytes:
    """What is answered to both."""
    return bytes([5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0])


def connect(host: str = HOST, port: int = 443) -> bytes:
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def address(text: str) -> Address:
    """`127.0.0.1:80`."""
    host, _, port = text.rpartition(":")
    return Address(host, int(port))
