"""Two ends of one session wired back to back under virtual time, with a network between them that a test can script.

Each carrier is two byte queues. What TCP does to a carrier can be done here by single calls: deliver in part, hold
back (a black hole is a hold that never ends: TCP loses nothing while it lives), kill, at one end first and at the
other later. The pair drives both ends strictly as a shell would: it pulls only after `on_ready`, until nothing comes,
and keeps one timer for each end, armed when `on_deadline_changed` says so.
"""

from collections.abc import Iterable
from functools import partial
from itertools import count

from relay.model.cause import Cause
from relay.session.acceptor import Acceptor, AcceptorStream
from relay.session.carrier import CarrierEnd
from relay.session.initiator import Initiator, InitiatorStream
from relay.session.session import Session
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire.codes import Feature

INGRESS, EXIT = 0, 1
"""The ends, and the directions: `queues[EXIT]` holds the bytes on their way to the exit."""
PLENTY = 1 << 30
ENDLESS = 1 << 26
"""No test has so many bytes under way at once."""
TOKEN = bytes(range(16))


class RecordingSink:
    """What a stream delivered at one end. Bytes are consumed at once unless `is_holding`."""

    def __init__(self) -> None:
        self.stream: Stream
        self.data = bytearray()
        self.fins = 0
        self.rooms = 0
        self.took: float | None = None
        self.cause: Cause | None = None
        self.is_holding = False
        self.in_kernel = 0
        """What counts as consumed and waits all the same."""

    @property
    def is_ended(self) -> bool:
        return self.fins > 0 or self.cause is not None

    def on_data(self, data: memoryview) -> None:
        assert not self.is_ended, "bytes behind the end"
        self.data += data
        if not self.is_holding:
            self.consume()

    def backlog(self) -> int:
        return self.in_kernel

    def on_fin(self) -> None:
        assert not self.is_ended, "a second end"
        self.fins += 1

    def on_connected(self, took: float) -> None:
        assert self.took is None and self.cause is None
        assert not self.data and not self.fins, "the target spoke before it was connected"
        self.took = took

    def on_room(self) -> None:
        assert self.cause is None
        self.rooms += 1

    def on_reset(self, cause: Cause) -> None:
        assert self.cause is None, "a second reset"
        self.cause = cause

    def consume(self, most: int = PLENTY) -> None:
        """The client or target takes up to *most* of the bytes that wait."""
        self.stream.consume(min(len(self.data), self.stream.receiver.consumed + most))


class Owner:
    """What one end of a carrier tells of itself, kept by the pair."""

    def __init__(self, pair: "SessionPair", carrier: "Carrier", end: int) -> None:
        self.pair, self.carrier, self.end = pair, carrier, end

    def on_pong(self, number: int) -> None:
        assert self.end == INGRESS
        self.pair.pongs.append(number)

    def on_notice(self, kind: int, body: bytes) -> None:
        self.pair.notices[self.end].append((kind, body))


class Carrier:
    """The wire of one carrier: its two ends, or None where it is known to be dead, and what is under way."""

    def __init__(self, pair: "SessionPair", name: str, is_bulk: bool) -> None:
        """Both ends know it from now on."""
        self.queues = [bytearray(), bytearray()]
        self.is_ready = [False, False]
        self.is_held = [False, False]
        self.ends: list[CarrierEnd | None] = [
            session.add_carrier(name, is_bulk, partial(self._ready, end), Owner(pair, self, end), pair.now)
            for end, session in enumerate(pair.sessions)
        ]

    def _ready(self, end: int) -> None:
        self.is_ready[end] = True

    @property
    def is_whole(self) -> bool:
        return all(self.ends)


