"""A fleet over a made-up network: every carrier is real TLS between real sessions, over lines that a test breaks.

There is one loop, and no task runs it: the bed serves it, moves the bytes along the lines, lets the tasks take their
turn, and then jumps to the moment at which something happens next. So an hour passes in seconds, every figure is
exact, and nothing listens anywhere. What is made up is the way from a dial to a WELCOME (`FleetBed.open_carrier`; the
real one has tests of its own) and what the lines are like.
"""

import errno
import inspect
import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from pathlib import Path as FilePath
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ingress.choice.choice import Basis, Choice
from ingress.choice.demand import Demand
from ingress.measure.faults import OF_THE_NEXT_LINE, Asked, FaultKind, SetupFault, kind_of
from ingress.measure.health import PathState
from ingress.paths.dial import Opened, SetupFailed
from ingress.paths.fleet import Fleet
from ingress.paths.labeling import Labeling
from ingress.paths.live import LivePath, SetupOptions
from ingress.usage.usage import Usage
from relay import __version__
from relay.carrier.link import Link
from relay.engine import Loop
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import Hop, Path, Paths, find_paths
from relay.session.initiator import InitiatorStream
from relay.session.window import Memory
from relay.wire.codes import Purpose, Reason
from relay.wire.setup import Hello, Welcome
from tests.ingress.paths.far_node import INGRESS, MEMORY, FarNode, Held, Refusing
from tests.ingress.paths.virtual_lines import VirtualConnection, VirtualLine, contexts, socket_pair
from tests.relay.session.pair import RecordingSink

__all__ = ["INGRESS", "THREE_LINES", "TWO_PATHS", "Client", "FleetBed", "Lines", "with_bed"]

Lines = tuple[tuple[str, str, str], ...]
"""Name, start and end of each."""
TWO_PATHS: Lines = (("direct", INGRESS, "us"), ("ix", INGRESS, "jp"), ("pacific", "jp", "us"))
WALL = 1.8e9
"""Seconds since 1970: the hour 500,000."""
THREE_LINES: Lines = tuple((name, INGRESS, "us") for name in ("a", "b", "c"))


