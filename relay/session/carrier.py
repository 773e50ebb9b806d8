"""One end of one carrier: cuts what arrives into frames for its session, and pulls from streams, in turn, what leaves.

Knows streams only through their legs, the session as `CarrierSession`, and whoever keeps the connection below as
`CarrierOwner`: all three are built on top of it. Order of what leaves:

1. control frames (PING, PONG, questions, answers): few, small, and the round trip is measured with them;
2. last words about forgotten streams: nobody else will say them (last_words.py);
3. the streams that have something, one quantum each, in the order in which their legs asked.

What must stay true:
1. No byte of a stream waits here. It is asked when the connection below can send, and what it gives leaves at once.
2. A leg is in `ready` exactly when its `is_queued` is set, so that it is there once.
3. Whatever waits, `on_ready` was called for it since `data_to_send` last returned b"".
4. What a peer can make us keep for it is bounded: whoever asks and does not read is not heard (`is_full`).
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from relay.session.last_words import LastWords, Unconfirmed
from relay.session.leg import Leg
from relay.session.sender import Parts
from relay.session.unanswered import Unanswered
from relay.wire import bodies
from relay.wire.frames import BUDGET, DATA_HEADER_SIZE, FrameReader

SHARED_QUANTUM = 16 * 1024 - DATA_HEADER_SIZE
"""Payload a stream sends in its turn where streams share a carrier: more delays the keystrokes beside it. With the
frame's header it fills one TLS record (RFC 8446 section 5.1); any more would start another for a few bytes."""
BULK_QUANTUM = 64 * 1024 - DATA_HEADER_SIZE
"""The same on a carrier for bulk, four records; larger no longer pays."""
MOST_WAITING = 1024
"""Frames that answer the peer and that it has not read yet, beyond which nothing more is read of it. A stalled path has
a few dozen pings; an ingress that rescues thousands of streams, which an exit does not know, is slowed down."""


class CarrierSession(Protocol):
    """The session, as its carriers see it."""

    now: float
    """The time last told, in seconds; every call from below that knows the time sets it."""
    heard_last: "CarrierEnd | None"
    """The carrier that bytes came on last: the best bet for last words."""

    @property
    def last_words(self) -> LastWords:
        """What waits for any carrier."""

    def on_data(self, number: int, offset: int, data: memoryview) -> None:
        """Payload of stream *number*; the view dies with the call. May raise ProtocolError."""

    def on_frame(self, carrier: "CarrierEnd", kind: int, body: bytes) -> None:
        """Any other frame, whole. May raise ProtocolError."""


class CarrierOwner(Protocol):
    """Whoever keeps the connection below, and has to act on what is said of this carrier or its node, not of streams.

    Calls come from inside `CarrierEnd.receive`, in the order of the wire.
    """

    def on_pong(self, name: int) -> None:
        """The PING that was asked as *name* was answered on this carrier (at the ingress; an exit never asks)."""

    def on_notice(self, kind: int, body: bytes) -> None:
        """A frame that concerns no stream: GOAWAY, STATUS, TIMED, LABELED, ASSOC_GONE at the ingress; TIME, LABEL and
        ASSOC_END at the exit. *body* is not parsed yet; a ProtocolError closes the carrier, as all in `receive`."""