class SessionPair:
    """An Initiator and an Acceptor, and `carriers` carriers between them."""

    def __init__(
        self,
        carriers: int = 1,
        *,
        is_bulk: bool = False,
        memory: tuple[int, int] = (PLENTY, PLENTY),
        announced: tuple[Feature, Feature] = (Feature(0), Feature(0)),
    ) -> None:
        """*memory* and what was *announced* are those of the ingress and of the exit."""
        self.now = 100.0
        self.opened: list[int] = []
        """Ids of the streams that the exit opened, in order."""
        self.sinks: tuple[dict[int, RecordingSink], dict[int, RecordingSink]] = ({}, {})
        self.notices: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = ([], [])
        """What each end's owners of carriers were told."""
        self.connects_at_once = True
        self.most_streams = PLENTY
        """At the exit."""
        self._pings = count(1)
        self.ingress = Initiator(TOKEN, Memory(memory[INGRESS]), self.now)
        self.exit = Acceptor(TOKEN, "shanghai", Memory(memory[EXIT]), self.now, self._on_open, self._has_room)
        self.pongs: list[int] = []
        self.sessions: tuple[Session[Stream], Session[Stream]] = (self.ingress, self.exit)
        self.armed: list[float | None] = [None, None]
        for end in (INGRESS, EXIT):
            self.sessions[end].on_deadline_changed = partial(self._arm, end)
            self.sessions[end].go_by(announced[1 - end])
        self.carriers: list[Carrier] = []
        for _ in range(carriers):
            self.new_carrier(is_bulk=is_bulk)

    # ---- carriers

    def new_carrier(self, *, is_bulk: bool = False) -> int:
        """A fresh carrier, known at both ends. Returns its number."""
        self.carriers.append(Carrier(self, f"path-{len(self.carriers) + 1}", is_bulk))
        for end in (INGRESS, EXIT):
            self._arm(end)
        return len(self.carriers) - 1

    def end(self, carrier: int, end: int = INGRESS) -> CarrierEnd:
        """The living end of a carrier."""
        found = self.carriers[carrier].ends[end]
        assert found is not None
        return found

    def pull(self, carrier: int, towards: int) -> int:
        """Take one pull's bytes from the sending end onto the wire. Returns how many; 0 when there is nothing."""
        wire, sender = self.carriers[carrier], 1 - towards
        source = wire.ends[sender]
        if source is None or not wire.is_ready[sender]:
            return 0
        data = source.data_to_send(self.now)
        wire.is_ready[sender] = bool(data)
        if wire.ends[towards] is not None:
            wire.queues[towards] += data
        return len(data)

    def deliver(self, carrier: int, most: int = PLENTY, *, towards: int = EXIT) -> int:
        """Pull as much as is needed and deliver up to *most* bytes, in one piece, and in as many turns as they take.
        Returns how many arrived."""
        wire = self.carriers[carrier]
        queue = wire.queues[towards]
        while len(queue) < most and self.pull(carrier, towards):
            assert len(queue) < ENDLESS, "a sender without an end"
        target = wire.ends[towards]
        if target is None or not queue:
            return 0
        piece = bytes(queue[:most])
        del queue[:most]
        news = memoryview(piece)
        while target.receive(news, self.now):
            assert not target.is_full, "an honest peer that is not heard"
            news = memoryview(b"")
        return len(piece)

    def hold(self, carrier: int, towards: int | None = None) -> None:
        """A black hole, one way or both: `run` delivers nothing there until `release`."""
        for way in (INGRESS, EXIT) if towards is None else (towards,):
            self.carriers[carrier].is_held[way] = True

    def release(self, carrier: int) -> None:
        """The black hole is gone; what was under way arrives."""
        self.carriers[carrier].is_held = [False, False]

    def kill(self, carrier: int, end: int | None = None) -> list[Stream]:
        """The carrier is dead, and *end* (or both) hears of it. Returns the ingress's streams that are detached.

        Bytes under way to an end that has not heard may still arrive there; what it sends is lost.
        """
        detached: list[Stream] = []
        for at in (INGRESS, EXIT) if end is None else (end,):
            lost, self.carriers[carrier].ends[at] = self.carriers[carrier].ends[at], None
            self.carriers[carrier].queues[at].clear()
            if lost is not None:
                streams = self.sessions[at].lose(lost, self.now)
                detached += streams if at == INGRESS else []
        return detached

    def ping(self, carrier: int) -> int:
        """The ingress pings over *carrier*. Returns the number, which its PONG brings to `pongs`."""
        number = next(self._pings)
        self.end(carrier).base_rtt = 0.1
        self.end(carrier).ping(number)
        return number

    # ---- streams

    def open(self, *carriers: int, host: str = "target.test", port: int = 443) -> InitiatorStream:
        """Open a stream at the ingress over *carriers*."""
        sink = RecordingSink()
        stream = self.ingress.open(host, port, sink, self.ends(carriers), self.now)
        sink.stream = stream
        self.sinks[INGRESS][stream.id] = sink
        return stream

    def attach(self, streams: Iterable[Stream], *carriers: int, planned: bool = False) -> None:
        self.ingress.attach(streams, self.ends(carriers), self.now, planned=planned)

    def ends(self, carriers: Iterable[int]) -> tuple[CarrierEnd, ...]:
        """The ingress's ends of *carriers*."""
        return tuple(self.end(carrier) for carrier in carriers)

    def at_exit(self, stream: Stream) -> Stream:
        """The exit's end of *stream*."""
        return self.sinks[EXIT][stream.id].stream

    def received(self, stream: Stream, end: int = EXIT) -> bytes:
        """All that arrived of *stream* at *end*."""
        return bytes(self.sinks[end][stream.id].data)

    def assert_forgotten(self) -> None:
        """Neither end knows a stream any more, or owes a word about one."""
        for session in self.sessions:
            assert (
                not session.streams
                and session.memory.used == 0
                and session.memory.started == 0
                and not session.last_words.waiting
            )
            assert all(not carrier.legs and not len(carrier.unconfirmed) for carrier in session.carriers.values())

    # ---- time

    def advance(self, seconds: float) -> None:
        """Let time pass; each end's timer fires when it was armed for."""
        until = self.now + seconds
        while (due := min((at for at in self.armed if at is not None), default=until + 1)) <= until:
            self.now = max(self.now, due)
            for end in (INGRESS, EXIT):
                at = self.armed[end]
                if at is not None and at <= self.now:
                    self.sessions[end].handle_deadline(self.now)
                    self._arm(end)
        self.now = until

    def step(self) -> bool:
        """Deliver once on every carrier that is not held, both ways. Returns whether anything moved."""
        moved = 0
        for number, carrier in enumerate(self.carriers):
            for towards in (INGRESS, EXIT):
                if not carrier.is_held[towards]:
                    moved += self.deliver(number, towards=towards)
        return moved > 0

    def run(self, seconds: float = 0.2, *, ping: bool = True) -> None:
        """Deliver until quiet, ping, and let *seconds* pass for delayed acknowledgements, until all of it is quiet."""
        while self.step():
            pass
        for _ in range(3):
            for number, carrier in enumerate(self.carriers):
                if ping and carrier.ends[INGRESS] is not None:
                    self.ping(number)
            self.advance(seconds / 3)
            while self.step():
                pass

    # ---- what the sessions call

    def _arm(self, end: int, _: float = 0.0) -> None:
        self.armed[end] = self.sessions[end].next_deadline()

    def _has_room(self) -> bool:
        return len(self.exit.streams) < self.most_streams

    def _on_open(self, stream: AcceptorStream, host: str, port: int) -> RecordingSink:
        assert stream.id not in self.opened, "a stream was opened twice"
        self.opened.append(stream.id)
        sink = self.sinks[EXIT][stream.id] = RecordingSink()
        sink.stream = stream
        if self.connects_at_once:
            stream.connected(0.02, self.now)
        return sink
