"""What lines carry, as far as they were seen to: learned from what streams got, kept for days.

Two things are known, and neither is the capacity itself. What everything on a line together was *seen* to get is the
least that it carries: that halves in a week. What a bulk stream was held to on a path is the most that one of its lines
carries, as of then: that doubts itself, and doubles in a day. Between the two lies what is worth a trial.

The clock of all this is the wall's: it outlives the process.
"""

import enum
import math
from collections.abc import Iterable, Iterator, Mapping

import attrs

from relay.model.walk import Path

HALVES = 7 * 86400.0
"""Seconds in which half of what was seen is forgotten."""
DOUBLES = 86400.0
"""Seconds after which a path may carry twice what a stream was held to on it."""
MOST_DOUBLINGS = 64.0
RECENT = 3600.0
"""Seconds for which a ride that got less does not take back what another got: its target may have been the slow one."""
APART = 1.25
"""Times a speed that another must be to be taken for more than it."""


class Way(enum.Enum):
    """A direction. Of a path: away from the ingress, or towards it; of a line: from its `from` to its `to`, or back."""

    UP = "up"
    DOWN = "down"

    __hash__ = object.__hash__  # it is a part of keys that every round looks up; the hash of its name costs two calls

    @property
    def opposite(self) -> "Way":
        """The other one."""
        return Way.DOWN if self is Way.UP else Way.UP


class SeenBy(enum.Enum):
    """Who saw it."""

    STREAM = "stream"
    SPEED_TEST = "speed test"


LineWay = tuple[str, Way]
"""A line's name, and a direction on it."""
PathWay = tuple[str, Way]
"""The same of a path."""
Routes = Mapping[PathWay, tuple[tuple[LineWay, float | None], ...]]
"""By path and direction: its lines, each in the direction that bytes then take, and what the file says that it carries
at most."""


@attrs.frozen
class Seen:
    """At `at` a line delivered `speed` bytes per second."""

    speed: float
    at: float
    by: SeenBy = SeenBy.STREAM

    def least(self, now: float) -> float:
        """What it is believed to carry at least by now."""
        return self.speed * math.exp2(-max(0.0, now - self.at) / HALVES)


@attrs.frozen
class Held:
    """At `at` a bulk stream got `speed` bytes per second over a path that let it have no more."""

    speed: float
    at: float

    def most(self, now: float) -> float:
        """What the path is believed to carry at most by now."""
        return self.speed * math.exp2(min(max(0.0, now - self.at) / DOUBLES, MOST_DOUBLINGS))


class Capacities:
    """What is known of all lines and paths of one ingress."""

    def __init__(self) -> None:
        self.seen: dict[LineWay, Seen] = {}
        self.held: dict[PathWay, Held] = {}
        self._seen_lately: dict[LineWay, Seen] = {}
        self._held_lately: dict[PathWay, Held] = {}

    def recall(self, seen: Mapping[LineWay, Seen], held: Mapping[PathWay, Held]) -> None:
        """What an earlier process knew; what was seen since it was asked for wins if it is more."""
        for line, one in seen.items():
            if line not in self.seen or self.seen[line].speed < one.least(self.seen[line].at):
                self.seen[line] = one
                self._seen_lately.pop(line, None)
        self.held = {**held, **self.held}

    def saw(self, line: LineWay, speed: float, now: float, by: SeenBy = SeenBy.STREAM) -> None:
        """Everything on *line* together got *speed* bytes per second for a while."""
        known = self.seen.get(line)
        if known is None or speed > known.least(now):
            self.seen[line] = self._seen_lately[line] = Seen(speed, now, by)

    def held_to(self, path: PathWay, speed: float, now: float) -> None:
        """A bulk stream on *path* had no more than *speed* for a while, although it would have taken it."""
        known = self.held.get(path)
        if known is None or speed > known.speed or now - known.at > RECENT:
            self.held[path] = self._held_lately[path] = Held(speed, now)

    def least(self, line: LineWay, rate: float | None, now: float) -> float:
        """Bytes per second that *line* is known to carry; *rate* is what the file says that it does at most."""
        known = self.seen.get(line)
        found = 0.0 if known is None else known.least(now)
        return found if rate is None else min(found, rate)

    def limits(self, routes: Routes, now: float) -> dict[LineWay, float]:
        """The most that lines carry, as far as that can be told: the file says so, or a path over it was the slower for
        it, since all its other lines have been seen to carry more."""
        found: dict[LineWay, float] = {}
        for path, held in self.held.items():
            line = self._narrowest(routes.get(path, ()), held)
            if line is not None:
                found[line] = max(held.most(now), found.get(line, 0.0))
        told = {line: rate for lines in routes.values() for line, rate in lines if rate is not None}
        return found | {line: min(rate, found.get(line, rate)) for line, rate in told.items()}

    def _narrowest(self, lines: Iterable[tuple[LineWay, float | None]], held: Held) -> LineWay | None:
        """The only one of *lines* that can be what held a stream back there; None if there are several, or none."""
        fit = [line for line, _ in lines if self.least(line, None, held.at) <= APART * held.speed]
        return fit[0] if len(fit) == 1 else None

    def news(self) -> tuple[dict[LineWay, Seen], dict[PathWay, Held]]:
        """What was learned since this was asked last."""
        news = self._seen_lately, self._held_lately
        self._seen_lately, self._held_lately = {}, {}
        return news

    def __repr__(self) -> str:
        return f"<Capacities of {len(self.seen)} lines' ways, {len(self.held)} paths'>"


def routes_of(paths: Iterable[Path]) -> Routes:
    """The routes of *paths*, both ways."""
    return {(path.name, way): tuple(_lines(path, way)) for path in paths for way in Way}


def _lines(path: Path, way: Way) -> Iterator[tuple[LineWay, float | None]]:
    for hop in path.hops:
        yield (hop.line.name, way if hop.start == hop.line.start else way.opposite), hop.line.rate
