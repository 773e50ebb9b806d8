"""A bed whose lines carry datagrams as well, to exits that are echoes: real labels and keys, virtual time.

Between the ends stand no sockets: what an ingress puts out for a path arrives at its exit a delay later, unless the
line loses it. A line may lose datagrams while its carriers are well, and either way alone.
"""

import itertools
import random
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any

import attrs

from ingress.paths.datagram_flow import DatagramFlow
from ingress.paths.datagram_sockets import DatagramSockets
from ingress.paths.datagrams import Datagrams
from ingress.paths.dial import Opened
from ingress.paths.labeling import Labeling
from ingress.paths.live import LivePath
from relay.callbacks import ignore
from relay.carrier.datagram_link import DatagramLink
from relay.carrier.link import Link
from relay.datagram.end import DatagramEnd
from relay.datagram.window import ReplayWindow
from relay.model.walk import Path
from relay.wire import bodies
from relay.wire.codes import OF_DATAGRAMS, Cipher, Verdict
from relay.wire.datagrams import ACTIVE, ANSWER, COPY, DATA, DEAF, INNER, LABEL_SIZE, Heartbeat, forth, turned
from relay.wire.frames import Kind
from relay.wire.setup import Hello, Welcome
from tests.ingress.paths.far_node import FarNode
from tests.ingress.paths.fleet_bed import FleetBed
from tests.ingress.paths.virtual_lines import VirtualConnection, VirtualLine

TAG = b"\x12\x34\x56\x78"
TARGET = b"\x01\x09\x09\x09\x09\x00\x35"
POOR = 500
"""Bytes beyond which TCP that is poor loses nine of ten."""
Carry = Callable[[bytes], None]


@attrs.define(eq=False)
class Weather:
    """What becomes of datagrams on one line."""

    up: float = 0.0
    down: float = 0.0
    """Share that is lost each way."""
    extra: float = 0.0
    """Seconds that one in two takes longer."""
    most: int = 65_507
    """Bytes of the largest datagram that gets through."""
    policer: "Policer | None" = None


@attrs.define(eq=False)
class Policer:
    """Lets *rate* bytes a second pass each way, after a burst of *burst* bytes; what is more is lost."""

    rate: float
    burst: float
    left: dict[str, tuple[float, float]] = attrs.Factory(dict)

    def passes(self, size: int, way: str, now: float) -> bool:
        """Whether one of *size* bytes does."""
        left, at = self.left.get(way, (self.burst, now))
        left = min(left + (now - at) * self.rate, self.burst)
        self.left[way] = left - size if left >= size else left, now
        return left >= size


class FarCarrier:
    """A node's end of a carrier for datagrams."""

    def __init__(self, bed: "DatagramBed", node: str, connection: VirtualConnection) -> None:
        self.bed, self.node, self.connection = bed, node, connection
        self.link = DatagramLink(bed.loop, connection.far, self)

    def on_datagram(self, link: DatagramLink, data: bytes) -> None:
        if self.bed.is_tcp_poor and len(data) > POOR and self.bed.dice.random() < 0.9:
            return  # as what has waited for too long before it
        self.bed.far[self.node].receive(data, link.send)

    def on_pong(self, link: DatagramLink, name: int) -> None:
        """Nothing: a node does not ask."""

    def on_lost(self, link: DatagramLink, why: str) -> None:
        self.bed.carriers.remove(self)


