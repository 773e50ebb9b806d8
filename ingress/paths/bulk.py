"""Gives every bulk stream a carrier of its own, where it will be fastest, and takes it back when the stream has calmed
down.

A stream is bulk when it fills its window as fast as the path allows (the session notices). Thin streams never share a
carrier with it: their bytes would wait behind megabytes. Until its carrier is there it stays where it is.
"""

from collections.abc import Mapping

from ingress.choice.chooser import Chooser
from ingress.choice.offers import Bulk, Offers, StreamKey
from ingress.choice.placing import Place
from ingress.measure.capacity import Way
from ingress.paths.bounds import Paths, bounds_of
from ingress.paths.line_loads import LineLoads
from ingress.paths.live import MOST_BULK, LivePath
from ingress.paths.moving import Moving
from ingress.paths.ride import Ride, way_of
from relay.carrier.link import Link
from relay.engine import Loop
from relay.session.carrier import CarrierEnd
from relay.session.stream import Stream

CALM_SECONDS = 3
"""Seconds on end for which it must be calm: pages load in bursts."""
FRESH = 0.2
"""Seconds for which the offers of all paths are gone by: a hundred streams may turn bulk at once."""
SPARES_KEPT = 1
"""Free bulk carriers a path keeps; the rest are closed."""


class BulkCarriers:
    """Who is bulk, who waits for a carrier, who has calmed down."""

    def __init__(
        self, loop: Loop, live: Mapping[str, LivePath], moving: Moving, chooser: Chooser, line_loads: LineLoads
    ) -> None:
        self._loop = loop
        self._live = live
        self._moving = moving
        self._chooser = chooser
        self._line_loads = line_loads
        self._waiting: dict[Stream, Place] = {}
        """Streams that wait for a carrier, and where."""
        self._rides: dict[Link, Ride] = {}
        self._acked: dict[str, int] = {}
        """By path, what carriers that nobody rides on any more have brought to its exit."""
        self._full: set[tuple[str, Way, Paths]] = set()
        """Exits, and the paths that may be taken, to which nobody else can be placed before the next second: a session
        notices its streams again and again."""
        self._offers: Offers | None = None
        self._offered_at = float("-inf")

    # ---- a stream turns bulk

    def noticed(self, stream: Stream) -> None:
        """*stream* fills its window."""
        if len(stream.legs) != 1 or _is_alone(stream.legs[0].carrier) or stream in self._moving.pairs:
            return
        live = self._moving.live_of(stream)
        if live is None or not live.is_usable:
            return
        if stream in self._waiting:
            self._want_spare(self._waiting[stream].path)
            return
        exit_, way, bounds = live.peer.name, way_of(stream), bounds_of(stream)
        if (exit_, way, bounds) in self._full:
            return
        place = self.place(exit_, way, bounds)
        if place is None:
            self._full.add((exit_, way, bounds))
            return
        self._chooser.placed_bulk(place, way, self._loop.now)
        self.offers().add(_expected(live, stream, place))
        self._put(stream, place)

    def _can_take(self, path: str) -> bool:
        live = self._live.get(path)
        if live is None or not live.can_take_bulk:
            return False
        waiting = sum(place.path == path for place in self._waiting.values())
        return waiting < MOST_BULK - len(live.bulk) + (live.spare() is not None)

    def _put(self, stream: Stream, place: Place) -> None:
        """Put *stream* where it is to go, or have it wait for a carrier there."""
        to = self._live.get(place.path)
        spare = None if to is None else to.spare()
        if to is None or spare is None:
            self._waiting[stream] = place
        else:
            self._waiting.pop(stream, None)
            self._rides[spare] = Ride(spare, way_of(stream), self._loop.now, place)
            self._moving.to_bulk(stream, spare, to, place.why)
        self._want_spare(place.path)

    def _want_spare(self, path: str) -> None:
        """On a backup only what waits for a carrier gets one."""
        live = self._live.get(path)
        if live is not None and (not live.is_backup or any(place.path == path for place in self._waiting.values())):
            live.want_spare()

    def spare_ready(self, live: LivePath) -> None:
        """*live* has a free bulk carrier: whoever waits for it first, gets it."""
        for stream, place in list(self._waiting.items()):
            if not _is_riding(stream):
                del self._waiting[stream]
            elif place.path == live.name:
                self._put(stream, place)
                return

    def place(self, exit_: str, way: Way, bounds: Paths = None) -> Place | None:
        """Where the next bulk stream to *exit_* that may ride within *bounds* would go. Nothing is remembered."""
        return self._chooser.place_bulk(exit_, way, self.offers(), self._can_take, self._loop.now, bounds)

    def wanted(self, exit_: str) -> str | None:
        """Where the next download would go: it is quicker if a carrier waits there."""
        place = self.place(exit_, Way.DOWN)
        return None if place is None else place.path

    def refuges(self) -> set[str | None]:
        """Where those that ride go when their path dies: they stand still for less if a carrier waits there."""
        riding = [(link.end.name, bounds_of(stream)) for link in self._rides for stream in link.riders]
        return {self._chooser.view(bounds).partner(path) for path, bounds in set(riding)}

    # ---- those that ride

    def riders(self) -> list[Bulk]:
        """All bulk streams, and what they get; those that wait for a carrier, what they are to get."""
        found = [ride.bulk(stream) for link, ride in self._rides.items() for stream in link.riders]
        for stream, place in self._waiting.items():
            if stream.legs and (live := self._moving.live_of(stream)) is not None:
                found.append(_expected(live, stream, place))
        return found

    def offers(self) -> Offers:
        """What the paths have to offer now: a round old at most, with all that was placed since."""
        now = self._loop.now
        if self._offers is None or now - self._offered_at >= FRESH:
            self._offers, self._offered_at = self._line_loads.offers(self.riders(), now), now
        return self._offers

    def acked(self) -> dict[str, int]:
        """By path, the bytes of bulk streams that its exit is known to have, so far."""
        found = dict(self._acked)
        for link, ride in self._rides.items():
            found[link.end.name] = found.get(link.end.name, 0) + ride.acked()
        return found

    def each_second(self) -> None:
        """Measure, move who is badly placed, send calm streams back, close carriers that nobody needs."""
        ridden, now = self._ridden(), self._loop.now
        self._full.clear()
        self._offers = None
        self._note_rides(ridden)
        for link, ride in self._rides.items():
            ride.each_second(ridden[link].queues.get(link, 0.0), now)
            if ride.calm >= CALM_SECONDS:
                self._moving.to_thin(link, ridden[link])
        if self._rides:
            self._learn()
            self._move()
        self._place_waiting()
        for live in self._live.values():
            free = [link for link in live.bulk if not link.end.legs]
            for link in free[SPARES_KEPT if live.spares.is_wanted else 0 :]:
                link.close("not needed")

    def _ridden(self) -> dict[Link, LivePath]:
        return {link: live for live in self._live.values() for link in live.bulk if link.end.legs}

    def _note_rides(self, ridden: Mapping[Link, LivePath]) -> None:
        """Rides end and begin: also those of streams that came from another path."""
        for link, ride in list(self._rides.items()):
            if link not in ridden:
                name = link.end.name
                self._acked[name] = self._acked.get(name, 0) + ride.acked()
                del self._rides[link]
        for link in ridden:
            if link not in self._rides:
                self._rides[link] = Ride(link, way_of(link.riders[0]), self._loop.now)

    def _learn(self) -> None:
        """What holds streams back says what their paths carry."""
        offers, now = self.offers(), self._line_loads.wall(self._loop.now)
        for bulk in offers.riders:
            speed = offers.held_to(bulk) if bulk.is_held else None
            if speed is not None:
                self._line_loads.capacities.held_to((bulk.path, bulk.way), speed, now)

    def _move(self) -> None:
        for move in self._chooser.bulk_moves(self.offers(), self._can_take, self._loop.now):
            for stream in self._streams(move.old, move.stream):
                self._put(stream, Place(move.new, move.expected, False, move.reason))

    def _streams(self, path: str, key: StreamKey) -> list[Stream]:
        riders = [(link.session.token, stream) for link in self._live[path].bulk for stream in link.riders]
        return [stream for token, stream in riders if (token, stream.id) == key]

    def _place_waiting(self) -> None:
        """Whoever waits for a carrier that does not come, is placed anew."""
        for stream, place in list(self._waiting.items()):
            if not _is_riding(stream) or not self._can_take(place.path):
                del self._waiting[stream]
                self.noticed(stream)
            else:
                self._want_spare(place.path)


def _expected(live: LivePath, stream: Stream, place: Place) -> Bulk:
    """*stream*, which is on *live*, as the choice is told of it before it was measured where it goes."""
    key = live.peer.session.token, stream.id
    return Bulk(key, place.path, way_of(stream), place.expected, is_trial=place.is_trial, within=bounds_of(stream))


def _is_alone(carrier: CarrierEnd) -> bool:
    """Whether who rides on *carrier* has a bulk carrier for itself: those that were rescued may share one."""
    return carrier.is_bulk and len(carrier.legs) == 1


def _is_riding(stream: Stream) -> bool:
    return bool(stream.legs) and not stream.is_over
