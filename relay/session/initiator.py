"""The ingress's end of a session: opens streams, says which carriers they ride on, recovers what a carrier owed.

It never chooses a carrier: `open` and `attach` are told. Its last word about every stream is a LastWords, so that
the exit is never left with a stream that nobody here knows.
"""

from collections.abc import Callable, Iterable

from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd
from relay.session.sender import Leg
from relay.session.session import Session
from relay.session.stream import Sink, Stream
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.frames import Kind

OnPong = Callable[[CarrierEnd, int], None]
OnFrame = Callable[[CarrierEnd, int, bytes], None]


class InitiatorStream(Stream):
    """A stream as the ingress sees it."""

    __slots__ = ("host", "is_acknowledged", "is_planned", "owed", "port", "withdrawn")

    def __init__(self, session: Session, number: int, host: str, port: int) -> None:
        super().__init__(session, number)
        self.host = host
        self.port = port
        self.is_acknowledged = False
        """The exit knows the stream; its OPEN need not be said again."""
        self.is_planned = False
        self.withdrawn = b""
        """What was written and never left, kept when the stream is reset: another exit may go on with it."""
        self.owed: dict[CarrierEnd, int | None] = {}
        """Carriers left by a planned move that still bring what lies below an offset; None until the exit told it."""

    def is_owed_by(self, carrier: CarrierEnd) -> bool:
        """Whether *carrier*, left by a planned move, may still have bytes for us."""
        if carrier not in self.owed:
            return False
        mark = self.owed[carrier]
        return mark is None or self.receiver.acknowledged < mark


