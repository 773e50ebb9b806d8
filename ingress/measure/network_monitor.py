"""All paths and prefixes of an ingress under measurement, and what they say about each other.

Single gauges are driven by the shell; the survey relates them: which lines are broken, what a path that is
seldom asked costs by now, whose evidence stands against whom.
"""

from collections.abc import Iterable, Mapping, Sequence

from ingress.measure.blame import Blame, Witness, find_blame, suspects
from ingress.measure.estimators import FIRST_GUESS
from ingress.measure.figures import PathFigures, Source
from ingress.measure.health import State
from ingress.measure.monitor import Gauge
from ingress.measure.pieces import composed, line_pieces
from ingress.measure.schedule import FAR, QUIET, RIDING, intervals
from ingress.measure.traffic import Tally
from relay.model.network import Line
from relay.model.walk import Path

LAG = 0.1
"""Seconds by which our own loop may be late before pings that wait are excused."""
FULL = 0.8
"""Share of a line's rate above which new bulk goes elsewhere."""
BROKEN = (State.STALLED, State.DOWN)
DOUBT = 0.003
"""Seconds by which pieces must differ from a path's own, older round trip to stand in its place."""


class Survey:
    """The gauges by name of path or prefix. *prefixes* are all beginnings of *paths* that are not paths themselves."""

    def __init__(self, paths: Sequence[Path], prefixes: Sequence[Path], now: float) -> None:
        self.gauges: dict[str, Gauge] = {}
        self.paths: tuple[Path, ...] = ()
        self.prefixes: tuple[Path, ...] = ()
        self.replan(paths, prefixes, now)

    def replan(self, paths: Sequence[Path], prefixes: Sequence[Path], now: float) -> tuple[list[str], list[str]]:
        """Measure these from now on; what is unchanged keeps its history. The names that are new, and that are gone."""
        wanted = {walk.name: walk for walk in (*paths, *prefixes)}
        kept = {
            name: gauge
            for name, gauge in self.gauges.items()
            if name in wanted and dialled(wanted[name]) == dialled(gauge.path)
        }
        for name, gauge in kept.items():
            gauge.path = wanted[name]  # its price or its rate may be another
        gone = [name for name in self.gauges if name not in kept]
        new = [name for name in wanted if name not in kept]
        self.gauges = {name: kept.get(name) or Gauge(walk, now) for name, walk in wanted.items()}
        self.paths, self.prefixes = tuple(paths), tuple(prefixes)
        return new, gone

    def doubt(self, now: float) -> None:
        """One path is late or lost: ask all the others at once, so that there is proof when it must be left."""
        for gauge in self.gauges.values():
            gauge.doubt(now)

    def lagged(self, now: float) -> None:
        """Our own loop was over LAG late: to be told before the gauges tick, and to `rank` as well."""
        for gauge in self.gauges.values():
            gauge.lagged(now)

    def schedule(self, order: Sequence[Path], tallies: Mapping[str, Tally], now: float) -> None:
        """Set how often each is asked; *order* has all paths, best first."""
        riding = {name for name, tally in tallies.items() if tally.streams and now - tally.spoke_at < QUIET}
        on_trial = {path.name for path in self.paths if self.gauges[path.name].health.state is State.HELD}
        for name, every in intervals(order, self.prefixes, riding, on_trial).items():
            gauge = self.gauges[name]
            if name in riding and gauge.interval > RIDING:
                gauge.doubt(now)  # somebody speaks: what was known of it may be old
            gauge.every(every, now)

    def figures(self, tallies: Mapping[str, Tally], now: float) -> list[PathFigures]:
        """What ranking is told, in the order of the paths; once a round, after every `Tally.round`."""
        self._excuse_own_load(tallies, now)
        pieces = line_pieces(self.gauges, now)
        used = line_speeds(self.paths, tallies)
        nobody = Tally(now)
        return [self._path(path, tallies.get(path.name, nobody), pieces, used, now) for path in self.paths]

    def _excuse_own_load(self, tallies: Mapping[str, Tally], now: float) -> None:
        loaded = {
            line for path in self.paths if (tally := tallies.get(path.name)) and tally.bulk for line in path.lines
        }
        if not loaded:
            return
        for gauge in self.gauges.values():
            if gauge.path.lines & loaded:
                gauge.meter.load(now)

    def _path(
        self, path: Path, tally: Tally, pieces: Mapping[str, float], used: Mapping[str, float], now: float
    ) -> PathFigures:
        gauge = self.gauges[path.name]
        health, meter = gauge.health, gauge.meter
        trip, source = self._trip(gauge, pieces, now)
        state, reason, silent = self._state(gauge)
        free, is_full = room(path, used)
        return PathFigures(
            path,
            state,
            word=health.word if state is health.state else state.value,
            reason=reason,
            round_trip=trip,
            deviation=meter.deviation,
            late=meter.late,
            source=source,
            streams=tally.streams,
            thin=tally.streams - tally.bulk - tally.redundant,
            free=free,
            is_full=is_full,
            delivery=tally.delivery,
            leaving=tally.leaving,
            is_late=meter.is_late,
            answered_sent=float("-inf") if meter.answered_sent is None else meter.answered_sent,
            silent_since=silent,
            suspects=suspects(path, self._proven(silent)) if state in BROKEN else frozenset(),
        )

    def _trip(self, gauge: Gauge, pieces: Mapping[str, float], now: float) -> tuple[float, Source]:
        own = gauge.meter.round_trip(now)
        if own is not None and gauge.interval < FAR:
            return own, Source.MEASURED
        parts = composed(gauge.path, pieces)
        if own is None:
            return (FIRST_GUESS if parts is None else parts), Source.ASSUMED
        if parts is None or abs(parts - own) <= max(DOUBT, 2 * gauge.meter.deviation):
            return own, Source.MEASURED
        return parts, Source.ASSUMED

    def _state(self, gauge: Gauge) -> tuple[State, str, float | None]:
        """The state of a path, why, and since when it is silent.

        A path that answered nothing since its beginning fell silent is as silent as that.
        """
        health, own = gauge.health, gauge.meter
        if health.state is State.DOWN:
            return State.DOWN, health.reason, health.since
        if health.state is State.STALLED:
            return State.STALLED, health.reason, own.oldest_unanswered
        for count in range(1, len(gauge.path.hops)):
            beginning = self.gauges[gauge.path.prefix(count).name]
            silent = beginning.meter.oldest_unanswered
            if beginning.health.state is not State.STALLED or silent is None:
                continue
            if own.answered_sent is None or own.answered_sent <= silent:
                return State.STALLED, f"its beginning {beginning.path.name} is silent", silent
        return health.state, health.reason, own.oldest_unanswered

    def _proven(self, since: float | None) -> set[str]:
        """Names of walks that answered a ping sent after *since*."""
        return {
            name
            for name, gauge in self.gauges.items()
            if gauge.health.is_answering
            and since is not None
            and gauge.meter.answered_sent is not None
            and gauge.meter.answered_sent >= since
        }

    def blame(self, exits: frozenset[str]) -> tuple[Blame, ...]:
        """Which line or node is broken, in sentences."""
        return find_blame((Witness(gauge.path, _answers(gauge)) for gauge in self.gauges.values()), exits)


def _answers(gauge: Gauge) -> bool | None:
    """What a gauge says as a witness; refused is not broken, and what was never tried says nothing."""
    health = gauge.health
    if health.is_answering:
        return True
    if health.state is State.STALLED:
        return False
    return None if health.refusal is not None or not health.was_tried else False


def dialled(path: Path) -> list[tuple[object, ...]]:
    """What makes a path the same one: where it is dialled, through what. Not what it costs."""
    return [(hop.start, hop.end, hop.address, hop.line.proxy) for hop in path.hops]


def line_speeds(paths: Iterable[Path], tallies: Mapping[str, Tally]) -> dict[str, float]:
    """Bytes per second that we move over each line now, by its name."""
    speeds: dict[str, float] = {}
    for path in paths:
        speed = tally.speed if (tally := tallies.get(path.name)) else 0.0
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
