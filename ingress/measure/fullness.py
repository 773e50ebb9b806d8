"""Which lines are full: those that carry nearly all that they can, for a while."""

from collections.abc import Mapping

from ingress.measure.capacity import LineWay

FULL = 0.8
ROOM = 0.6
"""Shares of what a line carries at most: above the one it is full, below the other it has room again."""
DWELL = 2.0
"""Seconds on end for which it must be above, or below: a page that loads fills nothing."""


class Fullness:
    """One ingress's. A line of which nobody knows what it carries at most is never full."""

    def __init__(self) -> None:
        self._full: set[LineWay] = set()
        self._turned: dict[LineWay, float] = {}
        """Lines that are about to change, and since when."""

    def note(self, speeds: Mapping[LineWay, float], limits: Mapping[LineWay, float], now: float) -> frozenset[str]:
        """The names of lines that are full, in either direction; *limits* is what they carry at most."""
        self._full &= limits.keys()
        self._turned = {line: since for line, since in self._turned.items() if line in limits}
        for line, limit in limits.items():
            is_full = line in self._full
            used = speeds.get(line, 0.0)
            is_turning = used < ROOM * limit if is_full else used > FULL * limit
            if not is_turning:
                self._turned.pop(line, None)
            elif now - self._turned.setdefault(line, now) >= DWELL:
                del self._turned[line]
                self._full ^= {line}
        return frozenset(name for name, _ in self._full)

    def __repr__(self) -> str:
        return f"<Fullness: {sorted(name for name, _ in self._full)}>"
