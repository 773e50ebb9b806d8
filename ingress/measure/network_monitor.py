"""All paths and prefixes of an ingress under measurement, and what they say about each other.

Single monitors are driven by the shell; this one relates them: which lines are broken, what a path that is
seldom asked costs by now, whose evidence stands against whom.
"""

from collections.abc import Iterable, Mapping, Sequence

from ingress.measure.blame import Blame, find_blame, suspects
from ingress.measure.estimators import FIRST_GUESS
from ingress.measure.evidence import Planned, Witness
from ingress.measure.figures import PathFigures, Source
from ingress.measure.health import PathState
from ingress.measure.monitor import PathMonitor
from ingress.measure.pieces import Piece, composed, line_pieces
from ingress.measure.poor import poor_lines
from ingress.measure.schedule import FAR, QUIET, RIDING, intervals
from ingress.measure.traffic import NO_TRAFFIC, Traffic
from relay.model.network import Line
from relay.model.walk import Path

LAG = 0.1
"""Seconds by which our own loop may be late before pings that wait are excused."""
FULL = 0.8
"""Share of a line's rate above which new bulk goes elsewhere."""
BROKEN = (PathState.STALLED, PathState.DOWN)
POOR_AFTER = 60.0
"""Seconds after a death in which no line of the path is called poor: the last hundred pings are mostly those."""
DOUBT = 0.003
"""Seconds by which pieces must differ from a path's own, older round trip to stand in its place."""


class NetworkMonitor:
    """Monitors by name of path or prefix. *prefixes* are all beginnings of *paths* that are not paths themselves."""

    def __init__(self, paths: Sequence[Path], prefixes: Sequence[Path], now: float) -> None:
        self.monitors: dict[str, PathMonitor] = {}
        self.paths: tuple[Path, ...] = ()
        self.prefixes: tuple[Path, ...] = ()
        self.replan(paths, prefixes, now)

    def replan(self, paths: Sequence[Path], prefixes: Sequence[Path], now: float) -> tuple[list[str], list[str]]:
        """Measure these from now on; what is unchanged keeps its history. The names that are new, and that are gone."""
        wanted = {walk.name: walk for walk in (*paths, *prefixes)}
        kept = {
            name: monitor
            for name, monitor in self.monitors.items()
            if name in wanted and dialled(wanted[name]) == dialled(monitor.path)
        }
        for name, monitor in kept.items():
            monitor.path = wanted[name]  # its price or its rate may be another
        gone = [name for name in self.monitors if name not in kept]
        new = [name for name in wanted if name not in kept]
        self.monitors = {name: kept.get(name) or PathMonitor(walk, now) for name, walk in wanted.items()}
        self.paths, self.prefixes = tuple(paths), tuple(prefixes)
        return new, gone

    def doubt(self, now: float) -> None:
        """One path is late or lost: ask all the others at once, so that there is proof when it must be left."""
        for monitor in self.monitors.values():
            monitor.doubt(now)

    def lagged(self, now: float) -> None:
        """Our own loop was over LAG late: to be told before the monitors tick, and to `rank` as well."""
        for monitor in self.monitors.values():
            monitor.lagged(now)

    def schedule(self, order: Sequence[Path], traffic: Mapping[str, Traffic], now: float) -> None:
        """Set how often each is asked; *order* has all paths, best first."""
        riding = {name for name, one in traffic.items() if one.streams and now - one.spoke_at < QUIET}
        on_trial = {path.name for path in self.paths if self.monitors[path.name].health.state is PathState.HELD}
        for name, every in intervals(order, self.prefixes, riding, on_trial).items():
            monitor = self.monitors[name]
            if name in riding and monitor.interval > RIDING:
                monitor.doubt(now)  # somebody speaks: what was known of it may be old
            monitor.every(every, now)

    def figures(self, traffic: Mapping[str, Traffic], now: float) -> list[PathFigures]:
        """What ranking is told, in the order of the paths; once a round; what is missing in *traffic* carries none."""
        self._excuse_own_load(traffic, now)
        pieces = line_pieces(self.monitors, now)
        used = line_speeds(self.paths, traffic)
        return [self._path(path, traffic.get(path.name, NO_TRAFFIC), pieces, used, now) for path in self.paths]

    def _excuse_own_load(self, traffic: Mapping[str, Traffic], now: float) -> None:
        loaded = {line for path in self.paths if traffic.get(path.name, NO_TRAFFIC).bulk for line in path.lines}
        if not loaded:
            return
        for monitor in self.monitors.values():
            if monitor.path.lines & loaded:
                monitor.pings.load(now)

    def _path(
        self, path: Path, traffic: Traffic, pieces: Mapping[str, Piece], used: Mapping[str, float], now: float
    ) -> PathFigures:
        monitor = self.monitors[path.name]
        health, pings = monitor.health, monitor.pings
        trip, source = self._trip(monitor, pieces, now)
        state, reason, silent = self._state(monitor)
        free, is_full = room(path, used)
        return PathFigures(
            path,
            state,
            word=health.word if state is health.state else state.value,
            reason=reason,
            round_trip=trip,
            deviation=pings.deviation,
            late=pings.late,
            source=source,
            streams=traffic.streams,
            thin=traffic.thin,
            free=free,
            is_full=is_full,
            delivery=traffic.delivery,
            leaving=traffic.leaving,
            is_late=pings.is_late,
            answered_sent=float("-inf") if pings.answered_sent is None else pings.answered_sent,
            silent_since=silent,
            suspects=suspects(path, self._proven(silent)) if state in BROKEN else frozenset(),
        )

    def _trip(self, monitor: PathMonitor, pieces: Mapping[str, Piece], now: float) -> tuple[float, Source]:
        own = monitor.pings.round_trip(now)
        if own is not None and monitor.interval < FAR:
            return own, Source.MEASURED
        parts = composed(monitor.path, pieces)
        if own is None:
            return (FIRST_GUESS if parts is None else parts), Source.ASSUMED
        if parts is None or abs(parts - own) <= max(DOUBT, 2 * monitor.pings.deviation):
            return own, Source.MEASURED
        return parts, Source.ASSUMED

    def _state(self, monitor: PathMonitor) -> tuple[PathState, str, float | None]:
        """The state of a path, why, and since when it is silent.

        A path that answered nothing since its beginning fell silent is as silent as that.
        """
        health, own = monitor.health, monitor.pings
        if health.state is PathState.DOWN:
            return PathState.DOWN, health.reason, health.since
        if health.state is PathState.STALLED:
            return PathState.STALLED, health.reason, own.oldest_unanswered
        for count in range(1, len(monitor.path.hops)):
            beginning = self.monitors[monitor.path.prefix(count).name]
            silent = beginning.pings.oldest_unanswered
            if beginning.health.state is not PathState.STALLED or silent is None:
                continue
            if own.answered_sent is None or own.answered_sent <= silent:
                return PathState.STALLED, f"its beginning {beginning.path.name} is silent", silent
        return health.state, health.reason, own.oldest_unanswered

    def _proven(self, since: float | None) -> set[str]:
        """Names of walks that answered a ping sent after *since*."""
        return {
            name
            for name, monitor in self.monitors.items()
            if monitor.health.is_answering
            and since is not None
            and monitor.pings.answered_sent is not None
            and monitor.pings.answered_sent >= since
        }

    def blame(self, exits: frozenset[str], now: float, planned: Iterable[Planned] = ()) -> list[Blame]:
        """What is broken, or poor, in sentences, the gravest first; something is said while a walk is not up."""
        broken = find_blame((_witness(monitor, now) for monitor in self.monitors.values()), exits, planned)
        named = {line for blame in broken for line in blame.lines}
        for monitor in self.monitors.values():  # what was late then was the death, not the weather
            named |= monitor.path.lines if now - monitor.health.died < POOR_AFTER else set()
        lines = {hop.line.name: hop.line for path in self.paths for hop in path.hops if hop.line.name not in named}
        return [*broken, *poor_lines(lines.values(), line_pieces(self.monitors, now))]


