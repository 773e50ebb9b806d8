"""The ingress's end of a session: opens streams, says which carriers they ride on, recovers what a carrier owed.

It never chooses a carrier: `open` and `attach` are told. Its last word about every stream is one of `last_words`, so
that the exit is never left with a stream that nobody here knows.

A move in one exchange (docs/protocol.md, "Attaching"): `attach` counts the stream's generation up and makes new legs;
ATTACH leaves on them at the next pull, with what has arrived here; the exit answers ATTACHED with what has arrived
there, and both send on. Nothing waits for the answer. After a planned move the old carrier still delivers, both ways,
and until it has, it is watched (`is_awaited`): if it stalls or dies, the stream is attached once more, where it rides,
as a rescue.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from relay.callbacks import ignore
from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd, tell_owner
from relay.session.riding import CarrierLeg
from relay.session.session import Session
from relay.session.sink import Sink
from relay.session.states import REACHES, Reach, StreamEvent, StreamState
from relay.session.stream import Stream, StreamSession
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.bodies import INITIAL_WINDOW, STARTS
from relay.wire.codes import Feature
from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind

MOST_EARLY = 64 * 1024
LEAST_EARLY = 8 * 1024
"""Bytes of a stream kept beyond their acknowledgement until the exit has connected, and while memory is short: a TLS
ClientHello takes 0.3 to 2 KiB, the head of a request with its cookies up to 8, a form what its fields take."""

_OPENING, _REACHED = Reach.OPENING, Reach.CONNECTED  # found once, as in stream.py
_ATTACHED, _CONNECTED = StreamEvent.ATTACHED, StreamEvent.CONNECTED


NOTICES = (Kind.GOAWAY, Kind.STATUS, Kind.TIMED, Kind.LABELED, Kind.ASSOC_GONE)
"""What concerns no stream."""
MOST_WORDS = 65_536
"""Last words of a session that are not known to have arrived, beyond which no RESET is answered. An exit has 20,000
streams of an ingress at most, and may say it twice of those with two legs."""


class InitiatorSession(StreamSession, Protocol):
    """The session, as the ingress's streams see it."""

    can_withdraw: bool
    """The node lets go of streams that are withdrawn."""


