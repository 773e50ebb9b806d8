"""Gives every bulk stream a carrier of its own, and takes it back when the stream has calmed down.

A stream is bulk when it fills its window as fast as the path allows (the session notices). Thin streams never share a
carrier with it: their bytes would wait behind megabytes.
"""

from typing import TYPE_CHECKING

from ingress.choice.moves import Bulk
from relay.carrier.link import Link
from relay.session.stream import Stream

if TYPE_CHECKING:
    from ingress.paths.fleet import Fleet
    from ingress.paths.live import Way

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


class Heavy:
    """Who is bulk, who waits for a carrier, who has calmed down."""

    def __init__(self, fleet: "Fleet") -> None:
        self._fleet = fleet
        self._waiting: dict[Stream, None] = {}
        self._loads: dict[Link, Load] = {}
        self._delivered: dict[str, float] = {}
        """When each path last carried bulk."""

    def noticed(self, stream: Stream) -> None:
        """*stream* fills its window."""
        if len(stream.legs) != 1 or stream.legs[0].carrier.is_bulk or stream in self._fleet.steer.redundant:
            return
        way = self._fleet.way_of(stream.legs[0].carrier)
        if way is None or not way.is_usable:
            return
        spare = way.spare()
        if spare is not None:
            self._move(stream, spare)
        else:
            self._waiting[stream] = None
        way.want_spare()

    def spare_ready(self, way: "Way") -> None:
        """*way* has a free bulk carrier: whoever waits on it first, gets it."""
        for stream in list(self._waiting):
            if stream.is_over or not stream.legs:
                del self._waiting[stream]
            elif stream.legs[0].carrier.name == way.path.name:
                del self._waiting[stream]
                self.noticed(stream)
                return

    def _move(self, stream: Stream, link: Link) -> None:
        self._loads[link] = Load(link.end.bytes_in + link.end.bytes_out)
        session = link.end.session
        assert session is stream.session
        session.attach([stream], (link.end,), self._fleet.loop.now, planned=True)  # type: ignore[attr-defined]

    def figures(self) -> list[Bulk]:
        """What each bulk stream gets, for the choice; not of those that begin, or whose target seems to pause."""
        return [
            Bulk(leg.stream.id, link.end.name, load.speed, load.best)
            for link, load in self._loads.items()
            for leg in link.end.legs.values()
            if load.seconds >= MEASURED and load.speed >= CALM_BYTES
            if leg.stream.receiver.received == leg.stream.receiver.consumed
        ]

    def each_second(self) -> None:
        """Measure, send calm streams back, close carriers that nobody needs."""
        alive = {link: way for way in self._fleet.ways.values() for link in way.bulk}
        self._loads = {link: load for link, load in self._loads.items() if link in alive}
        for link, load in self._loads.items():
            self._measure(link, load)
            if load.calm >= CALM_SECONDS:
                self._calm(link, alive[link])
        for way in self._fleet.ways.values():
            self._tell(way)
            for link in [link for link in way.bulk if not link.end.legs][SPARES_KEPT:]:
                link.close("not needed")

    def _measure(self, link: Link, load: Load) -> None:
        moved = link.end.bytes_in + link.end.bytes_out
        load.seconds += 1
        load.speed += 0.5 * (moved - load.moved - load.speed)
        load.calm = load.calm + 1 if moved - load.moved < CALM_BYTES else 0
        load.best = max(load.best, load.speed)
        load.moved = moved

    def _calm(self, link: Link, way: "Way") -> None:
        thin = way.thin
        streams = [leg.stream for leg in link.end.legs.values()]
        if thin is not None and streams and way.is_usable:
            link.end.session.attach(streams, (thin.end,), self._fleet.loop.now, planned=True)  # type: ignore[attr-defined]

    def _tell(self, way: "Way") -> None:
        speeds = [self._loads[link].speed for link in way.bulk if link in self._loads and link.end.legs]
        now = self._fleet.loop.now
        if speeds:
            way.tally.delivery = max(speeds)
            self._delivered[way.path.name] = now
        elif now - self._delivered.get(way.path.name, now) > DELIVERY_AGE:
            way.tally.delivery = None