class CarrierEnd:
    """One end of a carrier that is up, from `Session.add_carrier` to `Session.lose`.

    The shell feeds it: `receive` with what came, `data_to_send` when the connection can take more. It is made by its
    session and knows it; nobody constructs one otherwise.
    """

    __slots__ = (
        "_unanswered",
        "base_rtt",
        "bytes_in",
        "bytes_out",
        "control",
        "heard_at",
        "is_bulk",
        "is_doubted",
        "is_lost",
        "legs",
        "name",
        "number",
        "on_ready",
        "owner",
        "quantum",
        "reader",
        "ready",
        "session",
        "spoke_at",
        "unconfirmed",
    )

    def __init__(
        self,
        session: CarrierSession,
        number: int,
        name: str,
        is_bulk: bool,
        on_ready: Callable[[], None],
        owner: CarrierOwner,
    ) -> None:
        self.session = session
        self.owner = owner
        self.number = number
        """Counts the carriers of the session at this end, from 1; the other end counts for itself."""
        self.name = name
        """The path it takes, for logs and for `ingress paths`."""
        self.is_bulk = is_bulk
        """Made for one stream that fills its window: larger turns, and no small stream is put here."""
        self.quantum = BULK_QUANTUM if is_bulk else SHARED_QUANTUM
        """Bytes of payload that a stream gets in its turn, and about what one pull returns."""
        self.on_ready = on_ready
        """Called when there is something to pull, again and again until it is pulled: it must be cheap and idempotent.
        Of all that the carrier tells, it alone goes straight to the connection: it is called for every stream."""
        self.legs: dict[int, Leg[CarrierEnd]] = {}
        """By stream id: the legs that ride here. Streams enter and leave by themselves."""
        self.control: deque[bytes] = deque()
        self.ready: deque[Leg[CarrierEnd]] = deque()
        """Who waits for a turn; some may have left the carrier since, and are passed over."""
        self.unconfirmed = Unconfirmed()
        self._unanswered = Unanswered()
        self.reader = FrameReader(session.on_data, partial(session.on_frame, self))
        self.is_lost = False
        """Set by `Session.lose`: nothing is pulled from it any more."""
        self.is_doubted = False
        """It stalls: what was given to it may not arrive, so it gets no last words until it is heard again."""
        self.heard_at = session.now
        """When bytes last came; at first, when it was made."""
        self.base_rtt = 0.0
        """Least round trip of late, in seconds: that of the path without queues; 0 while it is not known. The ingress
        measures it and sets it; the exit learns it from PING."""
        self.spoke_at = session.now
        """When a stream last had something to say here, if only that bytes have come; at first, when it was made."""
        self.bytes_in = 0
        self.bytes_out = 0
        """Bytes of frames in either direction, before TLS."""

    def __repr__(self) -> str:
        state = "lost" if self.is_lost else "up"
        return f"<CarrierEnd {self.number} {self.name} {state}, {len(self.legs)} streams, {len(self.ready)} ready>"

    # ---- for the connection below

    def receive(self, data: memoryview, now: float) -> bool:
        """Bytes from the peer, cut anywhere. All that they cause is called from here: sinks, the owner, `on_ready`.

        Returns:
            Whether some of them are left: then it must be called again, with nothing, when others have had their turn,
            and before more is read of the peer; if it `is_full`, not before something was pulled.

        Raises:
            ProtocolError: the carrier must be closed (and `Session.lose` called); its streams are unharmed.
        """
        self.session.now = now
        if data:
            self.heard_at = now
            self.session.heard_last = self
            self.bytes_in += len(data)
            if self.is_doubted:
                self.is_doubted = False
                self.on_ready()
        return self.reader.receive(data, 0 if self.is_full else BUDGET)

    @property
    def is_full(self) -> bool:
        """Whether so many answers wait to be pulled that the peer is not listened to: it asks, and does not read."""
        return len(self.control) > MOST_WAITING or len(self.ready) > len(self.legs) + MOST_WAITING

    def data_to_send(self, now: float) -> bytes:
        """The next bytes for the carrier, about one quantum; b"" when nothing waits, or the carrier is lost.

        What is returned counts as sent: it must go out, whole and in order, or the carrier is lost. It should be called
        when the connection can take bytes, and not before: what was pulled can no longer go another way.
        """
        session, ready = self.session, self.ready
        has_words = session.last_words.waiting and not self.is_doubted
        if self.is_lost or not (ready or self.control or has_words):  # lost, it would take last words with it
            return b""
        session.now = now
        parts: Parts = []
        size = 0
        while self.control:
            parts.append(self.control.popleft())
        if has_words:
            words = session.last_words.take()
            self.unconfirmed.add(words)
            parts += words
        while ready and size < self.quantum:
            leg = ready.popleft()
            leg.is_queued = False
            stream = leg.stream
            if self.legs.get(stream.id) is leg:
                size += stream.emit(leg, parts, self.quantum)
                self.spoke_at = now
                if leg.has_more and not leg.is_queued:
                    leg.is_queued = True  # to the end of the line
                    ready.append(leg)
        data = b"".join(parts)
        self.bytes_out += len(data)
        return data

    # ---- for legs and sessions

    def enqueue(self, leg: "Leg[CarrierEnd]") -> None:
        """*leg*, which is not queued, has something to send: it gets a turn."""
        leg.is_queued = True
        self.ready.append(leg)
        self.on_ready()

    def send(self, frame: bytes) -> None:
        """Put one whole control frame in front of the streams. It is lost if the carrier dies before it arrives."""
        self.control.append(frame)
        self.on_ready()

    def ping(self, name: int) -> None:
        """Ask for a PONG, and tell the peer the round trip. The answer brings *name*, which grows from one to the next,
        to `CarrierOwner.on_pong`, and also confirms the last words given before. What goes over the wire is another
        number.

        Raises:
            ProtocolError: the peer answers none; the carrier must be closed, as after `receive`.
        """
        self.send(bodies.ping(self._unanswered.ask(name), self.base_rtt, bool(self.legs)))
        self.unconfirmed.pinged(name)

    @property
    def oldest_ping(self) -> int | None:
        """The name of the first PING that waits for its answer; None if none does."""
        return self._unanswered.oldest

    def ponged(self, number: int) -> None:
        """A PONG with *number* has come.

        Raises:
            ProtocolError: it answers nothing.
        """
        name = self._unanswered.answer(number)
        self.unconfirmed.ponged(name)
        self.owner.on_pong(name)


def tell_owner(kind: int, carrier: CarrierEnd, body: bytes) -> None:
    """A frame of *kind* has come on *carrier*, and is its owner's affair."""
    carrier.owner.on_notice(kind, body)