class InitiatorStream(Stream):
    """A stream as the ingress sees it: it knows its target, and what an exit has said of it.

    It may be written to before the exit has heard of it. What it was given can go to another exit as long as no target
    has had it: because nothing has travelled (`has_sent`), or because this exit says that it has not connected, be it
    only because it is asked to let go (`withdraw`).
    """

    __slots__ = (
        "_early",
        "asks_first_byte",
        "host",
        "is_planned",
        "is_settled",
        "is_withdrawing",
        "note",
        "owed",
        "port",
        "starts",
        "withdrawn",
    )

    session: InitiatorSession

    def __init__(
        self, session: InitiatorSession, number: int, sink: Sink, host: str, port: int, starts: tuple[int, int] = STARTS
    ) -> None:
        """*starts*: see `wire.bodies.open_stream`."""
        super().__init__(session, number, sink, *starts)
        self.starts = starts
        self.host = host
        """As the client gave it: a name, or a literal address. The exit resolves it."""
        self.port = port
        self.asks_first_byte = False
        """The node is to say when the target's first byte came, and has not yet."""
        self.note: object = None
        """Whatever whoever opened it wants to remember of it."""
        self.is_planned = False
        """The newest attachment is a planned move; its ATTACH says so."""
        self.is_settled = True
        """The exit has answered the newest attachment, or there was none since the OPEN."""
        self.withdrawn: bytes | None = None
        """All that was written, once the stream is over without having been connected: another exit may go on with it.
        None if it was connected, or if more has been acknowledged than is kept."""
        self._early = b""
        """What the exit has acknowledged before it has connected, if that is not more than is kept; it counts in the
        memory as used."""
        self.is_withdrawing = False
        """The exit was asked to let go of it."""
        self.owed: dict[CarrierEnd, int | None] = {}
        """Carriers left by a planned move that still bring what lies below an offset; None until the exit told it."""

    @property
    def is_acknowledged(self) -> bool:
        """The exit knows the stream; its OPEN need not be said again."""
        return self.reach is not _OPENING

    def is_owed_by(self, carrier: CarrierEnd) -> bool:
        """Whether *carrier*, left by a planned move, may still have bytes for us."""
        if carrier not in self.owed or self.is_deaf:
            return False
        mark = self.owed[carrier]
        return mark is None or self.receiver.acknowledged < mark

    def awaits(self, carrier: CarrierEnd) -> bool:
        """Whether something of a planned move is still on *carrier*, in either direction."""
        return self.is_owed_by(carrier) or self.drains_from(carrier)

    def reattach(self, carriers: tuple[CarrierEnd, ...], *, planned: bool) -> None:
        """Move to *carriers*; see `Initiator.attach`, which calls this."""
        self.generation += 1
        self.is_settled = False
        self.is_planned = planned and self.is_acknowledged and len(self.legs) == len(carriers) == 1
        if self.is_planned:
            self.owed |= {leg.carrier: None for leg in self.legs if leg.carrier not in carriers}
        else:
            self.owed.clear()
        self.ride(carriers, planned=self.is_planned)

    def announcement(self, leg: CarrierLeg) -> bytes:
        """OPEN until the exit is known to know the stream, then ATTACH. (It opens an id once, however often it hears
        it.)"""
        if self.reach is _OPENING:
            flags = bodies.TELL_FIRST_BYTE * self.asks_first_byte
            return bodies.open_stream(self.id, self.generation, self.host, self.port, self.starts, flags)
        receiver = self.receiver
        flags = bodies.PLANNED * self.is_planned | bodies.KNOWS_CONNECTED * self.is_connected
        self.limit_told = receiver.limit
        return bodies.attach(self.id, self.generation, receiver.acknowledged, receiver.limit, flags)

    # ---- what the exit says

    def on_attached(self, generation: int, received: int, limit: int, sent: int) -> bool:
        """ATTACHED has come: see `wire.bodies.attached`.

        Returns:
            Whether it answers the newest attachment, and that is not the first: the stream has been moved.
        """
        self.reach = REACHES[self.reach][_ATTACHED]
        is_newest = generation == self.generation
        self.is_settled |= is_newest
        is_moved = is_newest and generation > 1
        if is_moved:
            self.owed = {at: sent if mark is None else mark for at, mark in self.owed.items()}
        return is_moved

    def on_connected(self, took: float) -> None:
        """CONNECTED has come; the sink hears it once."""
        if not self.is_connected:
            self.reach = REACHES[self.reach][_CONNECTED]
            if self._early:
                self._drop_early()
            self.took = took
            self.sink.on_connected(took)

    def receive_ack(self, received: int, limit: int) -> None:
        """As `Stream.receive_ack`; what an exit has that has not connected is kept for another one."""
        if self.reach is not _REACHED and received > self.sender.acked and not self.is_over:
            self._keep_early(min(received, self.sender.end))
        super().receive_ack(received, limit)

    def _keep_early(self, stop: int) -> None:
        sender, memory = self.sender, self.session.memory
        if len(self._early) == sender.acked and stop <= (LEAST_EARLY if memory.is_short else MOST_EARLY):
            memory.used += stop - sender.acked
            self._early = b"".join((self._early, *sender.read(sender.acked, stop)))

    def _drop_early(self) -> None:
        self.session.memory.used -= len(self._early)
        self._early = b""

    # ---- ends

    def withdraw(self) -> None:
        """Ask the exit to let go of it, so that another may have it, unless a target is connected. Then nothing
        changes; else the sink hears of a reset, with what the exit was waiting for, and `withdrawn` has what was
        written.

        To be asked only if it `may_be_withdrawn`, and answered for certain: it is a last word.
        """
        if not (self.is_withdrawing or self.is_cut or self.is_connected):
            self.is_withdrawing = True
            self.session.say_last([bodies.withdraw(self.id)])

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether it was neither connected nor withdrawn, at a node that can be asked, and all of it is still here."""
        if self.is_withdrawing or self.is_cut or self.is_connected or not self.session.can_withdraw:
            return False
        return self.is_kept_whole

    @property
    def is_kept_whole(self) -> bool:
        """Whether all that was written is still here, so that another exit may go on with it."""
        sender = self.sender
        return len(self._early) == min(sender.acked, sender.end)

    def abort(self, cause: Cause) -> None:
        """As `Stream.abort`. The stream is forgotten at once; RESET is a last word, which the exit gets for certain."""
        if not self.is_over:
            self.session.forget(self)
            self.session.say_last([bodies.reset(self.id, cause)])
        self.drop_bytes()

    def complete(self) -> None:
        """As `Stream.complete`: the ACK of the exit's FIN or RESET is a last word. It waits a little for others, since
        nobody waits for it but the exit's memory of the stream."""
        word = self.ack()
        self.session.forget(self)
        self.session.say_last_later(word)

    def on_forgotten(self) -> None:
        """As `Stream.on_forgotten`; what no target has had is kept in `withdrawn`."""
        sender = self.sender
        if self.withdrawn is None and not self.is_connected and self.is_kept_whole:
            self.withdrawn = b"".join((self._early, *sender.read(len(self._early), sender.end)))
        if self._early:
            self._drop_early()
        super().on_forgotten()