class FleetBed:
    """A fleet, its loop, and the network under it. *nursery* runs its tasks; `close` at the end, then cancel them."""

    TAG: bytes | None = None
    """Of the network, where there are datagrams."""

    def __init__(
        self,
        clock: MockClock,
        nursery: trio.Nursery,
        patch: pytest.MonkeyPatch,
        lines: Lines,
        exits: Iterable[str],
    ) -> None:
        self.clock = clock
        self.patch = patch
        self.events: list[tuple[str, dict[str, Any]]] = []
        """What was logged."""
        self.exits = frozenset(exits)
        self.loop = Loop()
        self.connections: list[VirtualConnection] = []
        self.dials: list[tuple[str, float]] = []
        """Set-ups by path, and when each began."""
        self.hellos: list[Hello] = []
        self.nodes: dict[str, FarNode] = {}
        self.lines: dict[str, VirtualLine] = {}
        self.memory = Memory(MEMORY)
        self.base = FilePath("/nonexistent")
        self._join_networks()
        network, self.found = self.describe(lines)
        self.options = SetupOptions(network, contexts()[0], self.base, self.TAG)
        self.usage = Usage(lambda: WALL)
        self.fleet = Fleet(self.loop, nursery, INGRESS, self.found, self.options, self.memory, self.usage)

    def _join_networks(self) -> None:
        """Where the fleet meets the real network it meets this one; its dice always fall alike."""
        patch = self.patch
        patch.setattr("relay.log.event", lambda name, /, **fields: self.events.append((name, fields)))
        patch.setattr("ingress.paths.live.open_carrier", self.open_carrier)
        patch.setattr("relay.dial.lines.dial_hop", self.dial_hop)
        patch.setattr("ingress.paths.live.random", random.Random(1))
        patch.setattr("relay.engine.loop.LINGER", 0.0)  # real time, in which nothing can come
        patch.setattr("relay.engine.sockopts._refused", {"TCP_NOTSENT_LOWAT"})  # these are no TCP connections

    # ---- the network

    def describe(self, lines: Lines) -> tuple[Network, Paths]:
        """The file that has *lines*; nodes and line are made as they are needed."""
        names = dict.fromkeys(node for _, start, end in lines for node in (start, end) if node != INGRESS)
        for name, _, _ in lines:
            self.lines.setdefault(name, VirtualLine(name))
        for name in names:
            self.nodes.setdefault(name, FarNode(self.loop, name))
        nodes = {name: Node(name, _address(name), (), exit=name in self.exits) for name in names}
        made = {name: Line(name, start, end, _address(end)) for name, start, end in lines}
        network = Network((INGRESS,), nodes, made)
        return network, find_paths(network, INGRESS)

    def replan(self, lines: Lines) -> None:
        """The file has *lines* from now on."""
        network, found = self.describe(lines)
        self.fleet.replan(network, found, contexts()[0], self.TAG)

    async def dial_hop(self, hop: Hop, base: FilePath, timeout: float) -> tuple[socket.socket, float]:
        """As `relay.dial.lines.dial_hop`, for the times that are shown."""
        line = self.lines[hop.line.name]
        if line.refuses:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        await trio.sleep(2 * line.delay)
        near, far = socket_pair()
        far.close()
        return near, 2 * line.delay

    async def open_carrier(
        self,
        path: Path,
        hello: Hello,
        context: ssl.SSLContext,
        base: FilePath,
        timeout: float,
        labeling: Labeling | None = None,
    ) -> Opened:
        """As `ingress.paths.dial.open_carrier`: a round trip over each line, then what the node says."""
        self.dials.append((path.name, self.loop.now))
        self.hellos.append(hello)
        lines = tuple(self.lines[hop.line.name] for hop in path.hops)
        with trio.move_on_after(timeout):
            for hop in range(len(lines)):
                await self._pass(path, hop)
            try:
                held = self.nodes[path.end].session_for(hello)
            except Refusing as no:
                raise _refused(path, len(lines) - 1, Asked.RESUME if hello.resume else Asked.HELLO, no) from None
            return self._join(lines, held, hello, path)
        text = f"no answer along {path.name} within {timeout:.1f} s"
        raise SetupFailed(SetupFault(FaultKind.SILENT, len(lines) - 1, text))

    async def _pass(self, path: Path, hop: int) -> None:
        """Over one line: the first is dialled by ourselves, any other by its start, if that does as it is asked."""
        line, start = self.lines[path.hops[hop].line.name], path.hops[hop].start
        if line.refuses and hop == 0:
            raise SetupFailed(SetupFault(FaultKind.REFUSED, hop, f"line {line.name}: refused"))
        no = self.nodes[start].refuses_transit if hop else None
        if line.refuses and no is None:
            no = Refusing(Reason.DIAL_REFUSED, f"{start} cannot dial {line.name}: refused")
        if no is not None:
            raise _refused(path, hop - 1, Asked.TRANSIT, no)
        if line.is_held:
            await trio.sleep_forever()
        if line.leads_to is not None:
            raise SetupFailed(SetupFault(FaultKind.WRONG_NODE, hop, f"{line.leads_to} is there", line.leads_to))
        await trio.sleep(2 * line.delay)

    def _join(self, lines: tuple[VirtualLine, ...], held: Held, hello: Hello, path: Path) -> Opened:
        connection = VirtualConnection(lines)
        self.connections.append(connection)
        is_bulk = hello.purpose is Purpose.BULK
        held.links.append(Link(self.loop, connection.far, held.session, held, INGRESS, is_bulk=is_bulk))
        network = self.fleet.network
        welcome = Welcome(network.digest_for(path.end), network.serial, __version__, False, 2.0**33)
        return Opened(connection.near, welcome, {line.name: 2 * line.delay for line in lines})

    def connection(self, link: Link | None) -> VirtualConnection:
        """What is below *link*."""
        assert link is not None
        return next(connection for connection in self.connections if connection.near.sock is link.tls.sock)

    def cut(self, line: str) -> None:
        """Every carrier over *line* is reset; the next may live."""
        for connection in self.connections:
            if self.lines[line] in connection.lines:
                connection.cut()

    def hold(self, line: str) -> None:
        """*line* is a black hole."""
        self.lines[line].is_held = True

    def release(self, line: str) -> None:
        """It is none any more; what was on its way arrives."""
        self.lines[line].is_held = False

    # ---- time

    async def run(self, seconds: float) -> None:
        """Let time pass, from one thing that happens to the next."""
        end = trio.current_time() + seconds
        await self._settle()
        while trio.current_time() < end:
            self._jump(min(self._next_moment(), end))
            await self._settle()

    async def until(self, condition: Callable[[], object], most: float = 30.0) -> None:
        """Let time pass until *condition* holds."""
        end = trio.current_time() + most
        await self._settle()
        while not condition():
            assert trio.current_time() < end, f"not within {most:g} s"
            self._jump(self._next_moment())
            await self._settle()

    def _jump(self, moment: float) -> None:
        self.clock.jump(max(moment - trio.current_time(), 1e-6))

    def _next_moment(self) -> float:
        tasks = trio.current_time() + trio.lowlevel.current_statistics().seconds_to_next_deadline
        return min(
            self.loop._timers.next_deadline(), tasks, *(connection.next_moment() for connection in self.connections)
        )

    async def _settle(self) -> None:
        """Serve, deliver and let the tasks run until nothing is left to do at this moment."""
        is_moving = True
        while is_moving:
            await wait_all_tasks_blocked()
            turns = self.loop.statistics().turns
            self.loop._serve()
            is_moving = self.loop.statistics().turns > turns + 1
            self.connections = [connection for connection in self.connections if connection.is_open]
            for connection in self.connections:
                is_moving |= connection.pump(trio.current_time())

    # ---- what a test does and sees

    @property
    def live(self) -> dict[str, LivePath]:
        """The paths and prefixes at work, by name."""
        return self.fleet.live

    async def up(self, *names: str) -> "FleetBed":
        """Once *names*, by default all, are up, and have been asked a few times."""
        wanted = names or tuple(self.live)
        await self.until(lambda: all(self.live[name].monitor.health.state is PathState.UP for name in wanted))
        await self.run(1.0)
        return self

    def choice(
        self, *names: str, legs: int = 1, host: str = "target.test", within: Iterable[str] | None = None
    ) -> Choice:
        """A stream to *host* over the paths *names*, as the choice would have said, that may take those *within*."""
        entries = [self.fleet.chooser.ranking.by_name[name] for name in names]
        paths = None if within is None else frozenset(within)
        return Choice(Demand(host, 443, legs=legs, paths=paths), entries[0], Basis.BEST, *entries[1:])

    def open(self, *names: str, legs: int = 1, within: Iterable[str] | None = None, falls: bool = False) -> "Client":
        """Open a stream over the paths *names*, *within* some; with *falls* it may take any if none of them works."""
        sink, choice = RecordingSink(), self.choice(*names, legs=legs, within=within)
        if falls:
            choice.demand.otherwise = Demand(choice.demand.host, choice.demand.port, legs=legs)
        stream = self.fleet.moving.open(choice, sink, self.loop.now)
        assert stream is not None
        sink.stream = stream
        return Client(self, stream, sink)

    def ridden(self) -> dict[str, int]:
        """Streams by path, where there are any."""
        return {name: live.streams for name, live in self.live.items() if live.streams}

    def logged(self, name: str) -> list[dict[str, Any]]:
        """The fields of the events called *name*."""
        return [fields for event, fields in self.events if event == name]

    def close(self) -> None:
        """Let go of every socket; the tasks are for the nursery to cancel."""
        self.loop.close()
        for connection in self.connections:
            connection.cut()
            connection.near.close()
            connection.far.close()


