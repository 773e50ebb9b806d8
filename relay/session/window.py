"""How far a peer may write, and the memory that all streams of a process share. docs/memory.md has the arithmetic.

A limit, once told, is never withdrawn (RFC 9293 section 3.8.6 calls that shrinking the window, and discourages it). So
memory is counted by what was promised, not by what has come: whoever promises more than there is has lost already.

- Every stream *starts* with a window of its own, which is smaller the more streams there are, and never below FLOOR.
- Beyond that it *grows* as its bytes are consumed, up to what the path delivers, and up to a share of what is free.
- What was consumed by nobody is not promised again: a stream that nobody reads gives back what it had grown.

Why windows at all, with TCP below: a carrier has many streams, and a stream whose client does not read must not hold up
the others. Why they are sized: see Window.
"""

import attrs

from relay.wire.bodies import INITIAL_WINDOW

LARGEST_WINDOW = 32 * 1024 * 1024
"""1 Gbit/s at 180 ms needs 23 MB; beyond 32 the kernel's own limits stand first."""
FLOOR = 16 * 1024
"""What every stream is always owed, whatever the memory limit says."""
SLOPE = 256
"""A newcomer starts with one part in so many of what is left to newcomers: at 256 MiB the first 256 streams get all of
INITIAL_WINDOW, the 700th a quarter of it."""
SHARES = 48
"""The same for a stream that grows, once half of what there is to grow into is taken; before that it may have half of
what is above that half."""
BACKLOG = 256 * 1024
"""Bytes that the kernel may hold unsent for a socket without its stream's window being the smaller for it. Less, and
a client as slow as its stream runs dry between two grants; more is promised to clients that have stopped reading."""
ACK_BYTES = 64 * 1024
"""Bytes received after which the peer is told, without waiting for the timer, at least."""
ACK_SHARE = 8
"""The same as a part of the window: an eighth. Acknowledging 64 KiB of a window of megabytes costs every hop a wake-up
and gains nothing; at half a window the sender would run dry."""

GAIN = 1.25
"""The window, as a multiple of what the path delivers in a round trip. An eighth of it is always on its way back as
acknowledgements, so that 1.15 would throttle; every 0.1 more is a tenth of a round trip of queue."""
STARTUP_GAIN = 4.0
"""The same while the delivery still rises: slow start doubles in a round trip, on a carrier that is warm already it is
faster, and what was measured is half a round trip old."""
RISING = 1.25
"""While the delivery still grows by RISING from one half window to the next, TCP's slow start must not be held back."""
DELIVERY_KEPT = 0.9
"""What is left of the best delivery with every half window that did not reach it: a path that has become half as
fast is believed after seven of them, and one slow moment costs a tenth."""
SHORTEST = 0.03
"""Seconds below which a round trip makes the window no smaller: there it is no queue that anybody notices, and small
windows cost a fifth more CPU per byte, in acknowledgements and in wake-ups for little."""
SLACK = 0.01
"""Seconds added to the round trip: what processes and schedulers on the way take; on short paths, most of it."""


@attrs.frozen
class MemoryStatistics:
    """What streams hold and have promised at one moment, in bytes."""

    limit: int
    started: int
    used: int
    denied: int
    cut_short: int = 0


