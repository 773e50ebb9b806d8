"""What is read off the measurement, round by round: how long everything was in which state, minute by minute.

In a round the states of the paths are noted, each second those of lines and nodes, every few seconds all the rest. What
stood still for longer than MOST_GAP, as a machine that sleeps, is a gap: nothing is known of it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from ingress.history.gather import Gatherer
from ingress.history.look import Looks
from ingress.history.outages import Outages
from ingress.history.record import MINUTE, STATES, WORKING, Record, Series
from ingress.history.sight import Sight
from ingress.measure.blame import Blame
from ingress.measure.health import PathState

SECOND: Final = 1.0
LOOK: Final = 5.0
"""Seconds between looks: of a path that is pinged most often, pings remembers thirty."""
MOST_GAP: Final = 10.0
BACK: Final = 2
"""Minutes by which a clock may be set back without that the minute which is under way ends for it."""
SETTLED: Final = 10.0
"""Seconds for which an outage is explained anew each second; after that, at each look."""
SURE: Final = 3.0
"""Seconds for which a line must be blamed before it is out: while things come back one after another, the wrong one is
blamed for a second."""
MOST_SERIES: Final = 400
"""Things of which records are kept; those beyond, in the order of the file, have none."""
MOST_WAITING: Final = 180
"""Minutes that wait for a file that cannot be written; then the oldest go."""

ORDER: Final = tuple(PathState)
Reasons = dict[tuple[tuple[str, ...], str | None], tuple[int, str]]
"""By the lines and the node that were named: how often, and the last sentence."""


class Watcher:
    """One ingress's. *wall* tells the seconds since 1970."""

    def __init__(self, ingress: str, sight: Sight, wall: Callable[[], float]) -> None:
        self.outages = Outages()
        self.dropped = 0
        """Minutes that were given up before they were written."""
        self._ingress = ingress
        self._sight = sight
        self._wall = wall
        self._looks = Looks()
        self._gatherers: dict[Series, Gatherer] = {}
        self._closed: dict[int, dict[Series, Record]] = {}
        self._minute = int(wall() // MINUTE)
        self._round_at = self._second_at = self._look_at = float("-inf")
        self._changed_at = float("-inf")
        self._states: dict[Series, int] = {}
        """Of lines and nodes, as of the last second; what is not here, nobody can tell."""
        self._blamed: dict[Series, int] = {}
        """Lines that are blamed, when that was looked at last, and their states."""
        self._blamed_since: dict[Series, tuple[float, float]] = {}
        """Since when they are, on both clocks."""
        self._reasons: dict[Series, Reasons] = {}
        """Of what is out: whom blame has named, for how long."""

    def each_round(self, now: float) -> None:
        """To be called in every round, behind the ranking."""
        wall = self._wall()
        minute = int(wall // MINUTE)
        if minute > self._minute or minute < self._minute - BACK:
            self._look(now, wall)
            self._end_minute(minute)
        elapsed, self._round_at = now - self._round_at, now
        self._note_paths(elapsed if elapsed <= MOST_GAP else 0.0, wall)
        if now - self._second_at >= SECOND:
            self._note_others(now, wall)
        if now - self._look_at >= LOOK:
            self._look(now, wall)

    def present(self) -> tuple[int, dict[Series, Record]]:
        """The minute that is under way, and what it has so far."""
        records = {series: gatherer.record() for series, gatherer in self._gatherers.items()}
        return self._minute, {series: record for series, record in records.items() if not record.is_empty}

    def take(self) -> dict[int, dict[Series, Record]]:
        """The minutes that are over, once."""
        closed, self._closed = self._closed, {}
        return closed

    @property
    def series(self) -> Collection[Series]:
        """All that is there now."""
        return self._gatherers.keys()

    # ---- states

    def _note_paths(self, elapsed: float, wall: float) -> None:
        monitors, gatherers = self._sight.network_monitor.monitors, self._gatherers
        best = len(ORDER)
        for one in self._sight.figures():
            series = Series("path", one.name)
            gatherer = gatherers.get(series)
            if gatherer is None or one.name not in monitors:
                continue
            if one.state is PathState.DOWN and not monitors[one.name].health.was_tried:
                continue
            state = ORDER.index(one.state)
            best = min(best, state)
            gatherer.was(state, elapsed)
            self._judge(series, state, one.reason, wall)
        whole = Series("ingress", self._ingress)
        if best < len(ORDER) and whole in gatherers:
            gatherers[whole].was(best, elapsed)
            self._judge(whole, best, "no path is up", wall)

    def _judge(self, series: Series, state: int, why: str, wall: float) -> None:
        """Begin or end its outage."""
        if state >= WORKING:
            if series not in self.outages.open:
                self.outages.begin(series, STATES[series.kind][state], why, wall)
                self._changed_at = self._round_at
        elif series in self.outages.open:
            self.outages.end(series, wall)

    def _note_others(self, now: float, wall: float) -> None:
        """Lines and nodes, and why what is out is out."""
        elapsed, self._second_at = now - self._second_at, now
        blames = self._blames(now)
        self._states = {**self._node_states(), **self._line_states(blames, now, wall)}
        for series, gatherer in self._gatherers.items():
            state = self._states.get(series)
            if state is not None:
                gatherer.was(state, elapsed if elapsed <= MOST_GAP else 0.0)
                self._judge(series, state, "", self._blamed_since.get(series, (now, wall))[1])
            elif series.kind in ("line", "node"):
                self.outages.end(series, wall)
        self._explain(blames)

    def _blames(self, now: float) -> Sequence[Blame] | None:
        """Whom to blame, where something does not answer; None where nothing new is to be said."""
        is_new = now - self._changed_at <= SETTLED or now - self._look_at >= LOOK
        monitors = self._sight.network_monitor.monitors.values()
        is_well = all(monitor.health.is_answering for monitor in monitors)
        return self._sight.blames(now) if not is_well and (is_new or not self._states) else None

    def _node_states(self) -> dict[Series, int]:
        """The best of the walks that end there and were tried."""
        states: dict[Series, int] = {}
        for monitor in self._sight.network_monitor.monitors.values():
            if monitor.health.was_tried:
                series, state = Series("node", monitor.path.end), ORDER.index(monitor.health.state)
                states[series] = min(state, states.get(series, state))
        return states

    def _line_states(self, blames: Sequence[Blame] | None, now: float, wall: float) -> dict[Series, int]:
        """Up, or poor, if anything answers over it; else as it is blamed, if it is for SURE seconds."""
        answering: set[str] = set()
        for monitor in self._sight.network_monitor.monitors.values():
            if monitor.health.is_answering:
                answering |= monitor.path.lines
        states = {Series("line", name): int(name in self._looks.poor) for name in answering}
        if blames is not None:
            named = [(name, 3 if blame.is_sure else 2) for blame in blames for name in blame.lines]
            self._blamed = {Series("line", name): state for name, state in reversed(named)}
        blamed = {series: state for series, state in self._blamed.items() if series not in states}
        self._blamed_since = {series: self._blamed_since.get(series, (now, wall)) for series in blamed}
        return states | {one: state for one, state in blamed.items() if now - self._blamed_since[one][0] >= SURE}

    def _explain(self, blames: Sequence[Blame] | None) -> None:
        """In the words of blame, if it says something of what is out: of what it named for the longest time."""
        ends = {name: one.path.end for name, one in self._sight.network_monitor.monitors.items()}
        self._reasons = {series: self._reasons.get(series, {}) for series in self.outages.open}
        for series, reasons in self._reasons.items() if blames else ():
            blame = next((blame for blame in blames or () if _concerns(blame, series, ends)), None)
            if blame is not None:
                whom = blame.lines, blame.node
                reasons[whom] = reasons.get(whom, (0, ""))[0] + 1, blame.sentence
                self.outages.explain(series, max(reasons.values(), key=lambda reason: reason[0])[1])

    # ---- minutes

    def _look(self, now: float, wall: float) -> None:
        self._look_at = now
        self._know(wall)
        self._looks.look(self._sight, self._gatherers, self._ingress, now)

    def _know(self, wall: float) -> None:
        """Gather for what is there now; of what is gone no more. What it had in this minute is still written."""
        paths = self._sight.network_monitor.paths
        wanted = [Series("ingress", self._ingress)]
        wanted += [Series("path", path.name) for path in paths]
        wanted += [Series("line", hop.line.name) for path in paths for hop in path.hops]
        wanted += [Series("node", hop.end) for path in paths for hop in path.hops]
        kept = list(dict.fromkeys(wanted))[:MOST_SERIES]
        gone = self._gatherers.keys() - set(kept)
        if gone or len(kept) != len(self._gatherers):
            for series in gone:
                self.outages.end(series, wall)
                self._keep(series, self._gatherers[series].record())
            self._gatherers = {series: self._gatherers.get(series) or Gatherer() for series in kept}

    def _end_minute(self, following: int) -> None:
        for series, gatherer in self._gatherers.items():
            self._keep(series, gatherer.record())
            gatherer.clear()
        self._minute = following
        while len(self._closed) > MOST_WAITING:
            del self._closed[next(iter(self._closed))]
            self.dropped += 1

    def _keep(self, series: Series, record: Record) -> None:
        if not record.is_empty:
            self._closed.setdefault(self._minute, {})[series] = record

    def __repr__(self) -> str:
        return f"<Watcher of {len(self._gatherers)} series, {len(self.outages.open)} out>"


def _concerns(blame: Blame, series: Series, ends: Mapping[str, str]) -> bool:
    """Whether *blame* says why *series* does not work; *ends* are the nodes at which walks end."""
    match series.kind:
        case "path":
            return any(series.name == walk or series.name.startswith(f"{walk}/") for walk in blame.walks)
        case "line":
            return series.name in blame.lines
        case "node":
            return series.name == blame.node or any(ends.get(walk) == series.name for walk in blame.walks)
        case _:
            return True
