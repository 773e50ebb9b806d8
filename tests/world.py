"""A whole network in one process: nodes and an ingress as their own commands run them, over real sockets and real TLS.

Every line is a Wire, which can hold, cut and refuse. What is logged is kept in a Journal, with who logged it.
"""

import contextlib
import contextvars
import datetime
import ipaddress
import itertools
import random
import socket
import struct
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from ingress.choice.entry import Tier
from ingress.demo.ports import PORTS, is_free
from ingress.keys import make_keys
from ingress.serve import serve as ingress_serve
from ingress.serve.running import Running
from relay.node.node import RelayNode
from relay.serve import serve as relay_serve
from tests.wires import Wire, Wires

INGRESS = "shanghai"
NAME = "target.test"
"""A name that exits know, and that means 127.0.0.1."""
PATIENCE = 60.0
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="test")
Line = tuple[str, str, str]
DIRECT: tuple[Line, ...] = (("direct", INGRESS, "us"),)
TWO_PATHS: tuple[Line, ...] = (*DIRECT, ("ix", INGRESS, "jp"), ("pacific", "jp", "us"))
TWO_EXITS: tuple[Line, ...] = (*DIRECT, ("other", INGRESS, "eu"))


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now."""
    candidates = iter(random.sample(PORTS, 500))
    return list(itertools.islice((port for port in candidates if is_free(port)), count))


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds; it is looked at whenever the other tasks have had their turn."""
    with trio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - conditions of every kind
            await trio.sleep(0.002)


