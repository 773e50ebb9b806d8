"""Gives every bulk stream a carrier of its own, and takes it back when the stream has calmed down.

A stream is bulk when it fills its window as fast as the path allows (the session notices). Thin streams never share a
carrier with it: their bytes would wait behind megabytes.
"""

from collections.abc import Mapping

from ingress.choice.moves import Bulk
from ingress.paths.live import LivePath
from ingress.paths.moving import Moving
from relay.carrier.link import Link
from relay.engine import Loop
from relay.session.stream import Stream

CALM_BYTES = 64 * 1024
"""Bytes a second below which a stream on a bulk carrier goes back to the others."""
CALM_SECONDS = 3
"""Seconds on end for which it must be calm: pages load in bursts."""
MEASURED = 3
"""Seconds that a delivery must have been measured before it can have fallen."""
DELIVERY_AGE = 60.0
"""Seconds for which a path's measured delivery is believed once no bulk is left on it."""
SPARES_KEPT = 1
"""Free bulk carriers a path keeps; the rest are closed."""


class Load:
    """What one bulk carrier moved lately. Bytes, and bytes per second."""

    __slots__ = ("best", "calm", "moved", "seconds", "speed")

    def __init__(self, moved: int) -> None:
        self.moved = moved
        self.seconds = 0
        """For how long it was measured."""
        self.speed = 0.0
        self.best = 0.0
        self.calm = 0

    def add(self, moved: int) -> None:
        """A second has passed, and the carrier has *moved* so much in all."""
        self.seconds += 1
        self.speed += 0.5 * (moved - self.moved - self.speed)
        self.calm = self.calm + 1 if moved - self.moved < CALM_BYTES else 0
        self.best = max(self.best, self.speed)
        self.moved = moved


class BulkCarriers:
    """Who is bulk, who waits for a carrier, who has calmed down."""

    def __init__(self, loop: Loop, live: Mapping[str, LivePath], moving: Moving) -> None:
        self._loop = loop
        self._live = live
        self._moving = moving
        self._waiting: dict[Stream, None] = {}
        self._loads: dict[Link, Load] = {}
        self._delivered: dict[str, tuple[float, float]] = {}
        """Best delivery of each path, and when it last carried bulk."""

    def noticed(self, stream: Stream) -> None:
        """*stream* fills its window."""
        if len(stream.legs) != 1 or stream.legs[0].carrier.is_bulk or stream in self._moving.pairs:
            return
        live = self._moving.live_of(stream)
        if live is None or not live.is_usable:
            return
        spare = live.spare()
        if spare is not None:
            self._loads[spare] = Load(_moved(spare))
            self._moving.to_bulk(stream, spare, live)
        else:
            self._waiting[stream] = None
        live.want_spare()

    def spare_ready(self, live: LivePath) -> None:
        """*live* has a free bulk carrier: whoever waits on it first, gets it."""
        for stream in list(self._waiting):
            if stream.is_over or not stream.legs:
                del self._waiting[stream]
            elif self._moving.live_of(stream) is live:
                del self._waiting[stream]
                self.noticed(stream)
                return

    def figures(self) -> list[Bulk]:
        """What each bulk stream gets, for the choice; not of those that begin, or whose target seems to pause."""
        return [
            Bulk((link.session.token, stream.id), link.end.name, load.speed, load.best)
            for link, load in self._loads.items()
            for stream in link.riders
            if load.seconds >= MEASURED and load.speed >= CALM_BYTES
            if stream.receiver.received == stream.receiver.consumed
        ]

    def delivery(self, path: str) -> float | None:
        """The most that a bulk stream got over *path* lately, in bytes per second; None if none was measured."""
        found = self._delivered.get(path)
        return None if found is None else found[0]

    def each_second(self) -> None:
        """Measure, send calm streams back, close carriers that nobody needs."""
        ridden = {link: live for live in self._live.values() for link in live.bulk if link.end.legs}
        moved_here = {link: Load(_moved(link)) for link in ridden if link not in self._loads}
        self._loads = {link: load for link, load in self._loads.items() if link in ridden}
        for link, load in self._loads.items():
            load.add(_moved(link))
            if load.calm >= CALM_SECONDS:
                self._moving.to_thin(link, ridden[link])
        for live in self._live.values():
            self._note_delivery(live)
            for link in [link for link in live.bulk if not link.end.legs][SPARES_KEPT:]:
                link.close("not needed")
        self._loads |= moved_here  # from another path; measured from now on

    def _note_delivery(self, live: LivePath) -> None:
        speeds = [self._loads[link].speed for link in live.bulk if link in self._loads and link.end.legs]
        now, before = self._loop.now, self._delivered.get(live.name)
        if speeds:
            self._delivered[live.name] = max(speeds), now
        elif before is not None and now - before[1] > DELIVERY_AGE:
            del self._delivered[live.name]


def _moved(link: Link) -> int:
    return link.end.bytes_in + link.end.bytes_out
