"""What a few seconds have brought for every path, line and node: round trips, late pings, losses, traffic."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from ingress.history.gather import Gatherer
from ingress.history.record import Series
from ingress.history.sight import Sight
from ingress.measure.directions import Directions
from ingress.measure.monitor import PathMonitor
from ingress.measure.pieces import Piece, line_pieces
from ingress.measure.poor import is_poor
from ingress.measure.traffic import NO_TRAFFIC
from relay.model.walk import Path

Gatherers = Mapping[Series, Gatherer]
Moved = tuple[int, int, int, int]
"""Bytes up and down, datagrams up and down."""
NOTHING: Final = (0, 0, 0, 0)


@attrs.frozen
class _Heard:
    """What the pings of one walk had told in all, and what is new since the look before."""

    heard: int = 0
    counted: int = 0
    late: int = 0
    trips: Sequence[float] = ()
    new: int = 0
    new_late: int = 0

    def then(self, monitor: PathMonitor) -> "_Heard":
        pings = monitor.pings
        return _Heard(
            pings.heard,
            pings.counted,
            pings.counted_late,
            pings.trips_since(self.heard),
            max(0, pings.counted - self.counted),
            max(0, pings.counted_late - self.late),
        )


class Looks:
    """Remembers what the last look saw."""

    def __init__(self) -> None:
        self.poor: frozenset[str] = frozenset()
        """Lines that work, and work badly."""
        self._heard: dict[str, _Heard] = {}
        self._moved: dict[str, Moved] = {}

    def look(self, sight: Sight, gatherers: Gatherers, ingress: str, now: float) -> None:
        """Tell *gatherers* all that came since the last look."""
        network = sight.network_monitor
        monitors = network.monitors
        nothing = _Heard()
        self._heard = {name: self._heard.get(name, nothing).then(monitor) for name, monitor in monitors.items()}
        for path in network.paths:
            self._path(path, gatherers, network.directions)
        pieces = line_pieces(monitors, now)
        lossy = network.directions.is_lossy
        lines = {hop.line.name: hop.line.start for path in network.paths for hop in path.hops}
        self.poor = frozenset(one for one in lines if (one in pieces and is_poor(pieces[one])) or lossy(one))
        for name, start in lines.items():
            self._line(name, start, gatherers, pieces.get(name), network.directions)
        for series, gatherer in gatherers.items():
            if series.kind == "node":
                self._nearest(gatherer, (one for one in monitors.values() if one.path.end == series.name))
        best = next(iter(sight.figures()), None)
        whole = gatherers.get(Series("ingress", ingress))
        if best is not None and whole is not None:
            self._pinged(whole, best.name)
        self._carry(sight, gatherers, ingress)

    def _pinged(self, gatherer: Gatherer, walk: str) -> None:
        heard = self._heard.get(walk)
        if heard is not None:
            gatherer.took(heard.trips)
            gatherer.asked(heard.new, heard.new_late)

    def _path(self, path: Path, gatherers: Gatherers, directions: Directions) -> None:
        gatherer = gatherers.get(Series("path", path.name))
        if gatherer is not None:
            self._pinged(gatherer, path.name)
            gatherer.loses(*_losses(path, directions))

    def _line(self, name: str, start: str, gatherers: Gatherers, piece: Piece | None, directions: Directions) -> None:
        """One that begins at the ingress has pings of its own; of another its piece is known."""
        gatherer = gatherers.get(Series("line", name))
        if gatherer is None:
            return
        if name in self._heard:
            self._pinged(gatherer, name)
        elif piece is not None:
            gatherer.took([piece.round_trip])
            gatherer.varied(piece.deviation)
            gatherer.asked(1, piece.late)
        lost = {one.start == start: one.loss.share for one in directions.of(name)}
        gatherer.loses(lost.get(True), lost.get(False))

    def _nearest(self, gatherer: Gatherer, monitors: Iterable[PathMonitor]) -> None:
        """The pings of the walk to a node that is the shortest now."""
        trips = [
            (monitor.pings.srtt, monitor.path.name)
            for monitor in monitors
            if monitor.health.is_answering and monitor.pings.srtt is not None
        ]
        if trips:
            self._pinged(gatherer, min(trips)[1])

    def _carry(self, sight: Sight, gatherers: Gatherers, ingress: str) -> None:
        """What moved on each path counts for it, its lines, its nodes and the ingress."""
        datagrams, before, self._moved = sight.datagrams(), self._moved, {}
        streams: dict[Series, int] = {}
        moved: dict[Series, list[int]] = {}
        for path in sight.network_monitor.paths:
            traffic = sight.traffic.get(path.name, NO_TRAFFIC)
            now = self._moved[path.name] = (traffic.bytes_up, traffic.bytes_down, *datagrams.get(path.name, (0, 0)))
            new = [max(0, b - a) for a, b in zip(before.get(path.name, NOTHING), now, strict=True)]
            for series in _concerned(path, ingress):
                streams[series] = streams.get(series, 0) + traffic.streams
                sums = moved.setdefault(series, [0, 0, 0, 0])
                for at, amount in enumerate(new):
                    sums[at] += amount
        for series, gatherer in gatherers.items():
            gatherer.carried(streams.get(series, 0), moved.get(series, NOTHING))


def _concerned(path: Path, ingress: str) -> Iterable[Series]:
    yield Series("path", path.name)
    yield Series("ingress", ingress)
    for hop in path.hops:
        yield Series("line", hop.line.name)
        yield Series("node", hop.end)


def _losses(path: Path, directions: Directions) -> tuple[float | None, float | None]:
    """What a path loses away from the ingress and towards it; None unless every one of its lines is known."""
    known = {(one.line, one.start): one.loss.share for one in directions.on(path)}
    up = [known.get((hop.line.name, hop.start)) for hop in path.hops]
    down = [known.get((hop.line.name, hop.end)) for hop in path.hops]
    return _together(up), _together(down)


def _together(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return 1 - math.prod(1 - share for share in known) if len(known) == len(shares) else None
