"""All paths and prefixes of an ingress under measurement, and what they say about each other.

Single monitors are driven by the shell; this one relates them: which lines are broken, what a path that is
seldom asked costs by now, whose evidence stands against whom.
"""

from collections.abc import Iterable, Mapping, Sequence

from ingress.measure.blame import Blame, find_blame, suspects
from ingress.measure.directions import Directions
from ingress.measure.estimators import FIRST_GUESS
from ingress.measure.evidence import HeldLine, Planned, Witness
from ingress.measure.figures import PathFigures, Source
from ingress.measure.health import PathState
from ingress.measure.monitor import PathMonitor
from ingress.measure.pieces import Piece, composed, line_pieces
from ingress.measure.poor import lossy_lines, poor_lines
from ingress.measure.schedule import FAR, IDLE, QUIET, RIDING, intervals
from ingress.measure.traffic import NO_TRAFFIC, Traffic
from ingress.measure.weather import LineWeather, in_time
from ingress.messages.message import Message
from relay.model.walk import Path

LAG = 0.1
"""Seconds by which our own loop may be late before pings that wait are excused."""
BROKEN = (PathState.STALLED, PathState.DOWN)
POOR_AFTER = 60.0
"""Seconds after a death in which no line of the path is called poor: the last hundred pings are mostly those."""
DOUBT = 0.003
"""Seconds by which pieces must differ from a path's own, older round trip for it to be asked."""
CALMED = 2.5
"""Deviations below its mean at which an uneven path may turn out to lie once it has calmed down."""
MOST_CANDIDATES = 6
OFFSET_GAIN = 0.3
"""Weight of one round in what a path is known to be longer by than its lines."""


