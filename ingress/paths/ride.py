"""What one bulk carrier moved lately, for the stream that rides on it."""

from ingress.choice.offers import Bulk
from ingress.choice.placing import Place
from ingress.measure.capacity import Way
from ingress.paths.bounds import bounds_of
from relay.carrier.link import Link
from relay.session.stream import Stream

CALM_BYTES = 64 * 1024
"""Bytes a second below which a stream on a bulk carrier goes back to the others."""
MEASURED = 2
"""Whole seconds that a speed must have been measured before it counts: TCP, and the windows, have grown by then."""
LEAST = 0.5
"""Seconds over which a speed is measured at least."""
GAIN = 0.5
"""Weight of the newest second in the speed."""
QUEUED = 0.008
"""Seconds by which a pong must wait behind a stream's bytes to show that more of them come than pass."""


class Ride:
    """One carrier's, from when it was ridden first. Bytes, and bytes per second."""

    __slots__ = ("_acked", "_at", "_floors", "_moved", "calm", "link", "place", "queue", "seconds", "speed", "way")

    def __init__(self, link: Link, way: Way, now: float, place: Place | None = None) -> None:
        """*place* says what is expected of it; None of one that came by a rescue, or with all streams of its path."""
        self.link = link
        self.way = way
        """The direction in which most bytes went in the last second."""
        self.place = place
        self.seconds = 0
        """For how long it was measured."""
        self.speed = 0.0
        """Of its direction."""
        self.calm = 0
        """Seconds on end in which it moved nearly nothing."""
        self.queue = 0.0
        """Seconds that the last pong stood behind bytes."""
        self._floors: dict[Stream, int] = {}
        """By stream, the offset from which on what is acknowledged came over this carrier."""
        self._acked = 0
        self._moved = {Way.DOWN: link.end.bytes_in, Way.UP: 0}
        """What had been moved when the last second began."""
        self._at = now

    def acked(self) -> int:
        """Bytes that the exit has since the ride began, as it said itself: what a socket took is not there yet."""
        for leg in self.link.end.legs.values():
            stream = leg.stream
            assert isinstance(stream, Stream)
            floor, acked = self._floors.setdefault(stream, leg.position), stream.sender.acked
            if acked > floor:
                self._acked += acked - floor
                self._floors[stream] = acked
        return self._acked

    def each_second(self, queue: float, now: float) -> None:
        """A second has passed, or the rest of one; the last pong stood *queue* seconds behind bytes."""
        elapsed, self.queue = now - self._at, queue
        if elapsed < LEAST:
            return
        self._floors = {stream: floor for stream, floor in self._floors.items() if not stream.is_over}
        moved = {Way.DOWN: self.link.end.bytes_in, Way.UP: self.acked()}
        speeds = {way: (count - self._moved[way]) / elapsed for way, count in moved.items()}
        way = max(speeds, key=speeds.__getitem__)
        is_first = not self.seconds or way is not self.way
        self.speed += (1.0 if is_first else GAIN) * (speeds[way] - self.speed)
        self.seconds = 1 if is_first else self.seconds + 1
        self.way, self._moved, self._at = way, moved, now
        self.calm = self.calm + 1 if speeds[way] < CALM_BYTES else 0

    @property
    def is_measured(self) -> bool:
        """Whether its speed is known."""
        return self.seconds >= MEASURED

    def bulk(self, stream: Stream) -> Bulk:
        """What the choice is told of *stream*, which rides on it."""
        key, path, within = (self.link.session.token, stream.id), self.link.end.name, bounds_of(stream)
        if not self.is_measured and self.place is not None:
            speed = max(self.place.expected, self.speed)
            return Bulk(key, path, self.way, speed, is_trial=self.place.is_trial, within=within)
        riders = len(self.link.end.legs)  # several if they were rescued: then none is known to be held
        is_held = riders == 1 and self.is_measured and self.speed >= CALM_BYTES and self._is_held(stream)
        return Bulk(key, path, self.way, self.speed / riders, is_held=is_held, within=within)

    def _is_held(self, stream: Stream) -> bool:
        """Whether the path holds *stream* back, and not its client or its target: then its bytes wait on the way."""
        return self.queue >= QUEUED and stream.receiver.received == stream.receiver.consumed

    def __repr__(self) -> str:
        return f"<Ride on {self.link.end.name} {self.way.value} {self.speed:.0f} B/s for {self.seconds} s>"


def way_of(stream: Stream) -> Way:
    """The direction in which most of *stream* went so far."""
    return Way.DOWN if stream.receiver.received >= stream.sender.acked else Way.UP
