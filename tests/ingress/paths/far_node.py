"""Nodes where the carriers of a test bed end: real sessions of an exit, whose targets write down what they get."""

from collections.abc import Callable

import attrs

from relay.callbacks import ignore
from relay.carrier.link import Link, SessionClock
from relay.engine import Loop
from relay.session.acceptor import Acceptor, AcceptorStream
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.codes import Purpose, Reason
from relay.wire.frames import Kind, frame
from relay.wire.setup import Hello
from tests.relay.session.pair import RecordingSink

INGRESS = "shanghai"
MEMORY = 1 << 26


class Refusing(Exception):
    """A node will not: its reason, and its words."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@attrs.define(eq=False)
class Held:
    """A session at a node: the owner of its links."""

    node: "FarNode"
    session: Acceptor
    clock: SessionClock
    links: list[Link] = attrs.Factory(list)

    def on_pong(self, link: Link, number: int) -> None:
        """Nothing: a node does not ping."""

    def on_notice(self, link: Link, kind: int, body: bytes) -> None:
        """A TIME question: the node's answer, if it has one. What concerns datagrams is its exit's."""
        if kind != Kind.TIME:
            self.node.on_datagram_notice(link, kind, body)
            return
        number, host, port = bodies.parse_time(body)
        self.node.asked.append((host, port))
        if self.node.connect_time is not None:
            link.end.send(bodies.timed(number, *self.node.connect_time))

    def on_lost(self, link: Link, detached: list[Stream], why: str) -> None:
        """As a node does: its streams wait for another."""
        self.links.remove(link)


class FarNode:
    """A node where carriers end: real sessions, whose targets write down what they get."""

    def __init__(self, loop: Loop, name: str) -> None:
        self.name = name
        self.refusal: tuple[Reason, str] | None = None
        """What it answers to every HELLO, if it lets nobody in."""
        self.refuses_transit: Refusing | None = None
        """What it answers to every TRANSIT, if it passes nothing on."""
        self.refuses_bulk = False
        self.asked: list[tuple[str, int]] = []
        """Targets that it was asked to time a connect to."""
        self.on_datagram_notice: Callable[[Link, int, bytes], None] = ignore
        """Takes LABEL and ASSOC_END."""
        self.connect_time: tuple[float, int] | None = (0.01, 0)
        """Seconds and cause that it answers; None if it never does."""
        self.held: dict[bytes, Held] = {}
        self.sinks: dict[tuple[bytes, int], RecordingSink] = {}
        """By session and stream: what arrived at the target."""
        self._loop = loop

    def session_for(self, hello: Hello) -> Held:
        """The session that *hello* names, begun if it is new."""
        if self.refusal is not None:
            raise Refusing(*self.refusal)
        if self.refuses_bulk and hello.purpose is Purpose.BULK:
            raise Refusing(Reason.LIMIT, f"{self.name} has no room")
        held = self.held.get(hello.token)
        if held is None:
            if hello.resume:
                raise Refusing(Reason.UNKNOWN_SESSION, f"{self.name} does not know this session")
            session = Acceptor(
                hello.token, INGRESS, Memory(MEMORY), self._loop.now, self._begin(hello.token), lambda: True
            )
            held = self.held[hello.token] = Held(self, session, SessionClock(self._loop, session))
        return held

    def _begin(self, token: bytes) -> Callable[[AcceptorStream, str, int], RecordingSink]:
        def on_open(stream: AcceptorStream, host: str, port: int) -> RecordingSink:
            assert (token, stream.id) not in self.sinks, "a stream was opened twice"
            sink = self.sinks[token, stream.id] = RecordingSink()
            sink.stream = stream
            stream.connected(0.01, self._loop.now)
            return sink

        return on_open

    @property
    def links(self) -> list[Link]:
        """All carriers that end here."""
        return [link for held in self.held.values() for link in held.links]

    def say(self, words: bytes) -> None:
        """Tell every ingress something, on every carrier."""
        for link in self.links:
            link.end.send(words)

    def drain(self) -> None:
        """It is about to stop: it says so, and lets nobody in."""
        self.say(frame(Kind.GOAWAY))
        self.refusal = Reason.DRAINING, f"{self.name} is shutting down"
        self.refuses_transit = Refusing(*self.refusal)

    def restart(self) -> None:
        """Another process, which knows of nothing."""
        for held in self.held.values():
            for link in list(held.links):
                link.close("gone")
            held.clock.stop()
        self.held.clear()
        self.refusal = self.refuses_transit = None