class Client:
    """A stream from both sides: what a client writes and gets, and what its target does."""

    def __init__(self, bed: FleetBed, stream: InitiatorStream, sink: RecordingSink) -> None:
        self.stream = stream
        self.sink = sink
        self._bed = bed
        self._token = next(
            peer.session.token for peer in bed.fleet.peers.values() if peer.session.streams.get(stream.id) is stream
        )

    @property
    def target(self) -> RecordingSink:
        """The other side, once the exit has opened it."""
        return next(
            node.sinks[self._token, self.stream.id]
            for node in self._bed.nodes.values()
            if (self._token, self.stream.id) in node.sinks
        )

    @property
    def paths(self) -> list[str]:
        """Where it rides."""
        return [leg.carrier.name for leg in self.stream.legs]

    @property
    def is_bulk(self) -> bool:
        """Whether it rides on a carrier for bulk."""
        return any(leg.carrier.is_bulk for leg in self.stream.legs)

    async def exchange(self, seconds: float = 0.5) -> None:
        """A word each way, which has arrived after *seconds*."""
        number = len(self.target.data) if self.is_open else 0
        self.stream.write(b"?" * 10)
        await self._bed.run(seconds)
        assert len(self.target.data) == number + 10
        back = len(self.sink.data)
        self.target.stream.write(b"!" * 10)
        await self._bed.run(seconds)
        assert len(self.sink.data) == back + 10

    @property
    def is_open(self) -> bool:
        """Whether the exit has opened it."""
        return any((self._token, self.stream.id) in node.sinks for node in self._bed.nodes.values())

    async def finish(self) -> None:
        """Both sides end, cleanly."""
        self.stream.finish()
        self.target.stream.finish()
        await self._bed.run(1.0)
        assert self.sink.fins == self.target.fins == 1


