"""What both ends of a session have in common: streams, carriers, acknowledgements that wait, the clocks that end it.

Times are told, never read: `add_carrier`, `lose`, `handle_deadline`, the carriers' `receive` and `data_to_send`, and
what the two ends add (`open`, `attach`, `give_up_on`; `AcceptorStream.connected`) take `now`, in seconds on a clock
that only grows, and keep it in `Session.now`. What a socket does to a stream (`write`, `finish`, `consume`, `reset`)
takes none and goes by the time last told: nothing in it is measured finer than a turn of the loop.

The shell arms one timer for `next_deadline()` and then calls `handle_deadline`; `on_deadline_changed` says when to look
again. Deadlines are of three sorts: acknowledgements that wait (one time for all streams, so that they leave together),
RESET_PATIENCE and EXPIRY.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from relay.callbacks import ignore
from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd, CarrierOwner
from relay.session.last_words import LastWords
from relay.session.ledger import Ledger
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.codes import Feature
from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind

EXPIRY = 60.0
"""Seconds a session lives without a carrier. Both ends count for themselves: neither waits for the other to say so."""
RESET_PATIENCE = 60.0
"""Seconds for which an end keeps a stream that was reset until what was written before has gone all the way."""
ACK_DELAY_MOST = 0.05
ACK_DELAY_LEAST = 0.005
"""Bounds of a quarter round trip, in seconds: below, acknowledgements cost more than they are worth; above, what the
peer must keep grows. (TCP may wait 500 ms: RFC 9293 section 3.8.6.3; QUIC 25 ms by default: RFC 9000 section 18.2.)"""

LOOK_AGAIN = 0.1
LOOK_AGAIN_EACH = 0.0005
"""Seconds until streams whose bytes wait in the kernel are looked at again, and so much more for each of them: nothing
tells when a kernel has sent what it took, and thousands of clients that do not read must not cost a percent of CPU."""

S = TypeVar("S", bound=Stream, covariant=True)
"""The kind of stream of one end. Covariant, since streams only come out: whoever does not care takes any
`Session[Stream]`."""


class Session(Generic[S]):
    """The state shared by the carriers and streams between one ingress process and one exit; *S* is the kind of stream
    that this end has. Used through its two ends, `Initiator` and `Acceptor`."""

    def __init__(self, token: bytes, memory: Memory, now: float) -> None:
        """*token* names it in HELLO. *memory* is shared by all sessions of the process."""
        self.token = token
        self.memory = memory
        self.now = now
        """The time last told."""
        self.srtt = 0.1
        """Round trip in seconds, as far as known; the ingress measures it, the exit is told."""
        self.streams: dict[int, S] = {}
        """By id, all that this end knows: also those that are detached, and at an exit those that it has reset."""
        self.carriers: dict[int, CarrierEnd] = {}
        """By number, those that are up."""
        self.heard_last: CarrierEnd | None = None
        """The carrier that bytes came on last, or that is believed in most; it may be lost."""
        self.last_words = LastWords()
        self.on_deadline_changed: Callable[[float], None] = ignore
        """Told of a deadline that is new and may be the next."""
        self.on_heavy: Callable[[Stream], None] = ignore
        """Told of a stream that fills its window, in either direction, as fast as the path allows: bulk."""
        self.resets_in_order = False
        """The peer has announced that it delivers what was written before a RESET."""
        self.resets_cut_short = 0
        """Streams whose RESET_PATIENCE was over before what was written had gone all the way."""
        self._ending: dict[int, float] = {}
        """By id, in the order of time: when RESET_PATIENCE ends for a stream."""
        self._ack_pending: dict[int, Ledger] = {}
        self._ack_at: float | None = None
        self._waiting: dict[int, Ledger] = {}
        """Streams that are to be looked at again, at `_look_at`."""
        self._look_at: float | None = None
        self._crowd = 0
        """How many were looked at the last time."""
        self._bare_since: float | None = now
        """Since when there has been no carrier; None while there is one."""
        self._carrier_count = 0
        self._handlers: dict[int, Callable[[CarrierEnd, bytes], None]] = {
            Kind.FIN: self._on_fin,
            Kind.ACK: self._on_ack,
            Kind.RESET: self._on_reset,
        }

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"<{kind} {self.token.hex()[:8]}, {len(self.streams)} streams, {len(self.carriers)} carriers>"

    # ---- carriers

    def add_carrier(
        self, name: str, is_bulk: bool, on_ready: Callable[[], None], owner: CarrierOwner, now: float
    ) -> CarrierEnd:
        """A carrier is up; streams ride on it when they are attached to it. See CarrierEnd for the arguments.

        Its fate is the caller's to tell: `receive` and `data_to_send` while it lives, then `lose`, once.
        """
        self.now = now
        self._bare_since = None
        self._carrier_count += 1
        carrier = CarrierEnd(self, self._carrier_count, name, is_bulk, on_ready, owner)
        self.carriers[carrier.number] = carrier
        if self.last_words.waiting:
            on_ready()
        return carrier

    def go_by(self, features: Feature) -> None:
        """*features* are what the peer has announced on a carrier, the same on all of them."""
        self.resets_in_order = Feature.RESET_IN_ORDER in features

    def lose(self, carrier: CarrierEnd, now: float) -> list[S]:
        """*carrier* is gone, and will be fed no more. What it owed goes out again elsewhere. Harmless when repeated.

        Returns:
            The streams that are detached now. They live on, keep their bytes and accept more; at the ingress somebody
            has to `attach` them, at the exit they wait for that.
        """
        self.now = now
        if carrier.is_lost:
            return []
        carrier.is_lost = True
        del self.carriers[carrier.number]
        self.say_last(carrier.unconfirmed.reclaim())
        if not self.carriers:
            self._bare_since = now
            self.expect_expiry()
        concerned = {stream.id: stream for stream in self.riders(carrier)}
        concerned |= {stream.id: stream for stream in self.streams.values() if stream.drains_from(carrier)}
        carrier.legs = {}
        carrier.ready.clear()
        return [stream for stream in concerned.values() if stream.lose(carrier)]

    def riders(self, carrier: CarrierEnd) -> list[S]:
        """The streams that ride on *carrier*, which is one of this session, in the order in which they came to it."""
        return [self.streams[number] for number in carrier.legs]

    @property
    def bare_since(self) -> float | None:
        """Since when no carrier is up, at first since its beginning; None while one is."""
        return self._bare_since

    # ---- last words

    def say_last(self, words: list[bytes], besides: CarrierEnd | None = None) -> None:
        """Last words, for whichever carrier was heard last, *besides* one that is not trusted. With no carrier at all
        they wait for the next one."""
        if words:
            self.last_words.waiting += words
            self._hurry_last_words(besides)

    def say_last_later(self, word: bytes) -> None:
        """As `say_last`, but *word* may wait for others, as an acknowledgement does."""
        self.last_words.waiting.append(word)
        if self._ack_at is None:
            self._arm_ack()

    def _hurry_last_words(self, besides: CarrierEnd | None = None) -> None:
        """Have a carrier pull that is likely to live. Any other that pulls before takes them as well: see
        `CarrierEnd.data_to_send`."""
        last = self.heard_last
        if last is None or last.is_lost or last.is_doubted or last is besides:
            others = [one for one in self.carriers.values() if one is not besides and not one.is_doubted]
            self.heard_last = max(others, key=lambda one: one.heard_at, default=None)
        if self.heard_last is not None:
            self.heard_last.on_ready()

    # ---- time

    def next_deadline(self) -> float | None:
        """When `handle_deadline` must be called next, or None. Called earlier, it does nothing."""
        expiry = None if self._bare_since is None or not self.streams else self._bare_since + EXPIRY
        ending = next(iter(self._ending.values()), None)
        return min((at for at in (expiry, ending, self._ack_at, self._look_at) if at is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due at *now*: acknowledge what waits, promise what can be promised now, reset what has waited too
        long, expire."""
        self.now = now
        if self._ack_at is not None and now >= self._ack_at:
            self._ack_at = None
            pending, self._ack_pending = self._ack_pending, {}
            for stream in pending.values():
                stream.ack_now()
            if self.last_words.waiting:
                self._hurry_last_words()
        if self._look_at is not None and now >= self._look_at:
            self._look_at = None
            waiting, self._waiting = self._waiting, {}
            self._crowd = len(waiting)
            for stream in waiting.values():
                stream.look_again()
        while self._ending and now >= next(iter(self._ending.values())):
            self._end_late(next(iter(self._ending)))
        if self.has_expired(now):
            self.close(Cause.SESSION_EXPIRED)

    def expect_expiry(self) -> None:
        """There may be something now that expires: streams, and no carrier."""
        if self._bare_since is not None and self.streams:
            self.on_deadline_changed(self._bare_since + EXPIRY)

    def has_expired(self, now: float) -> bool:
        """Whether it has had no carrier for EXPIRY seconds: it is over, and should be dropped by whoever holds it."""
        return self._bare_since is not None and now >= self._bare_since + EXPIRY  # as next_deadline has it

    def expect_end(self, stream: Stream) -> None:
        """*stream* was reset behind what was written: it is kept for RESET_PATIENCE, and then ends all the same."""
        self._ending[stream.id] = until = self.now + RESET_PATIENCE
        self.on_deadline_changed(until)

    def _end_late(self, number: int) -> None:
        del self._ending[number]
        self.resets_cut_short += 1
        self.memory.note_cut_short()
        self.streams[number].expire()

    def ack_later(self, stream: Ledger) -> None:
        """Acknowledge *stream* within a quarter round trip, together with all others that wait, or with the next bytes
        that it sends."""
        self._ack_pending[stream.id] = stream
        if self._ack_at is None:
            self._arm_ack()

    def take_ack(self, stream: Ledger) -> bool:
        """Whether an acknowledgement of *stream* waits. It does so no longer: the caller says it."""
        return self._ack_pending.pop(stream.id, None) is not None

    def has_ack_waiting(self, stream: Ledger) -> bool:
        """Whether an acknowledgement of *stream* waits for the clock."""
        return stream.id in self._ack_pending

    def look_later(self, stream: Ledger) -> None:
        """Have *stream* look again whether it may promise more, in a moment."""
        self._waiting[stream.id] = stream
        if self._look_at is None:
            self._look_at = self.now + LOOK_AGAIN + LOOK_AGAIN_EACH * self._crowd
            self.on_deadline_changed(self._look_at)

    def _arm_ack(self) -> None:
        """The first that waits sets the time for all: whoever comes later waits less, never more."""
        self._ack_at = self.now + min(max(self.srtt / 4, ACK_DELAY_LEAST), ACK_DELAY_MOST)
        self.on_deadline_changed(self._ack_at)

    # ---- ends of streams

    def close(self, cause: Cause) -> None:
        """The session is over: every stream is reset at this end, and its sink is told *cause*, unless this end had
        given it up already. All are forgotten before the first sink hears of it. The peer is told nothing: it has its
        own clock, or is gone. Harmless when repeated."""
        streams, self.streams = self.streams, {}
        self.last_words.take()
        sinks = [stream.sink for stream in streams.values() if not stream.is_over]
        for stream in streams.values():
            self._let_go(stream)
        for sink in sinks:
            sink.on_reset(cause)

    def forget(self, stream: Stream) -> None:
        """Nothing more will be said of *stream*; what still comes about it is ignored. Harmless when repeated."""
        if self.streams.pop(stream.id, None) is not None:
            self._let_go(stream)

    def _let_go(self, stream: Stream) -> None:
        """*stream* was taken out of `streams`: nothing else here may know it either."""
        number = stream.id
        self._ack_pending.pop(number, None)
        if self._ending:
            self._ending.pop(number, None)
        if self._waiting:
            self._waiting.pop(number, None)
        stream.on_forgotten()

    # ---- frames

    def on_data(self, number: int, offset: int, data: memoryview) -> None:
        """Payload of stream *number* has come; of one that is not known, or over, it is dropped."""
        stream = self.streams.get(number)
        if stream is not None and not (stream.is_cut and stream.is_deaf):
            stream.receive(offset, data)

    def on_frame(self, carrier: CarrierEnd, kind: int, body: bytes) -> None:
        """Any other frame has come.

        Raises:
            ProtocolError: only the other end sends such frames, or its body is malformed.
        """
        handler = self._handlers.get(kind)
        if handler is None:
            raise ProtocolError(f"a {Kind(kind).name} frame that has no place here")
        handler(carrier, body)

    def _on_fin(self, _: CarrierEnd, body: bytes) -> None:
        """FIN: the peer's bytes end at an offset. Frames of streams that are over are ignored: both ends may end one at
        the same time."""
        number, offset = bodies.parse_fin(body)
        stream = self.streams.get(number)
        if stream is not None and not stream.is_deaf:
            stream.receive_fin(offset)

    def _on_ack(self, _: CarrierEnd, body: bytes) -> None:
        """ACK: what the peer has, and how far it lets us write. It counts on whichever carrier it comes."""
        number, received, limit = bodies.parse_ack(body)
        stream = self.streams.get(number)
        if stream is not None:
            stream.receive_ack(received, limit)

    def _on_reset(self, carrier: CarrierEnd, body: bytes) -> None:
        """RESET: the ends differ in who has to confirm it."""
        raise NotImplementedError
