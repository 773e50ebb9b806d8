"""Redundant streams: which they are, and which two paths each should ride on. It attaches nothing itself."""

from collections.abc import Callable, Iterator, Mapping

from ingress.choice import disjoint
from ingress.choice.chooser import Chooser
from ingress.choice.moves import REST, WORSE_FOR
from ingress.paths.bounds import bounds_of
from ingress.paths.live import LivePath
from relay.session.carrier import CarrierEnd
from relay.session.initiator import InitiatorStream
from relay.session.stream import Stream

Attach = Callable[[LivePath, InitiatorStream, tuple[CarrierEnd, ...]], None]
Join = Callable[[LivePath, InitiatorStream], None]


class Pairs:
    """The streams that want two legs.

    *attach(live, stream, carriers)* puts a stream on carriers to the exit of *live*, from what that is known to have;
    *join(live, stream)* has it ride on *live* too.
    """

    def __init__(self, live: Mapping[str, LivePath], chooser: Chooser, attach: Attach, join: Join) -> None:
        self._live = live
        self._chooser = chooser
        self._attach = attach
        self._add = join
        self._streams: set[InitiatorStream] = set()
        self._worse_since: dict[InitiatorStream, float] = {}
        self._rest: dict[InitiatorStream, float] = {}
        """Until when those stay that have just changed."""

    def add(self, stream: InitiatorStream) -> None:
        """*stream* wants two legs for as long as it lives."""
        self._streams.add(stream)

    def __contains__(self, stream: Stream) -> bool:
        return stream in self._streams

    def __len__(self) -> int:
        return len(self._streams)

    def count_on(self, live: LivePath) -> int:
        """How many of them ride on *live*."""
        if not self._streams:
            return 0
        return sum(stream in self._streams for link in live.links for stream in link.riders)

    def complete(self) -> Iterator[tuple[InitiatorStream, LivePath]]:
        """Give every stream that has one leg a second one, over a path that shares no line with it; tell which. One
        that was just moved gets it once the exit has answered: until then it may be sending elsewhere."""
        for stream in list(self._streams):
            if stream.is_over:
                self._streams.discard(stream)
            elif len(stream.legs) == 1 and stream.is_settled and (joined := self._join(stream)) is not None:
                yield stream, joined

    def _join(self, stream: InitiatorStream) -> LivePath | None:
        name = self._chooser.view(bounds_of(stream)).partner(stream.legs[0].carrier.name)
        second = self._live.get(name) if name is not None else None
        if second is None or second.thin is None or not second.is_usable:
            return None
        self._add(second, stream)
        return second

    def improve(self, now: float) -> None:
        """Once a second: streams for which the best pair has long been much better than their legs change to that, and
        what rides on a backup as well leaves it."""
        self._spare_backups()
        self._rest = {stream: until for stream, until in self._rest.items() if until > now}
        worse = self._worse_since
        self._worse_since = {}
        for stream in self._streams:
            pair = self._better(stream)
            if not pair or stream in self._rest:
                continue
            since = self._worse_since[stream] = worse.get(stream, now)
            if now - since >= WORSE_FOR:
                self._rest[stream] = now + REST
                self._attach(pair[0], stream, tuple(live.thin.end for live in pair if live.thin is not None))

    def _spare_backups(self) -> None:
        """No copy goes over a backup: a line may have become one."""
        for stream in self._streams:
            lives = {leg.carrier.name: self._live.get(leg.carrier.name) for leg in stream.legs}
            kept = [live for live in lives.values() if live is not None and not live.is_backup]
            if 0 < len(kept) < len(stream.legs):
                names = {live.name for live in kept}
                self._attach(kept[0], stream, tuple(leg.carrier for leg in stream.legs if leg.carrier.name in names))

    def _better(self, stream: InitiatorStream) -> tuple[LivePath, ...]:
        """The best pair for *stream*, if that is much better than its two legs; or nothing."""
        entries = self._chooser.ranking.by_name
        legs = [entries[leg.carrier.name] for leg in stream.legs if leg.carrier.name in entries]
        pair = self._best(stream) if len(legs) > 1 else ()
        return pair if pair and disjoint.is_better([entries[live.name] for live in pair], legs) else ()

    def _best(self, stream: InitiatorStream) -> tuple[LivePath, ...]:
        """The best two usable paths for *stream*, or nothing."""
        live = self._live.get(stream.legs[0].carrier.name)
        names = None if live is None else self._chooser.view(bounds_of(stream)).pair(live.peer.name)
        found = tuple(self._live[name] for name in names or () if name in self._live)
        return found if len(found) == 2 and all(one.is_usable for one in found) else ()
