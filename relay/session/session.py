"""What both ends of a session have in common: streams, carriers, acknowledgements that wait, the clocks that end it.

Times are told: every entry point takes `now`, and keeps it in `Session.now` for what it calls. The shell
arms one timer for `next_deadline()` and calls `handle_deadline`.
"""

from collections.abc import Callable

from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd
from relay.session.last_words import LastWords
from relay.session.sender import Leg
from relay.session.stream import NOBODY, Stream
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind

EXPIRY = 60.0
"""Seconds a session lives without a carrier. Both ends count for themselves: neither waits for the other to say so."""
ACK_DELAY_MOST = 0.05
ACK_DELAY_LEAST = 0.005
"""Bounds of a quarter round trip, in seconds: below, acknowledgements cost more than they are worth; above, what the
peer must keep grows."""


class Session:
    """The state shared by the carriers and streams between one ingress process and one exit."""

    def __init__(self, token: bytes, memory: Memory, now: float) -> None:
        self.token = token
        self.memory = memory
        self.now = now
        self.srtt = 0.1
        """Round trip in seconds, as far as known; the ingress measures it, the exit is told."""
        self.streams: dict[int, Stream] = {}
        self.carriers: dict[int, CarrierEnd] = {}
        self.heard_last: CarrierEnd | None = None
        self.last_words = LastWords()
        self.on_deadline_changed: Callable[[], None] = _nothing
        """Called when `next_deadline()` moved earlier."""
        self.on_heavy: Callable[[Stream], None] = _nobody
        """Told of a stream that fills its window, in either direction, as fast as the path allows: bulk."""
        self._ack_pending: dict[int, Stream] = {}
        self._ack_at: float | None = None
        self._adrift_since: float | None = now
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

    def add_carrier(self, name: str, is_bulk: bool, on_ready: Callable[[], None], now: float) -> CarrierEnd:
        """A carrier is up; streams ride on it when they are attached to it."""
        self.now = now
        self._adrift_since = None
        self._carrier_count += 1
        carrier = CarrierEnd(self, self._carrier_count, name, is_bulk, on_ready)
        self.carriers[carrier.number] = carrier
        if self.last_words.waiting:
            on_ready()
        return carrier

    def lose(self, carrier: CarrierEnd, now: float) -> list[Stream]:
        """*carrier* is gone. What it owed goes out again elsewhere. Returns the streams that ride on nothing now."""
        self.now = now
        if carrier.is_lost:
            return []
        carrier.is_lost = True
        del self.carriers[carrier.number]
        self.say_last(carrier.unconfirmed.reclaim())
        if not self.carriers:
            self._adrift_since = now
            self.on_deadline_changed()
        riders = [leg.stream for leg in carrier.legs.values()]
        carrier.legs = {}
        carrier.ready.clear()
        drainers = [
            one for one in self.streams.values() if one.drains and any(at is carrier for at, _, _ in one.drains)
        ]
        return [stream for stream in {one.id: one for one in riders + drainers}.values() if stream.lose(carrier)]

    def say_last(self, words: list[bytes], besides: CarrierEnd | None = None) -> None:
        """Last words, for whichever carrier was heard last, *besides* one that is not trusted."""
        if not words:
            return
        self.last_words.waiting += words
        self._hurry_last_words(besides)

    def say_last_later(self, word: bytes) -> None:
        """As `say_last`, but *word* may wait for others, as an acknowledgement does."""
        self.last_words.waiting.append(word)
        self._arm_ack()

    def _hurry_last_words(self, besides: CarrierEnd | None = None) -> None:
        last = self.heard_last
        if last is None or last.is_lost or last.is_doubted or last is besides:
            others = [one for one in self.carriers.values() if one is not besides and not one.is_doubted]
            self.heard_last = max(others, key=lambda one: one.heard_at, default=None)
        if self.heard_last is not None:
            self.heard_last.on_ready()

    # ---- time

    def next_deadline(self) -> float | None:
        """When `handle_deadline` must be called next, or None."""
        expiry = None if self._adrift_since is None or not self.streams else self._adrift_since + EXPIRY
        if expiry is None or self._ack_at is None:
            return self._ack_at if expiry is None else expiry
        return min(expiry, self._ack_at)

    def handle_deadline(self, now: float) -> None:
        """Do what is due at *now*: acknowledge what waits, expire."""
        self.now = now
        if self._ack_at is not None and now >= self._ack_at:
            self._ack_at = None
            pending, self._ack_pending = self._ack_pending, {}
            for stream in pending.values():
                if self.streams.get(stream.id) is stream:
                    stream.ack_now()
            if self.last_words.waiting:
                self._hurry_last_words()
        if self.has_expired(now):
            self.end(Cause.SESSION_EXPIRED)

    def has_expired(self, now: float) -> bool:
        """Whether it has had no carrier for EXPIRY seconds."""
        return self._adrift_since is not None and now >= self._adrift_since + EXPIRY  # as next_deadline has it

    def ack_later(self, stream: Stream) -> None:
        """Acknowledge *stream* within a quarter round trip, together with all others that wait, or with the next bytes
        that it sends."""
        self._ack_pending[stream.id] = stream
        self._arm_ack()

    def take_ack(self, stream: Stream) -> bool:
        """Whether an acknowledgement of *stream* waits. It does so no longer: the caller says it."""
        return self._ack_pending.pop(stream.id, None) is not None

    def _arm_ack(self) -> None:
        if self._ack_at is None:
            self._ack_at = self.now + min(max(self.srtt / 4, ACK_DELAY_LEAST), ACK_DELAY_MOST)
            self.on_deadline_changed()

    # ---- ends of streams

    def end(self, cause: Cause) -> None:
        """The session is over: every stream is reset at this end."""
        streams, self.streams = self.streams, {}
        self.last_words.take()
        for stream in streams.values():
            self._release(stream)
            if stream.cause is None:
                stream.sink.on_reset(cause)

    def forget(self, stream: Stream) -> None:
        """Nothing more will be said of *stream*."""
        if self.streams.pop(stream.id, None) is not None:
            self._release(stream)

    def _release(self, stream: Stream) -> None:
        stream.leave_all()
        stream.shed()
        self._ack_pending.pop(stream.id, None)

    def settle(self, stream: Stream) -> None:
        """*stream* has made progress towards its end: forget it once both directions are done."""
        if stream.is_done:
            self.take_leave(stream)
            stream.sink = NOBODY

    def take_leave(self, stream: Stream) -> None:
        """Both directions of *stream* are done: say what the peer may still need to hear, and forget it."""
        raise NotImplementedError

    def reset(self, stream: Stream, cause: Cause) -> None:
        """This end gives *stream* up; the peer is told, whatever happens to the carriers."""
        raise NotImplementedError

    def announce(self, leg: Leg, parts: list[bytes | memoryview]) -> int:
        """Put the first words about a stream on a new leg. Returns the bytes appended."""
        raise NotImplementedError

    # ---- frames

    def on_data(self, number: int, offset: int, data: memoryview) -> None:
        stream = self.streams.get(number)
        if stream is not None and not stream.is_over:
            stream.receive(offset, data)

    def on_frame(self, carrier: CarrierEnd, kind: int, body: bytes) -> None:
        handler = self._handlers.get(kind)
        if handler is None:
            raise ProtocolError(f"a {Kind(kind).name} frame that has no place here")
        handler(carrier, body)

    def _on_fin(self, _: CarrierEnd, body: bytes) -> None:
        number, offset = bodies.parse_fin(body)
        stream = self.streams.get(number)
        if stream is not None and not stream.is_over:
            stream.receive_fin(offset)

    def _on_ack(self, _: CarrierEnd, body: bytes) -> None:
        number, received, limit = bodies.parse_ack(body)
        stream = self.streams.get(number)
        if stream is not None:
            stream.receive_ack(received, limit)

    def _on_reset(self, carrier: CarrierEnd, body: bytes) -> None:
        raise NotImplementedError


def _nobody(_: Stream) -> None:
    """Nobody asked."""


def _nothing() -> None:
    """The deadline of a session that nobody watches."""