class Initiator(Session[InitiatorStream]):
    """The session's end at the ingress."""

    def __init__(self, token: bytes, memory: Memory, now: float) -> None:
        """*token* is random and never used again."""
        super().__init__(token, memory, now)
        self.on_resumed: Callable[[InitiatorStream], None] = ignore
        """Told of a stream whose newest attachment, not its first, the exit has answered."""
        self.on_first_byte: Callable[[InitiatorStream, float], None] = ignore
        """Told of a stream that asked for it: the seconds from its client's last byte to its target's first."""
        self.can_withdraw = False
        """The node lets go of streams that are withdrawn."""
        self._reads_starts = False
        """Streams may start with less than INITIAL_WINDOW, both ways."""
        self._start_told = INITIAL_WINDOW
        """What the node said last of how much a stream may write at first."""
        self._next_id = 1
        self._handlers |= {
            Kind.PONG: self._on_pong,
            Kind.ATTACHED: self._on_attached,
            Kind.CONNECTED: self._on_connected,
            Kind.WITHDRAWN: self._on_withdrawn,
            Kind.START: self._on_start,
            Kind.FIRST_BYTE: self._on_first_byte,
            **{kind: partial(tell_owner, kind) for kind in NOTICES},
        }

    def go_by(self, features: Feature) -> None:
        """As in Session."""
        super().go_by(features)
        self._reads_starts = Feature.START_WINDOWS in features
        self.can_withdraw = Feature.WITHDRAW in features

    @property
    def may_start_small(self) -> bool:
        """Whether the node lets streams start with less than INITIAL_WINDOW."""
        return self._reads_starts

    def open(
        self,
        host: str,
        port: int,
        sink: Sink,
        carriers: tuple[CarrierEnd, ...],
        now: float,
        *,
        asks_first_byte: bool = False,
    ) -> InitiatorStream:
        """Begin a stream to *host* and *port* over *carriers* (normally one). It may be written to at once. If it
        *asks_first_byte*, `on_first_byte` may be told of it, once.

        Without carriers it is detached: it keeps what is written until it is attached, or the session expires.

        Raises:
            ValueError: *host* takes more than LONGEST_HOST bytes, or cannot be written in UTF-8.
        """
        if not 0 < len(host.encode()) <= bodies.LONGEST_HOST:
            raise ValueError("a host that no OPEN can carry")
        self.now = now
        starts = (self.memory.start(), self._start_told) if self._reads_starts else STARTS
        stream = InitiatorStream(self, self._next_id, sink, host, port, starts)
        stream.asks_first_byte = asks_first_byte and self._reads_starts
        self._next_id += 1
        self.streams[stream.id] = stream
        stream.ride(carriers, planned=False)
        if not self.carriers:
            self.expect_expiry()
        return stream

    def attach(self, streams: Iterable[Stream], carriers: tuple[CarrierEnd, ...], now: float, *, planned: bool) -> None:
        """Move *streams* to *carriers*, in one exchange; those that have ended meanwhile, or are of another session,
        are passed over.

        A planned move trusts the old carrier to deliver what it has (if there is one, and one new one); any other
        goes on from what each end is known to have.
        """
        self.now = now
        for stream in streams:
            own = self.streams.get(stream.id)
            if own is not None and own is stream:
                own.reattach(carriers, planned=planned)

    def join(self, stream: InitiatorStream, carrier: CarrierEnd, now: float) -> None:
        """Have *stream*, which `is_settled` and rides already, ride on *carrier* too. The legs that it has are not
        attached anew: of two ATTACH the exit goes by the one that comes first, and until the other is there, which may
        stand behind a queue, it would send on that carrier alone."""
        self.now = now
        stream.add_leg(carrier)

    def lose(self, carrier: CarrierEnd, now: float) -> list[InitiatorStream]:
        """As in Session; streams that *carrier* still owed bytes ask for them again over the legs they have."""
        detached = super().lose(carrier, now)
        self.give_up_on(carrier, now)
        return detached

    def give_up_on(self, carrier: CarrierEnd, now: float) -> None:
        """Do not wait for what *carrier* owes from planned moves, in either direction, nor for the last words that it
        was given: it is stalled or gone. Its riders stay: to move them is the choice's affair."""
        self.now = now
        carrier.is_doubted = True
        for stream in [one for one in self.streams.values() if one.owed or one.drains]:
            if stream.legs and stream.awaits(carrier):
                self.attach([stream], tuple(leg.carrier for leg in stream.legs), now, planned=False)
            stream.owed.pop(carrier, None)
        self.say_last(carrier.unconfirmed.reclaim(), besides=carrier)

    def is_awaited(self, carrier: CarrierEnd) -> bool:
        """Whether something of a planned move is still on *carrier*, either way: it should not be closed yet."""
        return any(stream.awaits(carrier) for stream in self.streams.values())

    # ---- frames

    def _on_pong(self, carrier: CarrierEnd, body: bytes) -> None:
        carrier.ponged(bodies.parse_pong(body))

    def _on_start(self, _: CarrierEnd, body: bytes) -> None:
        """The node has more or fewer streams than before, and gives newcomers less or more."""
        self._start_told = bodies.parse_start(body)

    def _on_attached(self, _: CarrierEnd, body: bytes) -> None:
        """The answer to OPEN or ATTACH. Of an older generation it still acknowledges, but says nothing of the move."""
        number, generation, received, limit, sent = bodies.parse_attached(body)
        stream = self.streams.get(number)
        if stream is None:
            return
        if stream.on_attached(generation, received, limit, sent):
            self.on_resumed(stream)
        stream.receive_ack(received, limit)

    def _on_connected(self, _: CarrierEnd, body: bytes) -> None:
        number, took = bodies.parse_connected(body)
        stream = self.streams.get(number)
        if stream is not None:
            stream.on_connected(took)

    def _on_first_byte(self, _: CarrierEnd, body: bytes) -> None:
        number, took = bodies.parse_first_byte(body)
        stream = self.streams.get(number)
        if stream is not None and stream.asks_first_byte:
            stream.asks_first_byte = False
            self.on_first_byte(stream, took)

    def _on_reset(self, _: CarrierEnd, body: bytes) -> None:
        """The exit has given a stream up, and keeps it until we say that we know, or have what it wrote before; or it
        does not know it (GONE)."""
        number, offset, code = bodies.parse_reset(body)
        if number >= self._next_id:
            raise ProtocolError("a RESET of a stream that was never opened")
        cause, stream = Cause.said_by_exit(code), self.streams.get(number)
        if offset and stream is not None and not stream.is_deaf:
            stream.receive_reset(offset, cause)
            return
        if cause is not Cause.GONE:
            self._check_words()
            self.say_last([bodies.reset(number, Cause.GONE)])
        if stream is not None and not (cause is Cause.GONE and stream.receiver.is_cut_whole):
            self._end_at_once(stream, cause)

    def _on_withdrawn(self, _: CarrierEnd, body: bytes) -> None:
        """The answer to WITHDRAW. It is confirmed as a RESET is, also if the stream was reset here since."""
        number, given, code = bodies.parse_withdrawn(body)
        stream = self.streams.get(number)
        if number >= self._next_id or (stream is not None and not stream.is_withdrawing):
            raise ProtocolError("a WITHDRAWN of a stream that was not withdrawn")
        if given:
            return
        if stream is not None and stream.is_connected:
            raise ProtocolError("a WITHDRAWN of a stream whose target was connected")
        self._check_words()
        self.say_last([bodies.reset(number, Cause.GONE)])
        if stream is not None:
            self._end_at_once(stream, Cause.said_by_exit(code))

    def _check_words(self) -> None:
        """Raises ProtocolError if the exit says RESET of more streams than it can have, and so makes us say as much."""
        if len(self.last_words.waiting) + sum(len(one.unconfirmed) for one in self.carriers.values()) >= MOST_WORDS:
            raise ProtocolError("RESET of more streams than an exit may have")

    def _end_at_once(self, stream: InitiatorStream, cause: Cause) -> None:
        """GONE is no failure if both sides had finished: then the exit had everything, and only our last ACK, or its
        answer, was lost."""
        sink, had_all = stream.sink, stream.state is StreamState.LAST_ACK
        self.forget(stream)
        if cause is not Cause.GONE or not had_all:
            sink.on_reset(cause)
