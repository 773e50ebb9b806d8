"""What the kernel at one end of a line knows of what it has sent over it. A plain value, pure.

Its TCP tells what no ping can: loss far below one in a hundred, in which of the two directions, and how fast bytes were
taken. Each end knows only the direction in which it sends.
"""

import attrs


@attrs.frozen
class Sent:
    """Of one connection, or of all that a line has had. Counts only grow; times are seconds, sizes bytes."""

    segments: int = 0
    """With data, those that were sent again included."""
    retransmitted: int = 0
    """Of these, sent again."""
    needless: int = 0
    """Of those, sent again though the other end had them, as it said (DSACK, RFC 2883): nothing was lost."""
    delivered: int = 0
    """Bytes that were acknowledged."""
    rate: float | None = None
    """What was delivered each second when that was looked at last; of several connections, the fastest that is up."""
    round_trip: float | None = None
    """Of that connection, smoothed."""
    least: float | None = None
    """The least round trip that it had lately."""

    @property
    def lost(self) -> int:
        """Segments that did not arrive, as far as is known by now: what was needless may be told later."""
        return max(0, self.retransmitted - self.needless)

    @property
    def counts(self) -> "Sent":
        """What remains of it when its connection has ended."""
        return Sent(self.segments, self.retransmitted, self.needless, self.delivered)

    def plus(self, other: "Sent") -> "Sent":
        """Both together."""
        faster = other if (other.rate or 0.0) > (self.rate or 0.0) else self
        return Sent(
            self.segments + other.segments,
            self.retransmitted + other.retransmitted,
            self.needless + other.needless,
            self.delivered + other.delivered,
            faster.rate,
            faster.round_trip,
            faster.least,
        )


NOTHING_SENT = Sent()
"""Of a connection that is new, or of which the kernel tells nothing."""