class Initiator(Session):
    """The session's end at the ingress."""

    def __init__(self, token: bytes, memory: Memory, now: float, on_pong: OnPong, on_news: OnFrame) -> None:
        """*on_pong* is told of answered pings, *on_news* of GOAWAY, STATUS and TIMED frames."""
        super().__init__(token, memory, now)
        self.on_resumed: Callable[[InitiatorStream], None] = _nobody
        """Told of a stream whose newest attachment, not its first, the exit has answered."""
        self._next_id = 1
        self._on_pong_told = on_pong
        self._handlers |= {
            Kind.PONG: self._on_pong,
            Kind.ATTACHED: self._on_attached,
            Kind.CONNECTED: self._on_connected,
            Kind.GOAWAY: lambda carrier, body: on_news(carrier, Kind.GOAWAY, body),
            Kind.STATUS: lambda carrier, body: on_news(carrier, Kind.STATUS, body),
            Kind.TIMED: lambda carrier, body: on_news(carrier, Kind.TIMED, body),
        }

    def open(self, host: str, port: int, sink: Sink, carriers: tuple[CarrierEnd, ...], now: float) -> InitiatorStream:
        """Begin a stream to *host* and *port* over *carriers* (normally one). It may be written to at once.

        Raises:
            ValueError: *host* takes more than LONGEST_HOST bytes, or cannot be written in UTF-8.
        """
        if not 0 < len(host.encode()) <= bodies.LONGEST_HOST:
            raise ValueError("a host that no OPEN can carry")
        self.now = now
        stream = InitiatorStream(self, self._next_id, host, port)
        self._next_id += 1
        stream.sink = sink
        self.streams[stream.id] = stream
        stream.ride(carriers, planned=False)
        if not self.carriers:
            self.on_deadline_changed()  # it has something to expire now
        return stream

    def attach(self, streams: Iterable[Stream], carriers: tuple[CarrierEnd, ...], now: float, *, planned: bool) -> None:
        """Move *streams* to *carriers*, in one exchange; those that have ended meanwhile are passed over.

        A planned move trusts the old carrier to deliver what it has (if there is one, and one new one); any other
        goes on from what each end is known to have.
        """
        self.now = now
        for stream in streams:
            assert isinstance(stream, InitiatorStream)
            if stream.is_over:
                continue
            stream.generation += 1
            stream.is_planned = planned and stream.is_acknowledged and len(stream.legs) == len(carriers) == 1
            if stream.is_planned:
                stream.owed |= {leg.carrier: None for leg in stream.legs if leg.carrier not in carriers}
            else:
                stream.owed.clear()
            stream.ride(carriers, planned=stream.is_planned)

    def lose(self, carrier: CarrierEnd, now: float) -> list[Stream]:
        """As in Session; streams that *carrier* still owed bytes ask for them again over the legs they have."""
        adrift = super().lose(carrier, now)
        self.give_up_on(carrier, now)
        return adrift

    def give_up_on(self, carrier: CarrierEnd, now: float) -> None:
        """Do not wait for what *carrier* owes from planned moves, in either direction, nor for the last words that it
        was given: it is stalled or gone."""
        waiting = [
            one for one in self.streams.values() if isinstance(one, InitiatorStream) and (one.owed or one.drains)
        ]
        carrier.is_doubted = True
        for stream in waiting:
            if stream.legs and (stream.is_owed_by(carrier) or any(at is carrier for at, _, _ in stream.drains)):
                self.attach([stream], tuple(leg.carrier for leg in stream.legs), now, planned=False)
            stream.owed.pop(carrier, None)
        self.say_last(carrier.unconfirmed.reclaim(), besides=carrier)

    def is_awaited(self, carrier: CarrierEnd) -> bool:
        """Whether something of a planned move is still on *carrier*, in either direction."""
        return any(
            stream.is_owed_by(carrier) or any(at is carrier for at, _, _ in stream.drains)
            for stream in self.streams.values()
            if isinstance(stream, InitiatorStream)
        )

    def riders(self, carrier: CarrierEnd) -> list[Stream]:
        """The streams that ride on *carrier*."""
        return [leg.stream for leg in carrier.legs.values()]

    # ---- ends

    def _release(self, stream: Stream) -> None:
        if isinstance(stream, InitiatorStream) and not stream.has_sent and not stream.withdrawn:
            stream.withdrawn = b"".join(stream.sender.read(stream.sender.acked, stream.sender.end))
        super()._release(stream)

    def take_leave(self, stream: Stream) -> None:
        word = stream.ack()
        self.forget(stream)
        self.say_last_later(word)

    def reset(self, stream: Stream, cause: Cause) -> None:
        if not stream.is_over:
            self.forget(stream)
            self.say_last([bodies.reset(stream.id, cause)])

    def announce(self, leg: Leg, parts: list[bytes | memoryview]) -> int:
        stream = leg.stream
        assert isinstance(stream, InitiatorStream)
        if not stream.is_acknowledged:
            words = bodies.open_stream(stream.id, stream.generation, stream.host, stream.port)
        else:
            receiver = stream.receiver
            flags = bodies.PLANNED * stream.is_planned | bodies.KNOWS_CONNECTED * stream.is_connected
            words = bodies.attach(stream.id, stream.generation, receiver.acknowledged, receiver.limit, flags)
            stream.limit_told = receiver.limit
        parts.append(words)
        return len(words)

    # ---- frames

    def _on_pong(self, carrier: CarrierEnd, body: bytes) -> None:
        number = bodies.parse_pong(body)
        carrier.unconfirmed.ponged(number)
        self._on_pong_told(carrier, number)

    def _on_attached(self, _: CarrierEnd, body: bytes) -> None:
        number, generation, received, limit, sent = bodies.parse_attached(body)
        stream = self.streams.get(number)
        if not isinstance(stream, InitiatorStream):
            return
        stream.is_acknowledged = True
        if generation == stream.generation and generation > 1:
            stream.owed = {at: sent if mark is None else mark for at, mark in stream.owed.items()}
            self.on_resumed(stream)
        stream.receive_ack(received, limit)

    def _on_connected(self, _: CarrierEnd, body: bytes) -> None:
        number, took = bodies.parse_connected(body)
        stream = self.streams.get(number)
        if stream is not None and not stream.is_connected:
            stream.is_connected, stream.took = True, took
            stream.sink.on_connected(took)

    def _on_reset(self, carrier: CarrierEnd, body: bytes) -> None:
        number, _, code = bodies.parse_reset(body)
        cause = Cause.of_code(code)
        if cause is not Cause.GONE:
            self.say_last([bodies.reset(number, Cause.GONE)])
        stream = self.streams.get(number)
        if stream is None:
            return
        was_over = stream.receiver.is_done and stream.sender.is_finished
        self.forget(stream)
        if cause is not Cause.GONE or not was_over:
            stream.sink.on_reset(cause)


def _nobody(_: InitiatorStream) -> None:
    """Nobody asked."""
