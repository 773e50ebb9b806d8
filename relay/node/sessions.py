"""The end of carriers at a node: sessions by token, and at an exit the targets of their streams.

A session belongs to the ingress whose certificate began it; any other is refused, and so is the resumption of one that
is not known here. Carriers that were silent for SILENCE are closed: the ingress pings every one of them. What one
ingress may have here is bounded, so that a stolen key of one costs the others nothing.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Container, Iterator
from functools import partial

import attrs

from relay import log
from relay.carrier.link import Link, SessionClock
from relay.engine import Loop
from relay.engine.secured import Secured
from relay.exit.targets import Targets
from relay.model.cause import Cause
from relay.model.vitals import ConnectedIngress
from relay.node.accounts import Accounts
from relay.node.datagrams import NodeDatagrams, SessionDatagrams
from relay.node.dials import Dials
from relay.node.line_use import Carried, LineUses
from relay.session.acceptor import Acceptor, AcceptorStream
from relay.session.sink import CLOSED, Sink
from relay.session.stream import Stream
from relay.wire import bodies
from relay.wire.codes import Purpose, Reason
from relay.wire.frames import Kind, frame
from relay.wire.setup import Hello

SILENCE = 10.0
"""Seconds without a byte after which a node drops a carrier. The ingress pings every 5 s at least."""
SWEEP = 1.0
"""Seconds between looks at silent carriers and expired sessions."""

MOST_SESSIONS = 16
"""Sessions of one ingress at once. Each of its processes has one, and one that was killed leaves one for 60 s."""
MOST_CARRIERS = 2 * 64 * 17
"""Carriers of one ingress at once, that end here or that are passed on: 64 paths with 16 for bulk beside the shared
one, twice, since those of a process that was killed may still seem to live."""
SHARE = 0.75
"""Of the streams that a node may have, for one ingress while another has a session here."""


class RefusedError(Exception):
    """A set-up message asks for what this node will not do."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@attrs.frozen
class SessionsStatistics:
    """What was done against ingresses, since the start."""

    refused: int
    """Streams that would have been too many."""
    evicted: int
    """Sessions without a carrier that made room for newer ones of their ingress."""
    broken: int
    """Carriers that were closed because something on them broke the protocol."""
    unread: int
    """Carriers that were closed because nobody read what was answered on them."""


OnTime = Callable[[Link, int, str, int], None]


@attrs.define(eq=False)
class HeldSession:
    """A session and what the node keeps beside it: its clock, and its links, whose owner it is."""

    session: Acceptor
    clock: SessionClock
    on_time: OnTime
    """Asked to time a connect (link, number of the question, host, port), and to answer TIMED on that link."""
    uses: LineUses
    on_broken: Callable[[], None]
    """Told of a carrier on which the protocol was broken."""
    links: dict[Link, str] = attrs.Factory(dict)
    """Those that are up, and the line by which each came."""
    datagrams: SessionDatagrams = attrs.field(init=False)

    def take_datagrams(self, node: NodeDatagrams, loop: Loop) -> None:
        """Datagrams of this session are carried by *node*; called once, before anything comes."""
        self.datagrams = SessionDatagrams(node, self.session.owner, self.tell, loop)

    def on_pong(self, link: Link, number: int) -> None:
        """Nothing: a node does not ping, and the session refuses what it did not ask for."""

    def on_notice(self, link: Link, kind: int, body: bytes) -> None:
        """The ingress asks how long a connect takes, or speaks of datagrams."""
        match kind:
            case Kind.TIME:
                self.on_time(link, *bodies.parse_time(body))
            case Kind.LABEL:
                link.end.send(self.datagrams.on_label(body))
            case Kind.ASSOC_END:
                self.datagrams.on_assoc_end(body)

    def tell(self, whole: bytes) -> None:
        """Send a frame by any carrier; without one nobody hears it."""
        if self.links:
            next(iter(self.links)).end.send(whole)

    def on_lost(self, link: Link, detached: list[Stream], why: str) -> None:
        """*link* is gone; its streams wait for another."""
        if link.is_broken:
            self.on_broken()
        self.uses.ended(_carried(link, self.links.pop(link, "")))
        token = self.session.token.hex()[:8]
        log.event(
            "carrier-lost",
            about=self.session.owner,
            session=token,
            carrier=link.end.number,
            streams_detached=len(detached),
            why=why,
        )


def _carried(link: Link, via: str) -> Carried:
    return Carried(via, link.end.bytes_in, link.end.bytes_out, link.tls.sent())


