"""Bytes under way on a line: when each chunk arrives. Pure: `now` is an argument, chance comes from a given generator.

What must stay true: chunks of one flight arrive in the order they were sent, none before its line's delay has passed,
none while that way is blocked; what a flight holds is bounded, and a full one says so by having no room.
"""

import enum
from collections import deque
from random import Random

CHUNK = 256 * 1024
"""Bytes taken in one read. Smaller costs wake-ups, larger holds up the other connections for a millisecond."""
SEGMENT = 1448
"""Bytes of payload in one TCP segment: what is lost together."""
IN_FLIGHT = 16 * 1024 * 1024
"""Bytes that one flight holds. A sender's window: with less, a fast line of 100 ms one way would be slowed by us."""
QUEUE = 0.1
"""Seconds that bytes may wait for a line's rate before its senders are held back: a router's buffer."""
SLICE = 0.0025
"""Seconds of a line's rate that one connection takes in one read, so that connections take turns. All of a read
arrives when its last byte does: at 0.01, requests beside a download over a line of 100 Mbit/s took 14 ms longer."""
BURST = 5.0
"""Seconds of its rate that a policer lets pass at once, after as long without anything."""
RETRANSMIT = 0.2
"""Seconds that Linux adds to the round trip, at least, before it sends an unacknowledged segment again."""


class Mark(enum.Enum):
    """What ends a flight."""

    FIN = enum.auto()
    RESET = enum.auto()


class OneWay:
    """One direction of a line: the conditions that all flights on it share, and the queue for its rate."""

    __slots__ = (
        "_tokens",
        "_tokens_at",
        "blocked",
        "carried",
        "delay",
        "free_at",
        "jitter",
        "loss",
        "policed",
        "random",
        "rate",
        "round_trip",
    )

    def __init__(self, random: Random) -> None:
        self.random = random
        self.delay = 0.0
        self.round_trip = 0.0
        self.jitter = 0.0
        """The most that chance adds to `delay`, evenly spread."""
        self.loss = 0.0
        """Share of segments lost, 0 to 1."""
        self.rate: float | None = None
        """Bytes per second, all flights together; None for as fast as it goes."""
        self.free_at = 0.0
        """When the last byte that was sent has left the queue."""
        self.policed: float | None = None
        """Bytes per second of datagrams that pass, after a burst of BURST seconds of them; TCP is left alone."""
        self._tokens = self._tokens_at = 0.0
        self.blocked = False
        self.carried = 0
        """Bytes that have come out at the other end."""

    def block(self, is_blocked: bool) -> None:
        """Let nothing arrive and nothing be sent, or again everything."""
        self.blocked = is_blocked

    def set_conditions(self, round_trip: float, jitter: float, loss: float, rate: float | None) -> None:
        """What holds for what is sent from now on; *round_trip* and *jitter* are of both directions together."""
        self.delay = round_trip / 2
        self.round_trip = round_trip
        self.jitter = jitter / 2
        self.loss = loss
        self.rate = rate
        if not rate:
            self.free_at = 0.0

    def police(self, rate: float | None) -> None:
        """Let no more than *rate* bytes a second of datagrams pass from now on; None: all of them."""
        self.policed = rate
        self._tokens = self._tokens_at = 0.0  # the clock has run for long: the first burst may pass

    def _is_policed(self, size: int, now: float) -> bool:
        """Whether a datagram of *size* bytes is more than may pass; else it counts as passed."""
        if self.policed is None:
            return False
        left = min(self._tokens + (now - self._tokens_at) * self.policed, self.policed * BURST)
        is_more = left < size
        self._tokens, self._tokens_at = left if is_more else left - size, now
        return is_more

    def add_carried(self, size: int) -> None:
        """So many bytes have come out at the other end."""
        self.carried += size

    def arrival(self, size: int, now: float) -> float:
        """Send *size* bytes at *now*: when they are at the other end, if nothing stands before them."""
        sent = now
        if self.rate is not None:
            sent = self.free_at = max(now, self.free_at) + size / self.rate
        return sent + self.delay + self.random.random() * self.jitter + self.stall(size)

    def datagram_arrival(self, size: int, now: float) -> float | None:
        """The same of one datagram; None if it is lost: by chance, to a policer, at a full queue, or because
        nothing passes."""
        if self.blocked or (self.loss and self.random.random() < self.loss) or self._is_policed(size, now):
            return None
        sent = now
        if self.rate is not None:
            if self.free_at - now > QUEUE:
                return None
            sent = self.free_at = max(now, self.free_at) + size / self.rate
        return sent + self.delay + self.random.random() * self.jitter

    def stall(self, size: int) -> float:
        """Seconds that *size* bytes wait for what was lost of them to be sent again.

        Chunks that reach over four segments are mended by the acknowledgements behind the hole, in one round trip;
        lone segments wait for the retransmission time-out, which doubles when the copy is lost as well.
        """
        if not self.loss:
            return 0.0
        segments = max(1, -(-size // SEGMENT))
        if self.random.random() >= 1 - (1 - self.loss) ** segments:
            return 0.0
        timeout = self.round_trip + RETRANSMIT
        waited = self.round_trip if segments > 4 else timeout
        while self.random.random() < self.loss and timeout < 60:
            timeout *= 2
            waited += timeout
        return waited

    def room(self, now: float) -> int:
        """Bytes that one connection may send at *now*; 0 while the way is blocked or its queue is full."""
        if self.blocked:
            return 0
        if self.rate is None:
            return CHUNK
        if self.free_at - now > QUEUE:
            return 0
        return min(CHUNK, max(SEGMENT, int(self.rate * SLICE)))

    def wake(self) -> float | None:
        """When a queue that is full has room again; None if that hangs on something else."""
        return None if self.rate is None or self.blocked else self.free_at - QUEUE


class Flight:
    """One connection's bytes on one way, first in, first out."""

    __slots__ = ("_chunks", "_last", "held", "way")

    def __init__(self, way: OneWay) -> None:
        self.way = way
        self.held = 0
        """Bytes sent and not yet taken out."""
        self._chunks: deque[tuple[float, memoryview | Mark]] = deque()
        self._last = 0.0

    def room(self, now: float) -> int:
        """Bytes that may be sent at *now*."""
        return min(self.way.room(now), IN_FLIGHT - self.held)

    def send(self, data: bytes, now: float) -> None:
        """Put *data* on its way; the caller has asked for `room`."""
        self._last = max(self._last, self.way.arrival(len(data), now))
        self._chunks.append((self._last, memoryview(data)))
        self.held += len(data)

    def end(self, mark: Mark, now: float) -> None:
        """Put the end of the stream behind all that was sent."""
        self._last = max(self._last, self.way.arrival(0, now))
        self._chunks.append((self._last, mark))

    def arrived(self, now: float) -> memoryview | Mark | None:
        """The first chunk, if it has arrived by *now*; it stays until `take`."""
        if not self._chunks or self.way.blocked or self._chunks[0][0] > now:
            return None
        return self._chunks[0][1]

    def take(self, size: int) -> None:
        """Take *size* bytes (a mark: any size) out of the first chunk."""
        when, first = self._chunks.popleft()
        if isinstance(first, Mark):
            return
        self.held -= size
        self.way.add_carried(size)
        if size < len(first):
            self._chunks.appendleft((when, first[size:]))

    def next_arrival(self) -> float | None:
        """When the first chunk arrives or has arrived; None if there is none or the way is blocked."""
        return None if not self._chunks or self.way.blocked else self._chunks[0][0]

    def drop(self) -> None:
        """Forget all that is under way: its receiver is gone."""
        self._chunks.clear()
        self.held = 0
