"""Which paths running streams may ride on. A stream keeps what it was opened with: its demand."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from ingress.choice.demand import Demand
from relay.engine import Loop
from relay.session.initiator import InitiatorStream
from relay.session.stream import Stream

Paths = frozenset[str] | None
"""Names; None for all."""
Judge = Callable[[Demand], Demand]
"""What is asked for a stream by the rules in force, that was opened for what was asked by others."""
SLICE = 500
"""Streams that are judged in one turn of the loop: with a thousand rules, a few milliseconds."""


def demand_of(stream: Stream) -> Demand | None:
    """What *stream* was opened for, or is ruled by since a reload."""
    note = stream.note if isinstance(stream, InitiatorStream) else None
    return note if isinstance(note, Demand) else None


def bounds_of(stream: Stream) -> Paths:
    """The paths that *stream* may ride on."""
    demand = demand_of(stream)
    return None if demand is None else demand.paths


class BoundStreams:
    """The streams that may not ride on all paths, and among them those that ride on one that they may not: a reload, or
    a wish, has taken it from them."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._bound: set[InitiatorStream] = set()
        self._astray: set[InitiatorStream] = set()

    def __len__(self) -> int:
        return len(self._bound)

    def note(self, stream: InitiatorStream, demand: Demand) -> None:
        """*stream* is ruled by *demand* from now on."""
        stream.note = demand
        if demand.paths is None:
            self._bound.discard(stream)
            self._astray.discard(stream)
            return
        self._bound.add(stream)
        if any(leg.carrier.name not in demand.paths for leg in stream.legs):
            self._astray.add(stream)

    def rule_anew(self, streams: Sequence[Stream], here: frozenset[str], judge: Judge) -> None:
        """Other rules are in force for *streams*, all of one exit, to which the paths *here* lead. What they ask holds
        where it can: a stream keeps its exit, and goes on as it was ruled if none of the paths that it may take from
        now on leads there."""
        for stream in streams[:SLICE]:
            demand = demand_of(stream)
            if demand is None or stream.is_over:
                continue
            wanted = judge(demand)
            is_served = wanted.paths is None or not here.isdisjoint(wanted.paths)
            if wanted.paths != demand.paths and is_served and isinstance(stream, InitiatorStream):
                self.note(stream, wanted)
        if len(streams) > SLICE:
            self._loop.call_soon(lambda: self.rule_anew(streams[SLICE:], here, judge))

    def fall_through(self, stream: Stream) -> bool:
        """Rule *stream* by what is asked when nothing can carry what it was opened for; False if that is its end."""
        demand = demand_of(stream)
        if demand is None or demand.otherwise is None or not isinstance(stream, InitiatorStream):
            return False
        self.note(stream, demand.otherwise)
        return True

    def forget_ended(self) -> None:
        """Once a round."""
        if self._bound:
            self._bound = {stream for stream in self._bound if not stream.is_over}
        if self._astray:
            self._astray &= self._bound

    def in_use(self) -> Iterable[frozenset[str]]:
        """The sets of paths that any is restricted to."""
        found = {bounds_of(stream) for stream in self._bound} if self._bound else ()
        return [paths for paths in found if paths is not None]

    def astray(self) -> Iterator[tuple[InitiatorStream, frozenset[str]]]:
        """Those that ride on what they may not, with what they may; who does no more is forgotten."""
        for stream in list(self._astray):
            paths = bounds_of(stream)
            if paths is None or all(leg.carrier.name in paths for leg in stream.legs):
                self._astray.discard(stream)
            else:
                yield stream, paths