class Journal:
    """What was logged: who, event, fields."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, dict[str, Any]]] = []

    def event(self, name: str, /, **fields: Any) -> None:
        self.entries.append((WHO.get(), name, fields))

    def of(self, name: str, who: str | None = None, /, **wanted: object) -> list[dict[str, Any]]:
        """The fields of the events called *name*, by *who*, that have all of *wanted*."""
        return [
            fields
            for logger, event, fields in self.entries
            if event == name and who in (None, logger) and wanted.items() <= fields.items()
        ]

    async def until(self, name: str, who: str | None = None, /, **wanted: object) -> dict[str, Any]:
        """The first such event, once there is one."""
        try:
            await until(lambda: self.of(name, who, **wanted))
        except trio.TooSlowError:
            raise AssertionError(f"no {name} by {who} with {wanted} in {self.entries}") from None
        return self.of(name, who, **wanted)[0]


class Target:
    """A server behind the exits; a test takes its connections one by one."""

    def __init__(self) -> None:
        self._listener = _listener()
        self.port: int = self._listener.getsockname()[1]
        self.dialled = 0
        self._open = contextlib.ExitStack()
        self._send, self._accepted = trio.open_memory_channel[trio.SocketStream](10_000)

    async def run(self) -> None:
        with self._listener:
            try:
                while True:
                    sock, _ = await self._listener.accept()
                    self.dialled += 1
                    self._send.send_nowait(trio.SocketStream(self._open.enter_context(sock)))
            finally:
                self.close_accepted()

    def close_accepted(self) -> bool:
        """Close all connections there were. Returns True, so that a condition may begin with it."""
        self._open.close()
        return True

    async def accept(self) -> trio.SocketStream:
        with trio.fail_after(PATIENCE):
            while (stream := await self._accepted.receive()).socket.fileno() < 0:
                pass
            return stream


@attrs.define
class Process:
    """One node or ingress that runs."""

    scope: trio.CancelScope = attrs.Factory(trio.CancelScope)
    ended: trio.Event = attrs.Factory(trio.Event)
    signals: trio.MemorySendChannel[int] | None = None


class World:
    """One network. `nodes` and `wires` by name; `running` is the ingress once it was started."""

    def __init__(
        self,
        folder: Path,
        nursery: trio.Nursery,
        journal: Journal,
        lines: Sequence[Line] = DIRECT,
        exits: Sequence[str] = ("us", "eu"),
        answer: str = "true",
        extra: str = "",
        *,
        is_wired: bool = True,
        doors: str = "",
    ) -> None:
        """Not *is_wired*, lines lead straight to their nodes, and a dial is refused where nobody listens. *doors* are
        more keys of the ingress."""
        self.folder, self.nursery, self.journal = folder, nursery, journal
        self.lines, self.exits, self.answer, self.extra = tuple(lines), tuple(exits), answer, extra
        self.is_wired, self.doors = is_wired, doors
        self.names = tuple(dict.fromkeys(end for _, *ends in lines for end in ends if end != INGRESS))
        self.ports = dict(zip((*self.names, INGRESS), free_ports(len(self.names) + 1), strict=True))
        self._wires = Wires()
        self.wires = {name: self._wires.open(self.ports[end]) for name, _, end in lines}
        self.target = Target()
        self.nodes: dict[str, RelayNode] = {}
        self.processes: dict[str, Process] = {}
        self.running: Running
        self.clients = contextlib.ExitStack()
        """Closes what clients leave open."""
        nursery.start_soon(self._wires.run)
        nursery.start_soon(self.target.run)
        (folder / "hosts").write_text(f"127.0.0.1 {NAME}\n")
        self.make_keys()
        self.write()

    # files

    @property
    def config(self) -> Path:
        return self.folder / "paths.toml"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    def make_keys(self, renew: str | None = None) -> None:
        make_keys(self.keys, [INGRESS], self.names, datetime.datetime.now(datetime.UTC), renew)

    def write(self, text: str | None = None, file: str = "paths.toml") -> Path:
        """Write the network file, or *text* in its place."""
        (self.folder / file).write_text(self.text() if text is None else text)
        return self.folder / file

    def rewire(self, name: str, port: int) -> Wire:
        """Lead the line *name* to *port*, by another address; whoever has read the file already knows the old one."""
        self.wires[name] = self._wires.open(port)
        self.write()
        return self.wires[name]

    def text(self, lines: Sequence[Line] | None = None) -> str:
        """What paths.toml says."""
        nodes = [self._node(name) for name in self.names]
        found = [self._line(line) for line in (self.lines if lines is None else lines)]
        me = f'[ingress.{INGRESS}]\nlisten = "127.0.0.1:{self.ports[INGRESS]}"\nanswer = "{self.answer}"\n{self.doors}'
        return "\n\n".join(["version = 1", me, *nodes, *found, self.extra]) + "\n"

    def _node(self, name: str) -> str:
        address = f"127.0.0.1:{self.ports[name]}"
        allow = '\nexit = true\nhosts = "hosts"\nallow = [{ cidr = "127.0.0.0/8", reason = "the tests\' targets" }]'
        return f'[node.{name}]\naddress = "{address}"\nlisten = "{address}"' + (allow if name in self.exits else "")

    def _line(self, line: Line) -> str:
        name, start, end = line
        address = f'\naddress = "127.0.0.1:{self.wires[name].address}"' if self.is_wired else ""
        return f'[line.{name}]\nfrom = "{start}"\nto = "{end}"' + address

    def options(self, name: str, **others: object) -> Namespace:
        """What the command line would say."""
        usual = {"config": self.config, "keys": self.keys, "admin": str(self.folder / f"{name}.sock")}
        return Namespace(**{**usual, "node": name, "name": None, "log_format": None, "log_level": "info", **others})

    # processes

    async def start(self, *names: str, **others: object) -> "World":
        """Start these, or all; the ingress last."""
        for name in names or (*self.names, INGRESS):
            await self.nursery.start(self._run, name, others)
        return self

    async def _run(
        self, name: str, others: dict[str, object], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        WHO.set(name)
        process = self.processes[name] = Process()
        process.signals, signals = trio.open_memory_channel[int](8)
        try:
            with process.scope:
                await self._serve(name, self.options(name, **others), signals, task_status)
        finally:
            process.ended.set()

    async def _serve(
        self, name: str, options: Namespace, signals: AsyncIterator[int], task_status: trio.TaskStatus[None]
    ) -> None:
        async with trio.open_nursery() as nursery:
            if name == INGRESS:
                self.running = await nursery.start(ingress_serve.serve, options, signals)
            else:
                self.nodes[name] = await nursery.start(relay_serve.serve, options, signals)
            task_status.started()

    def signal(self, name: str, number: int) -> None:
        """What `kill -NUMBER` would do."""
        sender = self.processes[name].signals
        assert sender is not None
        sender.send_nowait(number)

    async def kill(self, name: str) -> None:
        """End it without a word."""
        self.processes[name].scope.cancel()
        await self.ended(name)

    async def ended(self, name: str) -> None:
        with trio.fail_after(PATIENCE):
            await self.processes[name].ended.wait()

    # what the ingress says

    def word(self, path: str) -> str:
        """The state of *path*."""
        return self.running.fleet.live[path].monitor.health.word

    async def up(self, *paths: str) -> None:
        """Until these paths and prefixes, or all, are up, and new streams know it."""
        fleet = self.running.fleet
        await until(lambda: all(self.word(path) == "up" for path in paths or fleet.live))
        await until(
            lambda: all(entry.tier == Tier.UP for entry in fleet.chooser.ranking.order if self.word(entry.name) == "up")
        )

    # clients

    async def client(self, buffer: int | None = None) -> trio.SocketStream:
        """A connection to the ingress, which may have a small receive buffer."""
        sock = self.clients.enter_context(trio.socket.socket())
        if buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await sock.connect(("127.0.0.1", self.ports[INGRESS]))
        return trio.SocketStream(sock)

    async def ask(self, host: str = NAME, port: int | None = None) -> trio.SocketStream:
        """A connection on which a SOCKS5 request has been sent, and not answered yet."""
        stream = await self.client()
        port = self.target.port if port is None else port
        try:
            where = b"\x01" + ipaddress.IPv4Address(host).packed
        except ValueError:
            where = bytes([3, len(host)]) + host.encode()
        await stream.send_all(b"\x05\x01\x00\x05\x01\x00" + where + port.to_bytes(2, "big"))
        return stream

    async def connect(self, host: str = NAME, port: int | None = None) -> trio.SocketStream:
        """A connection that the ingress has answered with success."""
        stream = await self.ask(host, port)
        assert (await reply(stream)) == 0
        return stream

    async def pair(self) -> tuple[trio.SocketStream, trio.SocketStream]:
        """A client, and the target's end of its connection."""
        return await self.connect(), await self.target.accept()