def _witness(monitor: PathMonitor, now: float) -> Witness:
    health = monitor.health
    return Witness(
        monitor.path,
        health.state,
        was_tried=health.was_tried,
        fault=health.fault,
        age=now - health.since,
        is_on_trial=health.is_on_trial,
    )


def dialled(path: Path) -> list[tuple[object, ...]]:
    """What makes a path the same one: where it is dialled, through what. Not what it costs."""
    return [(hop.start, hop.end, hop.address, hop.line.proxy) for hop in path.hops]


def line_speeds(paths: Iterable[Path], traffic: Mapping[str, Traffic]) -> dict[str, float]:
    """Bytes per second that we move over each line now, by its name."""
    speeds: dict[str, float] = {}
    for path in paths:
        speed = traffic.get(path.name, NO_TRAFFIC).speed
        for line in path.lines:
            speeds[line] = speeds.get(line, 0.0) + speed
    return speeds


def room(path: Path, used: Mapping[str, float]) -> tuple[float | None, bool]:
    """What is free on the narrowest line of *path*, None if no line tells its rate; and whether a line is full."""
    rated: list[tuple[Line, float]] = [(hop.line, hop.line.rate) for hop in path.hops if hop.line.rate is not None]
    if not rated:
        return None, False
    free = min(max(0.0, rate - used.get(line.name, 0.0)) for line, rate in rated)
    return free, any(used.get(line.name, 0.0) > FULL * rate for line, rate in rated)
