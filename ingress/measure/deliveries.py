"""What every line delivers, by what all paths over it moved at the same time: now, and at its best of late."""

from collections import deque
from collections.abc import Mapping

from ingress.measure.capacity import LineWay, PathWay, Routes

SPAN = 2.0
"""Seconds over which a delivery is measured: what a node on the way kept back is let go of in less."""
SHORT_SPAN = 0.5
LARGE = 16 << 20
"""Bytes that are more than nodes and sockets keep back: whoever delivers as much in SHORT_SPAN or more, does so."""
WORTH_TELLING = 64 * 1024
"""Bytes a second below which nothing is learned: pings, keystrokes."""
LATELY = 0.9
"""Seconds over which the present speed is taken."""

Moved = Mapping[PathWay, int]
"""Bytes that came over a path, so far, in a direction."""


class Deliveries:
    """Sums over the lines, kept for SPAN seconds."""

    def __init__(self) -> None:
        self.speeds: dict[LineWay, float] = {}
        """Bytes per second that pass now, where any do."""
        self._before: Moved = {}
        self._totals: dict[LineWay, int] = {}
        self._marks: deque[tuple[float, Mapping[LineWay, int]]] = deque()
        """When, and what the totals were then; the oldest is SPAN seconds old."""

    def note(self, routes: Routes, moved: Moved, now: float) -> dict[LineWay, float]:
        """Once a round: what the paths have *moved* so far; of one that is new nothing is known yet. The most that each
        line has delivered in a span that ends now, in bytes per second."""
        for path, count in moved.items():
            more = count - self._before.get(path, count)
            if more > 0:
                for line, _ in routes.get(path, ()):
                    self._totals[line] = self._totals.get(line, 0) + more
        self._before = moved
        while len(self._marks) > 1 and now - self._marks[1][0] >= SPAN:
            self._marks.popleft()
        self.speeds = self._lately(now)
        found = {line: speed for line in self.speeds if (speed := self._best(line, now)) >= WORTH_TELLING}
        self._marks.append((now, dict(self._totals)))
        return found

    def _lately(self, now: float) -> dict[LineWay, float]:
        """The present speeds, over the shortest span of marks that is as long as LATELY."""
        mark = next((mark for mark in reversed(self._marks) if now - mark[0] >= LATELY), None)
        if mark is None:
            return {}
        at, totals = mark
        return {
            line: (total - totals.get(line, 0)) / (now - at)
            for line, total in self._totals.items()
            if total > totals.get(line, 0)
        }

    def _best(self, line: LineWay, now: float) -> float:
        total, best = self._totals[line], 0.0
        for at, totals in self._marks:
            span, moved = now - at, total - totals.get(line, 0)
            if span >= SPAN or (span >= SHORT_SPAN and moved >= LARGE):
                best = max(best, moved / span)
        return best

    def __repr__(self) -> str:
        return f"<Deliveries over {len(self.speeds)} lines' ways>"
