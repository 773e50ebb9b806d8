"""Round trips of single lines, by subtracting a beginning from a walk, and paths composed of them again."""

from collections.abc import Iterable, Mapping

from ingress.measure.monitor import PathMonitor
from relay.model.walk import Path

FRESH = 3.0
"""Seconds since its last answer after which a walk is no evidence for the present weather of its last line."""


def line_pieces(monitors: Mapping[str, PathMonitor], now: float) -> dict[str, float]:
    """Round trip of each line that fresh pings tell, by its name; where several walks tell it, the shortest walk's."""
    trips = {name: trip for name, monitor in monitors.items() if (trip := fresh_trip(monitor, now)) is not None}
    pieces: dict[str, float] = {}
    for name, trip in sorted(trips.items(), key=lambda item: len(monitors[item[0]].path.hops)):
        path = monitors[name].path
        before = trips.get(path.prefix(len(path.hops) - 1).name) if len(path.hops) > 1 else 0.0
        if before is not None:
            pieces.setdefault(path.hops[-1].line.name, max(0.0, trip - before))
    return pieces


def fresh_trip(monitor: PathMonitor, now: float) -> float | None:
    """The round trip of a walk that answers now and did so a moment ago."""
    last = monitor.pings.last_answer
    if last is None or now - last > FRESH or not monitor.health.is_answering:
        return None
    return monitor.pings.round_trip(now)


def composed(path: Path, pieces: Mapping[str, float]) -> float | None:
    """The sum of the pieces of *path*; None if one is not known."""
    return total([pieces.get(hop.line.name) for hop in path.hops])


def total(parts: Iterable[float | None]) -> float | None:
    """The sum, or None if a part is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)