class VirtualOut:
    """As an `UdpOut` for one path."""

    def __init__(self, bed: "DatagramBed", lines: tuple[VirtualLine, ...], node: FarNode) -> None:
        self.address = (lines[0].name, 0)
        self._bed, self._lines, self._node = bed, lines, node

    def put_all(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            self.put(part)

    def put(self, part: bytes) -> None:
        exit_ = self._bed.far[self._node.name]
        self._bed.carry(self._lines, part, "up", lambda data: exit_.receive(data, self._back))

    def _back(self, part: bytes) -> None:
        self._bed.carry(self._lines, part, "down", self._bed.arrive)


@attrs.define(eq=False)
class Label:
    """One end of a label at an exit."""

    end: DatagramEnd
    back: Carry
    active_at: float = float("-inf")
    patience: float = 0.0


@attrs.define(eq=False)
class EchoAssociation:
    """What an exit knows of one."""

    window: ReplayWindow = attrs.Factory(lambda: ReplayWindow(32))
    generation: int = -1
    primary: Label | None = None
    copied_on: dict[int, tuple[Label, float]] = attrs.Factory(dict)
    order: int = 0


class FarExit:
    """An exit whose targets send every datagram back."""

    def __init__(self, bed: "DatagramBed", node: FarNode) -> None:
        self.bed = bed
        self.labels: dict[bytes, Label] = {}
        self.associations: dict[int, EchoAssociation] = {}
        self.ended: list[int] = []
        self.payloads: list[bytes] = []
        """What reached the targets."""
        self.beats: list[tuple[float, bytes]] = []
        """Heartbeats, by moment and label."""
        self.silenced: set[int] = set()
        """Associations whose targets do not answer."""
        self.verdict = Verdict.TAKEN
        self.labels_said = 0
        node.on_datagram_notice = self.on_notice

    def on_notice(self, link: Link, kind: int, body: bytes) -> None:
        if kind == Kind.ASSOC_END:
            self.ended.append(bodies.parse_assoc_end(body))
            return
        name, epoch, cipher, relays, secret = bodies.parse_label(body)
        self.labels_said += 1
        label = self.labels.get(name)
        if label is None:
            end = DatagramEnd(name, is_ingress=False, relays=relays, now=self.bed.loop.now)
            label = self.labels[name] = Label(end, ignore)
        if label.end.knows(epoch) is None:
            label.end.open_epoch(epoch, Cipher(cipher), secret)
            label.end.seal_with(epoch)
        link.end.send(bodies.labeled(name, epoch, self.verdict))

    def receive(self, data: bytes, back: Carry) -> None:
        label, now = self.labels.get(data[:LABEL_SIZE]), self.bed.loop.now
        if label is None:
            return
        label.back = back
        found = label.end.receive(data, now)
        if isinstance(found, Heartbeat):
            self._answer(label, found, len(data), now)
        elif found is not None:
            self._echo(label, found, now)

    def _answer(self, label: Label, beat: Heartbeat, size: int, now: float) -> None:
        self.beats.append((now, label.end.label))
        if beat.flags & ACTIVE:
            label.active_at, label.patience = now, max(2.5 * beat.interval, 0.06)
        label.back(label.end.probe(now, Heartbeat(ANSWER, beat.interval, size=size)))

    def _echo(self, label: Label, inner: bytes, now: float) -> None:
        kind, generation = inner[0], inner[1]
        number, order = int.from_bytes(inner[2:6], "big"), inner[6:10]
        path = self.bed.datagrams._by_label.get(turned(label.end.label))
        if path is not None:
            self.bed.came_by.setdefault(path.live.name, set()).add(number)
        one = self.associations.setdefault(number, EchoAssociation())
        if kind & COPY:
            one.copied_on[id(label)] = label, now
        elif generation != one.generation:
            one.generation, one.primary = generation, label
        if not one.window.fresh(int.from_bytes(order, "big")):
            return
        self.payloads.append(inner[10 + len(TARGET) :])
        if number in self.silenced:
            return
        one.order += 1
        reply = bytes([kind & ~COPY, 0]) + inner[2:6] + one.order.to_bytes(4, "big") + inner[10:]
        copies = [to for to, at in one.copied_on.values() if now - at < 2.0 and to is not one.primary]
        for to in (*([one.primary] if one.primary is not None else []), *copies):
            to.back(to.end.seal(reply))

    def speak(self, number: int, payload: bytes) -> None:
        """The target says something of its own accord."""
        one = self.associations[number]
        one.order += 1
        inner = INNER.pack(DATA, 0, number, one.order) + TARGET + payload
        assert one.primary is not None
        one.primary.back(one.primary.end.seal(inner))

    def say_deaf(self) -> None:
        """As an exit does by itself on labels in use that are silent."""
        now = self.bed.loop.now
        active = [one for one in self.labels.values() if now - one.active_at < 1.0]
        silent = [one for one in active if now - one.end.heard_at > one.patience]
        for one in active if silent else ():
            flags = DEAF if one in silent else 0
            one.back(one.end.probe(now, Heartbeat(flags, deaf=tuple(each.end.label for each in silent))))


class Player:
    """A game: a datagram every 1/60 s, each with its number; and when each came back."""

    def __init__(self, bed: "DatagramBed", exit_: str = "us", within: str | None = None) -> None:
        self.bed = bed
        self.within = None if within is None else frozenset(within)
        """The paths that it may take; None for all."""
        self.flow: DatagramFlow | None = bed.datagrams.open(exit_, self, self.within)
        self.came: list[tuple[float, int]] = []
        self.sent = 0
        self.is_playing = self.is_pouring = True

    def on_replies(self, inners: Sequence[bytes], start: int) -> None:
        self.came += [(self.bed.loop.now, int(inner[start + len(TARGET) :])) for inner in inners]

    def on_gone(self, flow: DatagramFlow) -> None:
        self.flow = None

    def play(self) -> None:
        if self.is_playing:
            self.send()
            self.bed.loop.call_at(self.bed.loop.now + 1 / 60, self.play)

    def send(self) -> None:
        if self.flow is None:
            exits = sorted(self.bed.datagrams.exits(self.within))
            if not exits:
                return
            self.flow = self.bed.datagrams.open(exits[0], self, self.within)
        self.sent += 1
        self.flow.send(TARGET, [str(self.sent).encode()])

    def pour(self, pace: float, size: int) -> None:
        """As a download over QUIC, or WireGuard, that knows no mercy: so many datagrams of that size a second."""
        if self.is_pouring and self.flow is not None:
            self.sent += 1
            self.flow.send(TARGET, [str(self.sent).encode().ljust(size)])
            self.bed.loop.call_at(self.bed.loop.now + 1 / pace, lambda: self.pour(pace, size))

    def came_since(self, moment: float) -> int:
        """How many came back since then."""
        return sum(at >= moment for at, _ in self.came)

    def longest_gap(self, since: float) -> float:
        """Seconds, of those after *since*, in which nothing came."""
        times = [since, *(at for at, _ in self.came if at >= since)]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.came]