class Memory:
    """What the streams of a process have promised to take, and what they keep until it is acknowledged.

    Half of `limit` is for starting, three eighths for growing, and the rest is what floors may take beyond.
    """

    __slots__ = ("_growth", "cut_short", "denied", "limit", "short_at", "started", "used")

    def __init__(self, limit: int) -> None:
        """*limit* in bytes."""
        self.started = 0
        """What streams that live were given to start with, together."""
        self.used = 0
        """What was promised beyond that and not consumed, and all that was written and is not acknowledged. Kept by the
        streams themselves, which add what comes and subtract what leaves."""
        self.cut_short = 0
        """Resets that waited in vain for what was written before them to go all the way (`Session`)."""
        self.denied = 0
        """How often a window was made smaller than it should be for want of memory."""
        self.resize(limit)

    def resize(self, limit: int) -> None:
        """Go by another *limit* from now on; nothing that was promised is taken back."""
        self.limit = limit
        self._growth = limit * 3 // 8
        self.short_at = self._growth // 2
        """With more than this in use, streams get shares of what is left."""

    @property
    def is_full(self) -> bool:
        """At the limit: whoever cannot be given less than INITIAL_WINDOW is refused."""
        return self.started + self.used >= self.limit

    @property
    def is_short(self) -> bool:
        """What there is to grow into is half taken: streams get shares of the rest."""
        return self.used > self.short_at

    def start(self) -> int:
        """The window that a stream opened now may start with. It counts once it is added to `started`."""
        return min(INITIAL_WINDOW, max(FLOOR, (self.limit // 2 - self.started) // SLOPE))

    def share(self, own: int) -> int:
        """How much one stream may have beyond its start; *own* is what it has of `used` already."""
        free = self._growth - self.used + own
        return max((free - self.short_at) // 2, free // SHARES, 0)

    def window(self, wish: int, start: int, own: int) -> int:
        """How much of the window *wish* is granted to a stream that started with *start* and has *own* of `used`."""
        most = start + self.share(own)
        if most >= wish:
            return wish
        self.denied += 1
        return max(most, FLOOR)

    def statistics(self) -> MemoryStatistics:
        """All of it."""
        return MemoryStatistics(self.limit, self.started, self.used, self.denied, self.cut_short)

    def note_cut_short(self) -> None:
        """What was kept for a reset to follow it is given up."""
        self.cut_short += 1

    def __repr__(self) -> str:
        return f"<Memory {self.started} started, {self.used} used of {self.limit}>"


class Window:
    """Sizes one stream's window: doubles while the peer fills it, up to what the path delivers and a little more.

    A window far beyond that only stands in queues on the way, before everybody's keystrokes: the sender's TCP fills
    whatever it is allowed (BBR, twice the path's content). So the window follows the best delivery of late.

    It is a wish: what `Memory` grants of it is the stream's affair.
    """

    __slots__ = ("_delivery", "_mark_at", "_most", "_span_at", "_span_offset", "ack_after", "mark", "size")

    def __init__(self, size: int = INITIAL_WINDOW) -> None:
        """*size* is what the stream starts with."""
        self.size = size
        """Bytes that the peer may have written and we not consumed."""
        self.ack_after = ACK_BYTES
        """Bytes received after which an acknowledgement does not wait for its timer. Goes with `size`."""
        self.mark = 0
        self._mark_at = -1.0
        """Where and when the present half window began; -1 before the first."""
        self._span_offset = 0
        self._span_at = -1.0
        """The same of the time over which delivery is measured."""
        self._delivery = 0.0
        """Best bytes per second of late; forgets a tenth with every measurement."""
        self._most = 4 * INITIAL_WINDOW
        """What the delivery is worth: the size does not pass it."""

    def consume(self, consumed: int, now: float, srtt: float, base: float) -> bool:
        """Note progress; every half window, judge whether the window was what held the peer back, and return it.

        It was, if half of it was consumed within two round trips: then the peer has been sending without a pause. Only
        a window that held the peer back grows.

        *consumed* is an offset; *srtt* is the round trip as it is, *base* that of the empty path, both in seconds.
        """
        if consumed - self.mark < self.size // 2:
            return False
        is_filled = self._mark_at >= 0 and now - self._mark_at < 2 * srtt
        if self._span_at < 0:
            self._span_offset, self._span_at = consumed, now
        elif now - self._span_at >= (base + SLACK) / 2:
            self._measure((consumed - self._span_offset) / (now - self._span_at), base)
            self._span_offset, self._span_at = consumed, now
        self.size = min(2 * self.size if is_filled else self.size, self._most)
        self.ack_after = max(ACK_BYTES, self.size // ACK_SHARE)
        self.mark, self._mark_at = consumed, now
        return is_filled

    def _measure(self, delivery: float, base: float) -> None:
        """*delivery* was that of half a round trip at least: over less, a burst that was read at once looks like a path
        without end."""
        gain = STARTUP_GAIN if delivery > RISING * self._delivery else GAIN
        self._delivery = max(delivery, DELIVERY_KEPT * self._delivery)
        useful = int(gain * self._delivery * (max(base, SHORTEST) + SLACK))
        self._most = min(max(useful, INITIAL_WINDOW), LARGEST_WINDOW)


FRESH = Window()
"""That of all streams that have not come to the end of its first half, which most never do. Never changed."""