def _refused(path: Path, hop: int, asked: Asked, no: Refusing) -> SetupFailed:
    """What a refusal by the node behind *hop* is to the real `open_carrier`."""
    kind = kind_of(asked, no.reason)
    text, node = str(no), path.hops[hop].end
    return SetupFailed(SetupFault(kind, hop + (kind in OF_THE_NEXT_LINE), text, said_by=node))


def _address(name: str) -> Address:
    return Address(f"{name}.test", 48350)


def with_bed(
    lines: Lines = TWO_PATHS, exits: Iterable[str] = ("us",), kind: "type[FleetBed] | None" = None
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Run a test, which takes the bed first, in one with these *lines*. Its fixtures and drawn values come behind."""
    made = FleetBed if kind is None else kind

    def decorate(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        signature = inspect.signature(test)
        drawn = signature.replace(parameters=list(signature.parameters.values())[1:])

        async def run(clock: MockClock, patch: pytest.MonkeyPatch, values: dict[str, object]) -> None:
            async with trio.open_nursery() as nursery:
                bed = made(clock, nursery, patch, lines, exits)
                try:
                    await test(bed, **values)
                finally:
                    bed.close()
                nursery.cancel_scope.cancel()

        @wraps(test)
        def wrapper(*args: object, **values: object) -> None:
            clock, given = MockClock(), drawn.bind(*args, **values).arguments
            with pytest.MonkeyPatch.context() as patch:
                try:
                    trio.run(run, clock, patch, given, clock=clock)
                except BaseExceptionGroup as group:
                    if len(group.exceptions) > 1:
                        raise
                    raise group.exceptions[0] from None  # the test's own failure, as pytest and hypothesis know it

        wrapper.__signature__ = drawn  # type: ignore[attr-defined]
        return wrapper

    return decorate