class DatagramBed(FleetBed):
    """A `FleetBed` in which every path carries datagrams."""

    TAG = TAG

    def __init__(self, *arguments: Any) -> None:
        self.weather: dict[str, Weather] = {}
        self.far: dict[str, FarExit] = {}
        self.takes: Verdict | None = Verdict.TAKEN
        """What relays say of labels."""
        self.features = OF_DATAGRAMS
        self.carriers: list[FarCarrier] = []
        self.is_tcp_poor = False
        """They carry next to nothing but what is small."""
        self.dice = random.Random(1)
        self.came_by: dict[str, set[int]] = {}
        """By path, the associations of which anything has come at an exit over it."""
        super().__init__(*arguments)
        self.patch.setattr(DatagramSockets, "out", lambda sockets, address, tag: self._out(address))
        self.patch.setattr("ingress.paths.datagram_carriers.open_carrier", self.open_datagram_carrier)
        self._look()

    @property
    def datagrams(self) -> Datagrams:
        return self.fleet.datagrams

    def _look(self) -> None:
        for one in self.far.values():
            one.say_deaf()
        self.loop.call_at(self.loop.now + 0.025, self._look)

    def _out(self, address: tuple[Any, ...] | None) -> VirtualOut | None:
        if address is None:
            return None
        path: Path = address[0]
        node = self.nodes[path.end]
        if node.name not in self.far:
            self.far[node.name] = FarExit(self, node)
        return VirtualOut(self, tuple(self.lines[hop.line.name] for hop in path.hops), node)

    async def open_carrier(
        self,
        path: Path,
        hello: Hello,
        context: ssl.SSLContext,
        base: FilePath,
        timeout: float,
        labeling: Labeling | None = None,
    ) -> Opened:
        opened = await super().open_carrier(path, hello, context, base, timeout)
        features = opened.welcome.features | self.features
        opened = attrs.evolve(opened, welcome=attrs.evolve(opened.welcome, features=features))
        if labeling is None:
            return opened
        takes = (self.takes,) * len(labeling.hop_keys)
        return attrs.evolve(opened, takes=takes, datagrams_to=(path,))

    async def open_datagram_carrier(self, path: Path, hello: Hello, context: ssl.SSLContext, base: FilePath) -> Opened:
        """As `ingress.paths.dial.open_carrier`, to an exit."""
        for hop in range(len(path.hops)):
            await self._pass(path, hop)
        lines = tuple(self.lines[hop.line.name] for hop in path.hops)
        connection = VirtualConnection(lines)
        self.connections.append(connection)
        self.carriers.append(FarCarrier(self, path.end, connection))
        welcome = Welcome(b"", 0, "", False, 2.0**33)
        return Opened(connection.near, welcome, {})

    # ---- datagrams on their way

    def carry(self, lines: tuple[VirtualLine, ...], part: bytes, way: str, arrive: Carry) -> None:
        """*part* takes its time along *lines*, or is lost."""
        at = self.loop.now
        for line in lines if way == "up" else reversed(lines):
            weather = self.weather.get(line.name, Weather())
            if len(part) > weather.most:
                return
            if weather.policer is not None and not weather.policer.passes(len(part), way, self.loop.now):
                return
            if line.is_held or self.dice.random() < getattr(weather, way):
                return
            at += line.delay + weather.extra * self.dice.randrange(2)
        self.loop.call_at(at, lambda: None if any(line.is_held for line in lines) else arrive(part))

    def arrive(self, part: bytes) -> None:
        """At the ingress."""
        self.datagrams.on_datagrams(memoryview(part), len(part), ("10.0.0.1", 1), b"")

    def spoil(self, line: str, up: float = 0.0, down: float = 0.0, extra: float = 0.0) -> None:
        """So is *line* for datagrams from now on."""
        self.weather[line] = Weather(up, down, extra)

    def route(self, exit_: str = "us") -> tuple[str | None, str | None]:
        """Primary and spare."""
        route = self.datagrams.ways[exit_].route
        return route.primary, route.spare

    def label_of(self, live: LivePath) -> bytes:
        """As it is towards the exit."""
        labeling = self.datagrams.labeling(live)
        assert labeling is not None
        return forth(labeling.label)
