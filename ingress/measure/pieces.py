"""What single lines cost, by subtracting a beginning from a walk, and paths composed of them again.

Several walks tell the same line. The steadiest pair of walk and beginning is believed: between two lossy ones, a line
of 2 ms looks like one of 60.
"""

import math
from collections.abc import Iterable, Mapping

import attrs

from ingress.measure.monitor import PathMonitor
from relay.model.walk import Path

FRESH = 3.0
"""Seconds since its last answer after which a walk is no evidence for the present weather of its last line."""


@attrs.frozen
class Piece:
    """One line's share of the walks over it, by fresh pings. Times in seconds."""

    round_trip: float
    deviation: float
    """Of the line itself: what the walk's is more than its beginning's, as independent ones add up."""
    uncertainty: float
    """By which the round trip may be wrong: how unsteady the two walks are together."""
    late: float
    """Share of pings, from 0 to 1, that were late and not before the line. No line loses more than the best walk
    over it."""
    samples: int
    """Round trips behind it, of the walk that has fewer."""


def line_pieces(monitors: Mapping[str, PathMonitor], now: float) -> dict[str, Piece]:
    """The piece of each line of which fresh pings tell one, by its name."""
    trips = {name: trip for name, monitor in monitors.items() if (trip := fresh_trip(monitor, now)) is not None}
    bounds = _least_late(monitors[name] for name in trips)
    pieces: dict[str, Piece] = {}
    for name in sorted(trips, key=lambda name: len(monitors[name].path.hops)):
        line = monitors[name].path.hops[-1].line.name
        piece = _piece(monitors[name], monitors, trips, bounds[line])
        if piece is not None and (line not in pieces or piece.uncertainty < pieces[line].uncertainty):
            pieces[line] = piece
    return pieces


def _piece(
    monitor: PathMonitor, monitors: Mapping[str, PathMonitor], trips: Mapping[str, float], bound: float
) -> Piece | None:
    """What *monitor* and its beginning say of its last line; None if the beginning says nothing now."""
    path, pings = monitor.path, monitor.pings
    if len(path.hops) == 1:
        return Piece(trips[path.name], pings.deviation, pings.deviation, bound, pings.samples)
    beginning = path.beginnings[-1]
    if beginning not in trips:
        return None
    before = monitors[beginning].pings
    return Piece(
        max(0.0, trips[path.name] - trips[beginning]),
        math.sqrt(max(0.0, pings.deviation**2 - before.deviation**2)),
        pings.deviation + before.deviation,
        min(bound, max(0.0, pings.late - before.late)),
        min(pings.samples, before.samples),
    )


def _least_late(monitors: Iterable[PathMonitor]) -> dict[str, float]:
    """By line, the late share of the best walk over it."""
    least: dict[str, float] = {}
    for monitor in monitors:
        for line in monitor.path.lines:
            least[line] = min(least.get(line, 1.0), monitor.pings.late)
    return least


def fresh_trip(monitor: PathMonitor, now: float) -> float | None:
    """The round trip of a walk that answers now and did so a moment ago."""
    last = monitor.pings.last_answer
    if last is None or now - last > FRESH or not monitor.health.is_answering:
        return None
    return monitor.pings.round_trip(now)


def composed(path: Path, pieces: Mapping[str, Piece]) -> float | None:
    """The sum of the pieces of *path*; None if one is not known."""
    known = [pieces.get(hop.line.name) for hop in path.hops]
    return total(None if piece is None else piece.round_trip for piece in known)


def total(parts: Iterable[float | None]) -> float | None:
    """The sum, or None if a part is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)