class Sessions:
    """All sessions of this node. *targets* is None at a node that is no exit."""

    def __init__(
        self,
        loop: Loop,
        memory: int,
        targets: Targets | None,
        most_streams: int,
        datagrams: NodeDatagrams | None = None,
    ) -> None:
        """*memory*: bytes that all streams may hold together. Beyond *most_streams* none is opened. *datagrams* are the
        node's; without them none are carried."""
        self.datagrams = datagrams or NodeDatagrams(loop)
        self._loop = loop
        self.accounts = Accounts(memory)
        self._targets = targets
        self._most_streams = most_streams
        self._held: dict[bytes, HeldSession] = {}
        self._dials = None if targets is None else Dials(loop, targets)
        self.is_draining = False
        self.uses = LineUses()
        """Of carriers that end here; whoever passes others on counts them here too."""
        self._refused = self._evicted = self._broken = self._unread = 0
        loop.call_at(loop.now + SWEEP, self._sweep)

    def statistics(self) -> SessionsStatistics:
        """Counts since the start."""
        broken = self._broken + self.datagrams.carriers.broken
        return SessionsStatistics(self._refused, self._evicted, broken, self._unread)

    @property
    def failures(self) -> Counter[Cause]:
        """Targets that were not reached, by cause."""
        return Counter() if self._dials is None else self._dials.failures

    @property
    def dial_shortages(self) -> int:
        """Targets that were not dialled, because descriptors were short."""
        return 0 if self._targets is None else self._targets.statistics().shortages

    @property
    def streams(self) -> int:
        """Streams that are open here."""
        return sum(len(held.session.streams) for held in self._held.values())

    @property
    def carriers(self) -> int:
        """Carriers that end here."""
        return sum(len(held.links) for held in self._held.values())

    @property
    def count(self) -> int:
        """Sessions that live here, with or without a carrier."""
        return len(self._held)

    def connected(self) -> list[ConnectedIngress]:
        """What each ingress has here."""
        found: dict[str, ConnectedIngress] = {}
        for held in self._held.values():
            owner, session = held.session.owner, held.session
            known = found.get(owner, ConnectedIngress(owner))
            found[owner] = attrs.evolve(
                known,
                sessions=known.sessions + 1,
                carriers=known.carriers + len(held.links),
                streams=known.streams + len(session.streams),
            )
        return list(found.values())

    def carried(self) -> Iterator[Carried]:
        """Every carrier that ends here."""
        for held in self._held.values():
            for link, via in held.links.items():
                yield _carried(link, via)

    def all_streams(self) -> Iterator[Stream]:
        """Every stream of every session."""
        for held in self._held.values():
            yield from held.session.streams.values()

    # ---- carriers

    def session_for(self, hello: Hello, owner: str) -> Acceptor:
        """The session that *hello* belongs to, begun if it is new.

        Raises:
            RefusedError: it is somebody else's, or not known although it should be.
        """
        held = self._find(hello.token)
        if held is not None and held.session.owner != owner:
            raise RefusedError(Reason.UNKNOWN_SESSION, "this session belongs to another ingress")
        if held is None and hello.resume:
            raise RefusedError(Reason.UNKNOWN_SESSION, "this session is not known here (restarted, or expired)")
        if sum(len(one.links) for one in self._of(owner)) >= MOST_CARRIERS:
            raise RefusedError(Reason.LIMIT, f"{owner} has {MOST_CARRIERS} carriers here already")
        if held is None:
            self._make_room(owner)
            session = self._begin(hello.token, owner)
            clock = SessionClock(self._loop, session)
            held = self._held[hello.token] = HeldSession(session, clock, self._time, self.uses, self._note_broken)
            held.take_datagrams(self.datagrams, self._loop)
        return held.session

    def _of(self, owner: str) -> list[HeldSession]:
        """What the ingress *owner* has here, oldest first."""
        return [held for held in self._held.values() if held.session.owner == owner]

    def _make_room(self, owner: str) -> None:
        """For one more session of *owner*: the oldest that has no carrier goes.

        Raises:
            RefusedError: it has too many, and all are alive.
        """
        own = self._of(owner)
        if len(own) < MOST_SESSIONS:
            return
        bare = next((held for held in own if not held.links), None)
        if bare is None:
            raise RefusedError(Reason.LIMIT, f"{owner} has {MOST_SESSIONS} sessions here already")
        self._evicted += 1
        self._end(bare, Cause.SESSION_EXPIRED)

    def _begin(self, token: bytes, owner: str) -> Acceptor:
        return Acceptor(
            token,
            owner,
            self.accounts.of(owner),
            self._loop.now,
            self._open,
            partial(self._has_room, owner),
            self._waits_for,
        )

    def _has_room(self, owner: str) -> bool:
        """Whether the ingress *owner* may open one more stream."""
        own = others = 0
        most: float = self._most_streams
        for held in self._held.values():
            session = held.session
            if session.owner == owner:
                own += len(session.streams)
            else:
                others += len(session.streams)
                most = min(most, SHARE * self._most_streams)
        if own + others < self._most_streams and own < most:
            return True
        self._refused += 1
        return False

    def adopt(self, tls: Secured, session: Acceptor, hello: Hello) -> None:
        """*tls*, on which *hello* was said, carries *session* from now on.

        Raises:
            RefusedError: the session ended while its carrier was set up; *tls* is still the caller's.
        """
        held = self._held.get(session.token)
        if held is None or held.session is not session:
            raise RefusedError(Reason.UNKNOWN_SESSION, "this session has ended meanwhile")
        session.go_by(hello.features)
        link = Link(self._loop, tls, session, held, session.owner, is_bulk=hello.purpose is Purpose.BULK)
        held.links[link] = hello.via
        token, number = session.token.hex()[:8], link.end.number
        owner = session.owner
        log.event("carrier-up", about=owner, session=token, carrier=number, ingress=owner, via=hello.via)
        if self.is_draining:
            link.end.send(frame(Kind.GOAWAY))

    def say_goaway(self) -> None:
        """Tell every ingress, on every carrier, that this node is about to stop."""
        for held in self._held.values():
            for link in held.links:
                link.end.send(frame(Kind.GOAWAY))

    def tell_status(self, whole: bytes) -> None:
        """Tell every ingress, once, what STATUS says of this node; *whole* is the frame."""
        for held in self._held.values():
            if held.links:
                next(iter(held.links)).end.send(whole)

    def expel(self, ingresses: Container[str]) -> None:
        """End the sessions of all but *ingresses*: their owners are no longer in the file."""
        for held in list(self._held.values()):
            if held.session.owner not in ingresses:
                for link in list(held.links):
                    link.close("its ingress is no longer in the file")
                self._end(held, Cause.SESSION_EXPIRED)

    def _note_broken(self) -> None:
        self._broken += 1

    def _find(self, token: bytes) -> HeldSession | None:
        for known, held in self._held.items():
            if hmac.compare_digest(known, token):
                return held
        return None

    def _end(self, held: HeldSession, cause: Cause) -> None:
        held.session.close(cause)
        held.datagrams.close()
        held.clock.stop()
        del self._held[held.session.token]
        self.accounts.keep(other.session.owner for other in self._held.values())

    def _sweep(self) -> None:
        now = self._loop.now
        self._loop.call_at(now + SWEEP, self._sweep)
        log.tell_left_out()
        self.datagrams.carriers.sweep(SILENCE)
        for held in list(self._held.values()):
            for link in [link for link in held.links if now - link.end.heard_at > SILENCE]:
                self._unread += link.is_full
                what = "read nothing of its answers" if link.is_full else "silent"
                link.close(f"{what} for {SILENCE:g} s")
            if held.session.has_expired(now):
                self._end(held, Cause.SESSION_EXPIRED)

    # ---- streams

    def _open(self, stream: AcceptorStream, host: str, port: int) -> Sink:
        if self._dials is not None and not self.is_draining:
            return self._dials.begin(stream, host, port)
        stream.reset(Cause.DRAINING if self.is_draining else Cause.POLICY)
        return CLOSED

    def _waits_for(self, sink: Sink) -> Cause:
        return Cause.CONNECT_TIMEOUT if self._dials is None else self._dials.waits_for(sink)

    def _time(self, link: Link, number: int, host: str, port: int) -> None:
        """Time a connect for the ingress's choice."""

        def answer(outcome: float | Cause) -> None:
            if not link.end.is_lost:
                took, code = (0.0, int(outcome)) if isinstance(outcome, Cause) else (outcome, 0)
                link.end.send(bodies.timed(number, took, code))

        if self._targets is None:
            answer(Cause.POLICY)
        else:
            self._targets.connect_time(host, port, answer)

    # ---- the end

    def end_streams(self, cause: Cause) -> None:
        """Reset every stream, at both ends, and say of every association that it ends."""
        for held in self._held.values():
            held.datagrams.announce_end(cause)
        for stream in list(self.all_streams()):
            if not stream.is_over:
                stream.sink.on_reset(cause)
                stream.abort(cause)
