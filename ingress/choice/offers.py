"""What every path has to offer one more bulk stream, at one moment: what its lines carry, minus what rides there."""

import math
from collections.abc import Iterable, Mapping

import attrs

from ingress.measure.capacity import Capacities, LineWay, Routes, Way

FAIR = 0.5
"""Share of an equal share of a full line that every stream has at least."""
StreamKey = tuple[bytes, int]
"""A stream among those of all sessions: the session's token, and the stream's id, which other sessions have as well."""


@attrs.frozen
class Bulk:
    """One bulk stream that rides on a path."""

    stream: StreamKey
    path: str
    way: Way
    """The direction in which most of its bytes go."""
    speed: float
    """Bytes per second that it has; of one that was placed a moment ago, those that it is to have."""
    is_held: bool = False
    """It was measured, and the path is what holds it back: not its target, not its client."""
    is_trial: bool = False
    """It was placed a moment ago, to find out what the path carries."""
    within: frozenset[str] | None = None
    """The paths that it may ride on; None for all."""


@attrs.frozen
class Offer:
    """Bytes per second that one more bulk stream would have on a path."""

    known: float
    """At least, by what its lines were seen to deliver."""
    most: float
    """If it is lucky; infinity while nobody knows."""


class Offers:
    """The offers of all paths, by what is known *now* (on the wall's clock), what passes over the lines, and who rides.

    Nobody has less than his share of a line: the others' TCP makes room.
    """

    def __init__(
        self,
        routes: Routes,
        capacities: Capacities,
        speeds: Mapping[LineWay, float],
        riders: Iterable[Bulk],
        now: float,
    ) -> None:
        self.now = now
        self.riders = list(riders)
        self._routes = routes
        self._capacities = capacities
        self._limits = capacities.limits(routes, now)
        self._speeds = speeds
        self._claims: dict[LineWay, float] = {}
        self._counts: dict[LineWay, int] = {}
        for rider in self.riders:
            self._count(rider)

    def add(self, rider: Bulk) -> None:
        """*rider* was placed: whoever asks next finds it there."""
        self.riders.append(rider)
        self._count(rider)

    def lines(self, path: str, way: Way) -> list[LineWay]:
        """Those that bytes take; none of a path that is not in the file any more."""
        return [line for line, _ in self._routes.get((path, way), ())]

    def offer(self, path: str, way: Way, without: Bulk | None = None) -> Offer:
        """What *path* offers; *without* one that rides already and may go there."""
        own = () if without is None else self.lines(without.path, without.way)
        speed = 0.0 if without is None else without.speed
        known = most = least_used = math.inf
        fewest = len(self.riders)
        for line, rate in self._routes.get((path, way), ()):
            least = self._capacities.least(line, rate, self.now)
            limit = max(least, self._limits.get(line, math.inf))
            used = max(self._speeds.get(line, 0.0), self._claims.get(line, 0.0))
            count = self._counts.get(line, 0)
            if line in own:
                used, count = max(0.0, used - speed), count - 1
            known, most = min(known, share(least, used, count)), min(most, share(limit, used, count))
            least_used, fewest = min(least_used, used), min(fewest, count)
        held = self._capacities.held.get((path, way))
        if held is not None:
            most = min(most, share(held.most(self.now), least_used, fewest))
        return Offer(known, max(known, most))

    def held_to(self, rider: Bulk) -> float | None:
        """What holds *rider* back carries so much. None if that is nothing on its path: on every line others have
        several times what it has, and TCP shares a full line about equally."""
        fit = [
            speed
            for line in self.lines(rider.path, rider.way)
            if (speed := self._speeds.get(line, 0.0)) * FAIR <= rider.speed * self._counts.get(line, 1)
        ]
        return max(fit, default=None)

    def _count(self, rider: Bulk) -> None:
        for line in self.lines(rider.path, rider.way):
            self._claims[line] = self._claims.get(line, 0.0) + rider.speed
            self._counts[line] = self._counts.get(line, 0) + 1


def share(capacity: float, used: float, riders: int) -> float:
    """What one more has of a line: what is free, or an equal share, whichever is more."""
    return max(capacity - used, capacity / (riders + 1))
