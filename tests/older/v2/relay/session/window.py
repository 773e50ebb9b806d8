"""How far a peer may write, and the memory that all streams of a process share.

A limit, once told, is never withdrawn (RFC 9293 section 3.8.6 calls that shrinking the window, and discourages it). At
the memory limit windows shrink to FLOOR as they are used up: there is backpressure, never death.

Why windows at all, with TCP below: a carrier has many streams, and a stream whose client does not read must not hold up
the others. Why they are sized: see Window.
"""

import attrs

INITIAL_WINDOW = 256 * 1024
"""Bytes a peer may write before it hears from us; part of the protocol, since both ends assume it at OPEN. Smaller
costs a round trip on every middling answer (256 KiB is 10 Mbit/s at 200 ms), larger lets idle-looking streams
promise more memory than there is."""
LARGEST_WINDOW = 32 * 1024 * 1024
"""1 Gbit/s at 180 ms needs 23 MB; beyond 32 the kernel's own limits stand first."""
FLOOR = 16 * 1024
"""What every stream is always owed, whatever the memory limit says."""
ACK_BYTES = 64 * 1024
"""Bytes received after which the peer is told, without waiting for the timer, at least."""
ACK_SHARE = 8
"""The same as a part of the window: an eighth. Acknowledging 64 KiB of a window of megabytes costs every hop a wake-up
and gains nothing; at half a window the sender would run dry."""

GAIN = 1.25
"""The window, as a multiple of what the path delivers in a round trip. An eighth of it is always on its way back as
acknowledgements, so that 1.15 would throttle; every 0.1 more is a tenth of a round trip of queue."""
STARTUP_GAIN = 2.5
"""The same while the delivery still rises: slow start doubles in a round trip, and the half is room to see it do so."""
RISING = 1.25
"""While the delivery still grows by RISING from one half window to the next, TCP's slow start must not be held back."""
DELIVERY_KEPT = 0.9
"""What is left of the best delivery with every half window that did not reach it: a path that has become half as
fast is believed after seven of them, and one slow moment costs a tenth."""
SLACK = 0.01
"""Seconds added to the round trip: what processes and schedulers on the way take; on short paths, most of it."""


@attrs.define
class Memory:
    """Bytes that streams hold: written and not acknowledged, or received and not consumed."""

    limit: int
    """From here on there is backpressure, in bytes. It is no hard bound: each stream may still have FLOOR, and what was
    promised before."""
    used: int = 0
    """Kept by the streams themselves, which add what comes and subtract what leaves."""

    @property
    def is_full(self) -> bool:
        """At the limit: no new streams, windows at their floor."""
        return self.used >= self.limit

    @property
    def is_tight(self) -> bool:
        """Beyond half: windows no longer grow."""
        return 2 * self.used >= self.limit


class Window:
    """Sizes one stream's window: doubles while the peer fills it, up to what the path delivers and a little more.

    A window far beyond that only stands in queues on the way, before everybody's keystrokes: the sender's TCP fills
    whatever it is allowed (BBR, twice the path's content). So the window follows the best delivery of late.
    """

    __slots__ = ("_delivery", "_mark_at", "_mark_offset", "ack_after", "size")

    def __init__(self) -> None:
        self.size = INITIAL_WINDOW
        """Bytes that the peer may have written and we not consumed."""
        self.ack_after = ACK_BYTES
        """Bytes received after which an acknowledgement does not wait for its timer. Goes with `size`."""
        self._mark_offset = 0
        self._mark_at = -1.0
        """Where and when the present half window began; -1 before the first."""
        self._delivery = 0.0
        """Best bytes per second of late; forgets a tenth with every half window."""

    def limit(self, consumed: int, told: int, memory: Memory) -> int:
        """The limit to tell, given what was *consumed*; never below *told*."""
        return max(told, consumed + (FLOOR if memory.is_full else self.size))

    def consume(self, consumed: int, now: float, srtt: float, base: float, memory: Memory) -> bool:
        """Note progress; every half window, judge whether the window was what held the peer back, and return it.

        It was, if half of it was consumed within two round trips: then the peer has been sending without a pause. Only
        a window that held the peer back grows.

        *consumed* is an offset; *srtt* is the round trip as it is, *base* that of the empty path, both in seconds.
        """
        moved = consumed - self._mark_offset
        if moved < self.size // 2:
            return False
        taken = now - self._mark_at
        is_filled = self._mark_at >= 0 and taken < 2 * srtt
        if self._mark_at >= 0:
            self._resize(moved / max(taken, 1e-6), base, may_grow=is_filled and not memory.is_tight)
        self._mark_offset, self._mark_at = consumed, now
        return is_filled

    def _resize(self, delivery: float, base: float, *, may_grow: bool) -> None:
        gain = STARTUP_GAIN if delivery > RISING * self._delivery else GAIN
        self._delivery = max(delivery, DELIVERY_KEPT * self._delivery)
        useful = int(gain * self._delivery * (base + SLACK))
        most = min(max(useful, INITIAL_WINDOW), LARGEST_WINDOW)
        self.size = min(2 * self.size if may_grow else self.size, most)
        self.ack_after = max(ACK_BYTES, self.size // ACK_SHARE)