class NetworkMonitor:
    """Monitors by name of path or prefix. *prefixes* are all beginnings of *paths* that are not paths themselves."""

    def __init__(self, paths: Sequence[Path], prefixes: Sequence[Path], now: float) -> None:
        self.monitors: dict[str, PathMonitor] = {}
        self.paths: tuple[Path, ...] = ()
        self.prefixes: tuple[Path, ...] = ()
        self.directions = Directions()
        """What TCP knows of the lines."""
        self.held: Sequence[HeldLine] = ()
        """The lines that an operator holds, for blame."""
        self._weather = LineWeather()
        self._disagreeing: set[str] = set()
        """Paths that are seldom asked, and whose lines say that they are longer or shorter by now."""
        self._offsets: dict[str, float] = {}
        """By path, what it is longer by than its lines: found when it was asked for that."""
        self._is_idle = False
        self._planned_at = now
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
        self._weather.keep(monitor.path for monitor in kept.values())
        self._offsets = {name: offset for name, offset in self._offsets.items() if name in kept}
        self.paths, self.prefixes = tuple(paths), tuple(prefixes)
        self._planned_at = now
        self.directions.know({hop.line.name: hop.line for path in paths for hop in path.hops})
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
        on_trial = {path.name for path in self.paths if self._is_in_question(self.monitors[path.name], now)}
        spoke = max((one.spoke_at for one in traffic.values()), default=float("-inf"))
        self._wake(now - max(spoke, self._planned_at) > IDLE, now)
        if not self._is_idle:
            on_trial |= self._candidates(order, now)
        for name, every in intervals(order, self.prefixes, riding, on_trial, is_idle=self._is_idle).items():
            monitor = self.monitors[name]
            if name in riding and monitor.interval > RIDING:
                monitor.doubt(now)  # somebody speaks: what was known of it may be old
            monitor.every(every, now)

    def _wake(self, is_idle: bool, now: float) -> None:
        """Nobody has spoken for long, or somebody does again: what is known of the other paths may be old then."""
        if self._is_idle and not is_idle:
            self.doubt(now)
        self._is_idle = is_idle

    def _is_in_question(self, monitor: PathMonitor, now: float) -> bool:
        """Whether a path has to prove itself, or seems to have become another: the slow pace would take half a minute
        to tell."""
        if monitor.health.state is not PathState.UP:
            return monitor.health.state is PathState.HELD
        pings = monitor.pings
        return not pings.is_settled or monitor.path.name in self._disagreeing

    def figures(
        self, traffic: Mapping[str, Traffic], now: float, full: frozenset[str] = frozenset()
    ) -> list[PathFigures]:
        """What ranking is told, in the order of the paths; once a round; what is missing in *traffic* carries none.
        *full* are the names of lines that are."""
        self._excuse_own_load(traffic, now)
        self._weather.take(self.monitors.values())
        late = self._weather.expected()
        pieces = line_pieces(self.monitors, now)
        self._disagreeing = {path.name for path in self.paths if self._disagrees(self.monitors[path.name], pieces, now)}
        return [self._path(path, traffic.get(path.name, NO_TRAFFIC), pieces, late, full, now) for path in self.paths]

    def _excuse_own_load(self, traffic: Mapping[str, Traffic], now: float) -> None:
        loaded = {line for path in self.paths if self._loads(path, traffic, now) for line in path.lines}
        if not loaded:
            return
        for monitor in self.monitors.values():
            if monitor.path.lines & loaded:
                monitor.pings.load(now)

    def _loads(self, path: Path, traffic: Mapping[str, Traffic], now: float) -> bool:
        """Whether what rides on *path* may delay whoever uses the same lines."""
        return traffic.get(path.name, NO_TRAFFIC).bulk > 0 or self.monitors[path.name].pings.moved_much(now)

    def _path(
        self,
        path: Path,
        traffic: Traffic,
        pieces: Mapping[str, Piece],
        late: Mapping[str, float],
        full: frozenset[str],
        now: float,
    ) -> PathFigures:
        monitor = self.monitors[path.name]
        health, pings = monitor.health, monitor.pings
        trip, source = self._trip(monitor, pieces, now)
        state, reason, silent = self._state(monitor)
        return PathFigures(
            path,
            state,
            word=health.word if state is health.state else state.value,
            reason=reason,
            round_trip=trip,
            deviation=pings.deviation,
            late=1.0 - in_time(late.get(line, 0.0) for line in path.lines) if late else 0.0,
            error=pings.error,
            source=source,
            streams=traffic.streams,
            thin=traffic.thin,
            is_full=bool(full) and bool(path.lines & full),
            leaving=traffic.leaving,
            closed=traffic.closed,
            stands_in=traffic.stands_in,
            is_in_doubt=self._is_in_doubt(monitor, now),
            is_late=pings.is_late,
            answered_sent=float("-inf") if pings.answered_sent is None else pings.answered_sent,
            silent_since=silent,
            suspects=suspects(path, self._proven(silent)) if state in BROKEN else frozenset(),
            directions=self.directions.on(path),
        )

    def _is_in_doubt(self, monitor: PathMonitor, now: float) -> bool:
        """What a path has answered since its beginning was asked, clears it of that."""
        answered = monitor.pings.answered_sent
        for name in monitor.path.beginnings:
            pings = self.monitors[name].pings
            asked = pings.oldest_unanswered
            if asked is not None and pings.is_late and (answered is None or answered < asked):
                return True
        return monitor.is_in_doubt(now)

    def _candidates(self, order: Sequence[Path], now: float) -> set[str]:
        """Paths that would be better than the first of *order* if they calmed down, the nearest to it."""
        if not order:
            return set()
        first = self.monitors[order[0].name].pings
        leading = first.round_trip(now)
        found = []
        for path in order[1:]:
            pings = self.monitors[path.name].pings
            trip = pings.round_trip(now)
            if trip is not None and leading is not None:
                calm = trip - CALMED * pings.deviation
                if calm < leading + first.deviation:
                    found.append((calm, path.name))
        return {name for _, name in sorted(found)[:MOST_CANDIDATES]}

    @staticmethod
    def _trip(monitor: PathMonitor, pieces: Mapping[str, Piece], now: float) -> tuple[float, Source]:
        """What was measured always wins over what is put together."""
        own = monitor.pings.round_trip(now)
        if own is not None:
            return own, Source.MEASURED
        parts = composed(monitor.path, pieces)
        return (FIRST_GUESS if parts is None else parts), Source.ASSUMED

    def _disagrees(self, monitor: PathMonitor, pieces: Mapping[str, Piece], now: float) -> bool:
        """Whether a path's lines say that it is another by now: then it is asked. What remains of the difference once
        it was, is the lines' mistake, and is kept."""
        own, parts = monitor.pings.round_trip(now), composed(monitor.path, pieces)
        if own is None or parts is None or monitor.health.state is not PathState.UP:
            return False
        name = monitor.path.name
        difference = own - parts
        if monitor.interval < FAR and monitor.pings.is_settled:
            before = self._offsets.get(name, difference)
            self._offsets[name] = before + OFFSET_GAIN * (difference - before)
        unsure = max(pieces[line].uncertainty for line in monitor.path.lines)
        return abs(difference - self._offsets.get(name, 0.0)) > max(DOUBT, unsure, 2 * monitor.pings.deviation)

    def _state(self, monitor: PathMonitor) -> tuple[PathState, str, float | None]:
        """The state of a path, why, and since when it is silent.

        A path that answered nothing since its beginning fell silent is as silent as that.
        """
        health, own = monitor.health, monitor.pings
        if health.state is PathState.DOWN:
            return PathState.DOWN, health.reason, health.since
        if health.state is PathState.STALLED:
            return PathState.STALLED, health.reason, own.oldest_unanswered
        for name in monitor.path.beginnings:
            beginning = self.monitors[name]
            silent = beginning.pings.oldest_unanswered
            if beginning.health.state is not PathState.STALLED or silent is None:
                continue
            if own.answered_sent is None or own.answered_sent <= silent:
                return PathState.STALLED, Message("health.beginning", path=beginning.path.name), silent
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
        broken = find_blame((_witness(monitor, now) for monitor in self.monitors.values()), exits, planned, self.held)
        named = {line for blame in broken for line in blame.lines}
        for monitor in self.monitors.values():  # what was late then was the death, not the weather
            named |= monitor.path.lines if now - monitor.health.died < POOR_AFTER else set()
        lines = {hop.line.name: hop.line for path in self.paths for hop in path.hops if hop.line.name not in named}
        poor = poor_lines(lines.values(), line_pieces(self.monitors, now))
        return [*broken, *poor, *lossy_lines(self.directions.of(line) for line in lines)]


def _witness(monitor: PathMonitor, now: float) -> Witness:
    health = monitor.health
    return Witness(
        monitor.path,
        health.state,
        was_tried=health.was_tried,
        fault=health.fault,
        age=now - health.since,
        tried_age=now - health.tried,
        is_on_trial=health.is_on_trial,
    )


def dialled(path: Path) -> list[tuple[object, ...]]:
    """What makes a path the same one: where it is dialled, through what. Not what it costs."""
    return [(hop.start, hop.end, hop.address, hop.line.proxy) for hop in path.hops]
