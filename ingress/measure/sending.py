"""How much of what one end of a line sends is lost on it: the last minutes of what its kernel counted.

Pings see one loss in a hundred at best, and never which way. TCP counts every segment: ten thousand of them tell one
loss in a thousand from one in a hundred. Losses come together, so that a share of them is worth less than as many
independent ones: what the pieces of the window differ by is what it may be wrong by.
"""

import math
import statistics
from collections.abc import Sequence

import attrs

from ingress.measure.estimators import quantile
from relay.model.sent import Sent

WINDOW = 600.0
"""Seconds that are remembered."""
FRESH, ENOUGH = 60.0, 20_000
"""Seconds, and segments, both, that are enough: what lies further back is then left out, so that on a line in use a
loss is known for what it is within a minute, and its end too."""
SHOWN, SHARED = 10_000, 3
"""Segments, and intervals that they are of, from which on something is said at all: in one interval, what was lost at
one moment is not told from what is lost all the time."""
APART = 5.0
"""Seconds between two readings; one that comes sooner is left out, since its rate would be wild. The next one has what
it counted."""
PIECE = 1_000
"""Segments that are compared with as many others."""
SURE = 1.96
"""Standard errors of both bounds: they hold 19 times of 20."""

POLICED = 0.02
"""Share that a policer takes at least from whoever sends faster than it lets."""
LEVEL, MOSTLY = 0.15, 0.75
"""Share by which the rate may differ while it is level, and of the time in which it has to be."""
NO_QUEUE, OFTEN = 1.1, 0.25
"""Times its least that a round trip may have while no queue stands before the loss, and share of the time in which that
must be seen: a queue that drops is never far from full, and the rest may be a machine that is busy."""
SLOWER, BUSY = 0.7, 500
"""Share of that rate below which nothing is lost to a policer, and segments that tell: without them, a steady stream
over a line that always loses looks the same. (What both loses and is slow may be the beginning of what is fast.)"""
MOSTLY_POLICED = 3
"""Intervals that have to be so."""


@attrs.frozen
class LossShare:
    """A share of segments that were lost, from 0 to 1, and between which it truly is."""

    share: float
    low: float
    high: float
    segments: int
    """By which it is known."""


@attrs.frozen
class Interval:
    """What was sent between two readings."""

    at: float
    """The second one's."""
    seconds: float
    segments: int
    lost: int
    """May be below 0: what was sent again without need is told later."""
    delivered: int
    waits: float | None
    """Times its least, the round trip at the end."""

    @property
    def rate(self) -> float:
        """Bytes per second that arrived."""
        return self.delivered / self.seconds

    @property
    def share(self) -> float:
        """Of its segments, those that were lost."""
        return max(0, self.lost) / self.segments if self.segments else 0.0


@attrs.frozen
class Sending:
    """What one end told of what it sends over one line. `heard` gives the next; nothing is changed."""

    last: Sent
    at: float
    intervals: tuple[Interval, ...] = ()

    def heard(self, sent: Sent, now: float) -> "Sending":
        """With a reading of *now*. If it counts less than the last one, its process has begun anew, and so do we."""
        if _has_begun_anew(self.last, sent):
            return Sending(sent, now, self._kept(now))
        if now - self.at < APART:
            return self
        return Sending(sent, now, (*self._kept(now), _between(self.last, self.at, sent, now)))

    def _kept(self, now: float) -> tuple[Interval, ...]:
        return tuple(one for one in self.intervals if now - one.at < WINDOW)

    def loss(self, now: float) -> LossShare | None:
        """What is lost lately; None while too little was sent to tell."""
        recent = _recent(self._kept(now), now)
        segments = sum(one.segments for one in recent)
        if segments < SHOWN or len(recent) < SHARED:
            return None
        lost = min(max(0, sum(one.lost for one in recent)), segments)
        low, high = bounds(lost, segments, clumping(recent))
        return LossShare(lost / segments, low, high, segments)

    def rate(self, now: float) -> float:
        """Bytes per second that arrived lately."""
        recent = _recent(self._kept(now), now)
        return sum(one.delivered for one in recent) / max(APART, sum(one.seconds for one in recent))

    def policed(self, now: float) -> float | None:
        """Bytes per second at which a policer lets nothing more pass; None if nothing looks like one."""
        kept = self._kept(now)
        losing = [one for one in kept if one.segments >= BUSY and one.share >= POLICED]
        if len(losing) < MOSTLY_POLICED or sum(one.segments for one in losing) < SHOWN:
            return None
        rate = statistics.median(one.rate for one in losing)
        is_level = sum(abs(one.rate - rate) <= LEVEL * rate for one in losing) >= MOSTLY * len(losing)
        waits = [one.waits for one in losing if one.waits is not None]
        has_queue = not waits or quantile(waits, OFTEN) > NO_QUEUE
        slow = [one for one in kept if one.rate < SLOWER * rate and one.share < POLICED]
        is_harmless = sum(one.segments for one in slow) >= BUSY and _share(slow) < _share(losing) / 2
        return rate if is_level and not has_queue and is_harmless else None


def _has_begun_anew(before: Sent, after: Sent) -> bool:
    counts = zip(attrs.astuple(before.counts), attrs.astuple(after.counts), strict=True)
    return any(later is not None and later < earlier for earlier, later in counts)


def _between(before: Sent, since: float, after: Sent, now: float) -> Interval:
    again, needless = after.retransmitted - before.retransmitted, after.needless - before.needless
    waits = after.round_trip / after.least if after.round_trip is not None and after.least else None
    return Interval(
        now, now - since, after.segments - before.segments, again - needless, after.delivered - before.delivered, waits
    )


def _recent(intervals: Sequence[Interval], now: float) -> list[Interval]:
    """The newest of them that are enough, or all, in their order."""
    found: list[Interval] = []
    segments = 0
    for one in reversed([one for one in intervals if one.segments]):
        if segments >= ENOUGH and len(found) >= SHARED and now - one.at >= FRESH:
            break
        found.append(one)
        segments += one.segments
    return found[::-1]


def _share(intervals: Sequence[Interval]) -> float:
    return max(0, sum(one.lost for one in intervals)) / max(1, sum(one.segments for one in intervals))


def clumping(intervals: Sequence[Interval]) -> float:
    """Times what chance would have it, by which pieces of *intervals* differ in what they lost; at least 1."""
    pieces = [(segments, lost) for segments, lost in _pieces(intervals)]
    share = _share(intervals)
    if len(pieces) < 2 or not share:
        return 1.0
    off = sum((lost - segments * share) ** 2 / (segments * share) for segments, lost in pieces)
    return max(1.0, off / (len(pieces) - 1))


def _pieces(intervals: Sequence[Interval]) -> list[tuple[int, int]]:
    """Segments and losses of neighbours, put together until each piece has PIECE segments; a rest is left out."""
    found: list[tuple[int, int]] = []
    segments = lost = 0
    for one in intervals:
        segments, lost = segments + one.segments, lost + one.lost
        if segments >= PIECE:
            found.append((segments, max(0, lost)))
            segments = lost = 0
    return found


def bounds(lost: int, segments: int, clumps: float) -> tuple[float, float]:
    """Between which the share lies of which *lost* of *segments* is a sample, where losses come *clumps* at a time
    (Wilson's score interval)."""
    count = segments / clumps
    share, slack = lost / segments, SURE**2 / count
    middle = (share + slack / 2) / (1 + slack)
    half = SURE / (1 + slack) * math.sqrt(share * (1 - share) / count + slack / (4 * count))
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))
