"""The exit's end of a session: follows the ingress's attachments, and never opens a stream twice.

A stream that was reset here stays, empty, until the ingress says that it knows. Every id that was ever used
is remembered (they come in sequence, so that is one number and a few exceptions).
"""

from collections.abc import Callable

from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd
from relay.session.sender import Leg
from relay.session.session import Session
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.frames import Kind

OnOpen = Callable[[Stream, str, int], None]
OnTime = Callable[[CarrierEnd, int, str, int], None]


class SeenIds:
    """The stream ids that were used, of a sequence that begins at 1 and may arrive in any order."""

    __slots__ = ("_above", "_floor")

    def __init__(self) -> None:
        self._floor = 0
        self._above: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number <= self._floor or number in self._above

    def add(self, number: int) -> None:
        if number > self._floor:
            self._above.add(number)
            while self._floor + 1 in self._above:
                self._floor += 1
                self._above.remove(self._floor)


class Acceptor(Session):
    """The session's end at the exit (or at a relay, where no stream may be opened)."""

    def __init__(self, token: bytes, owner: str, memory: Memory, now: float, on_open: OnOpen, on_time: OnTime) -> None:
        """*owner* is the name in the ingress's certificate: no other may join.

        *on_open(stream, host, port)* sets `stream.sink`, and later says `connect` or `reset`. *on_time(carrier,
        number, host, port)* is asked to time a connect and to answer with TIMED on that carrier.
        """
        super().__init__(token, memory, now)
        self.owner = owner
        self.most_streams = 20_000
        self._seen = SeenIds()
        self._on_open_told = on_open
        self._on_time_told = on_time
        self._handlers |= {
            Kind.PING: self._on_ping,
            Kind.OPEN: self._on_open,
            Kind.ATTACH: self._on_attach,
            Kind.TIME: self._on_time,
        }

    def connect(self, stream: Stream, took: float, now: float) -> None:
        """The target is connected: tell the ingress."""
        self.now = now
        stream.is_connected, stream.took = True, took
        stream.tell_connected()

    # ---- ends

    def take_leave(self, stream: Stream) -> None:
        is_told = self._is_told(stream)
        word = stream.ack()
        carriers = [leg.carrier for leg in stream.legs]
        self.forget(stream)
        for carrier in () if is_told else carriers:
            carrier.send(word)  # if all are lost, the ingress asks, hears GONE, and understands

    def _is_told(self, stream: Stream) -> bool:
        """Whether the last acknowledgement was given to every carrier that *stream* rides on now: what was given to one
        that is gone, or left, may never arrive."""
        waits = stream.id in self._ack_pending or any(leg.must_ack or leg.announce for leg in stream.legs)
        return stream.ack_told == stream.receiver.acknowledged and not waits

    def reset(self, stream: Stream, cause: Cause) -> None:
        if not stream.is_over:
            stream.cause = cause
            self.take_ack(stream)
            stream.shed()
            stream.wake()

    def announce(self, leg: Leg, parts: list[bytes | memoryview]) -> int:
        stream = leg.stream
        receiver = stream.receiver
        sent = max((stop for _, _, stop in stream.drains), default=0)
        words = bodies.attached(stream.id, stream.generation, receiver.acknowledged, receiver.limit, sent)
        stream.ack_told, stream.limit_told = receiver.acknowledged, receiver.limit
        leg.must_ack = False
        if len(stream.legs) == 1:
            self.take_ack(stream)
        parts.append(words)
        return len(words)

    # ---- frames

    def _on_ping(self, carrier: CarrierEnd, body: bytes) -> None:
        number, carrier.base_rtt = bodies.parse_ping(body)
        if carrier.base_rtt and not carrier.is_bulk:
            self.srtt = carrier.base_rtt
        carrier.send(bodies.pong(number))

    def _on_open(self, carrier: CarrierEnd, body: bytes) -> None:
        number, generation, host, port = bodies.parse_open(body)
        stream = self.streams.get(number)
        if stream is not None:
            self._follow(stream, carrier, generation, planned=False)
            if stream.is_connected:
                stream.tell_connected()  # an ingress that says OPEN again has not heard it
        elif number in self._seen:
            carrier.send(bodies.reset(number, Cause.GONE))
        else:
            self._seen.add(number)
            self._begin(Stream(self, number), carrier, generation, host, port)

    def _begin(self, stream: Stream, carrier: CarrierEnd, generation: int, host: str, port: int) -> None:
        is_full = self.memory.is_full or len(self.streams) >= self.most_streams
        self.streams[stream.id] = stream
        stream.generation = generation
        stream.board(carrier)
        self.ack_later(stream)  # ATTACHED goes with what comes first: CONNECTED, RESET, or the acknowledgements
        if is_full:
            self.reset(stream, Cause.LIMIT)
        else:
            self._on_open_told(stream, host, port)

    def _on_attach(self, carrier: CarrierEnd, body: bytes) -> None:
        number, generation, received, limit, flags = bodies.parse_attach(body)
        stream = self.streams.get(number)
        if stream is None:
            self._seen.add(number)
            carrier.send(bodies.reset(number, Cause.GONE))
            return
        stream.receive_ack(received, limit)
        if self.streams.get(number) is not stream:  # that was its end, and the old carriers may not bring the news
            carrier.send(bodies.reset(number, Cause.GONE))
            return
        self._follow(stream, carrier, generation, planned=bool(flags & bodies.PLANNED))
        if stream.is_connected and not flags & bodies.KNOWS_CONNECTED:
            stream.tell_connected()

    def _follow(self, stream: Stream, carrier: CarrierEnd, generation: int, *, planned: bool) -> None:
        """Ride where the newest ATTACH says; equal generations add up (redundant streams), older ones mean nothing.

        A planned move is one from where the ingress believes the stream to be. If an ATTACH before it was
        overtaken, that is not where it is, and the carrier it rides on may be dead: then all is sent again.
        """
        if generation > stream.generation:
            is_next = generation == stream.generation + 1 and len(stream.legs) == 1
            stream.generation = generation
            stream.ride((carrier,), planned=planned and is_next)
        elif generation == stream.generation and stream.id not in carrier.legs:
            stream.add_leg(carrier)

    def _on_time(self, carrier: CarrierEnd, body: bytes) -> None:
        self._on_time_told(carrier, *bodies.parse_time(body))

    def _on_reset(self, carrier: CarrierEnd, body: bytes) -> None:
        number, _, code = bodies.parse_reset(body)
        self._seen.add(number)
        stream = self.streams.get(number)
        if stream is not None:
            self.forget(stream)
            if stream.cause is None:
                stream.sink.on_reset(Cause.of_code(code))