async def reply(stream: trio.SocketStream) -> int:
    """The code of a SOCKS5 reply; the answer to the greeting comes first."""
    return (await read(stream, 12))[3]


async def read(stream: trio.SocketStream, count: int) -> bytes:
    """Exactly *count* bytes."""
    data = b""
    with trio.fail_after(PATIENCE):
        while len(data) < count:
            more = await stream.receive_some(count - len(data))
            assert more, f"only {len(data)} of {count} bytes: {data!r}"
            data += more
    return data


async def read_all(stream: trio.SocketStream) -> bytes:
    """Everything until FIN."""
    data = bytearray()
    with trio.fail_after(PATIENCE):
        async for more in stream:
            data += more
    return bytes(data)


async def is_reset(stream: trio.SocketStream) -> bool:
    """Whether what comes ends with a RST, and not with a FIN."""
    try:
        await read_all(stream)
    except trio.BrokenResourceError:
        return True
    return False


def _listener() -> trio.socket.SocketType:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    return trio.socket.from_stdlib_socket(listener)


def abort(end: trio.SocketStream) -> None:
    """Close with a RST."""
    if end.socket.fileno() >= 0:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.socket.close()


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """What is logged during the test."""
    kept = Journal()
    monkeypatch.setattr("relay.log.event", kept.event)
    return kept


@pytest.fixture
async def make_world(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., World]]:
    """Makes networks, which end with the test."""
    for serve in ("relay.serve.serve", "ingress.serve.serve"):
        monkeypatch.setattr(f"{serve}.LAST_WORDS", 0.02)
        monkeypatch.setattr(f"{serve}.LOOK_AGAIN", 0.01)
    monkeypatch.setattr("os.fsync", lambda _: None)  # keys are made for every test: a tenth of a second each
    monkeypatch.setattr("relay.node.sessions.SWEEP", 0.05)
    monkeypatch.setattr("relay.node.dials.LOOK", 0.05)
    monkeypatch.setattr("ingress.paths.fleet.ROUND", 0.05)
    monkeypatch.setattr("relay.engine.loop.LINGER", 0.0)  # several loops share this thread
    made: list[World] = []

    def make(*args: Any, **others: Any) -> World:
        made.append(World(tmp_path, nursery, journal, *args, **others))
        return made[-1]

    async with trio.open_nursery() as nursery:
        yield make
        nursery.cancel_scope.cancel()
    for world in made:
        world.clients.close()
