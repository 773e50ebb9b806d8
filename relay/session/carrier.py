"""One end of one carrier: cuts what arrives into frames for its session, and pulls from streams, in turn, what leaves.

Control frames go first (they are few and small), then last words, then the streams that have something, one
quantum each. A carrier never holds a stream's bytes: it asks for them when it can send them.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from relay.session.last_words import Unconfirmed
from relay.session.sender import Leg
from relay.wire import bodies
from relay.wire.frames import DATA_HEADER_SIZE, FrameReader, frame

if TYPE_CHECKING:
    from relay.session.session import Session

SHARED_QUANTUM = 16 * 1024 - DATA_HEADER_SIZE
"""Payload a stream sends in its turn where streams share a carrier: more delays the keystrokes beside it. With the
frame's header it fills one TLS record (RFC 8446 section 5.1); any more would start another for a few bytes."""
BULK_QUANTUM = 64 * 1024 - DATA_HEADER_SIZE
"""The same on a carrier for bulk, four records; larger no longer pays."""


class CarrierEnd:
    """What a session knows of one carrier. `on_ready` is called when there is something to pull and may be repeated."""

    __slots__ = (
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
        "quantum",
        "reader",
        "ready",
        "session",
        "spoke_at",
        "unconfirmed",
    )

    def __init__(self, session: "Session", number: int, name: str, is_bulk: bool, on_ready: Callable[[], None]) -> None:
        self.session = session
        self.number = number
        self.name = name
        """The path it takes, for logs and for `ingress paths`."""
        self.is_bulk = is_bulk
        self.quantum = BULK_QUANTUM if is_bulk else SHARED_QUANTUM
        self.on_ready = on_ready
        self.legs: dict[int, Leg] = {}
        """By stream: the streams that ride here."""
        self.control: deque[bytes] = deque()
        self.ready: deque[Leg] = deque()
        self.unconfirmed = Unconfirmed()
        self.reader = FrameReader(session.on_data, partial(session.on_frame, self))
        self.is_lost = False
        self.is_doubted = False
        """It stalls: what was given to it may not arrive, so it gets no last words until it is heard again."""
        self.heard_at = session.now
        self.base_rtt = 0.0
        """Least round trip of late, in seconds: that of the path without queues; 0 while it is not known."""
        self.spoke_at = session.now
        """When a stream last had something to say here, if only that bytes have come; at first, when it was made."""
        self.bytes_in = 0
        self.bytes_out = 0

    def __repr__(self) -> str:
        state = "lost" if self.is_lost else "up"
        return f"<CarrierEnd {self.number} {self.name} {state}, {len(self.legs)} streams, {len(self.ready)} ready>"

    def receive(self, data: memoryview, now: float) -> None:
        """Bytes from the peer.

        Raises:
            ProtocolError: the carrier must be closed (and `Session.lose` called); its streams are unharmed.
        """
        self.session.now = self.heard_at = now
        self.session.heard_last = self
        self.bytes_in += len(data)
        if self.is_doubted:
            self.is_doubted = False
            self.on_ready()
        self.reader.receive(data)

    def data_to_send(self, now: float) -> bytes:
        """The next bytes for the carrier, about one quantum; b"" when nothing waits.

        What is returned counts as sent: it must go out, whole and in order, or the carrier is lost.
        """
        if self.is_lost:
            return b""  # it would take last words with it
        self.session.now = now
        parts: list[bytes | memoryview] = []
        size = 0
        while self.control:
            parts.append(self.control.popleft())
        if self.session.last_words.waiting and not self.is_doubted:
            words = self.session.last_words.take()
            self.unconfirmed.add(words)
            parts += words
        ready = self.ready
        while ready and size < self.quantum:
            leg = ready.popleft()
            leg.is_queued = False
            stream = leg.stream
            if self.legs.get(stream.id) is leg:
                size += stream.emit(leg, parts, self.quantum)
                self.spoke_at = now
                if not leg.is_queued and not stream.is_over and stream.sender.has_more(leg):
                    leg.is_queued = True
                    ready.append(leg)
        data = b"".join(parts)
        self.bytes_out += len(data)
        return data

    def enqueue(self, leg: Leg) -> None:
        """*leg* has something to send."""
        leg.is_queued = True
        self.ready.append(leg)
        self.on_ready()

    def send(self, whole: bytes) -> None:
        """Put one whole control frame in front of the streams."""
        self.control.append(whole)
        self.on_ready()

    def ping(self, number: int) -> None:
        """Ask for a PONG, and tell the round trip; *number* grows."""
        self.send(bodies.ping(number, self.base_rtt, bool(self.legs)))
        self.unconfirmed.pinged(number)

    def send_frame(self, kind: int, body: bytes = b"") -> None:
        self.send(frame(kind, body))
