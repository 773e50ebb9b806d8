"""How late a loop serves: the longest waits of due timers, of late and in the last minutes. Pure; told every time."""

WINDOW = 1.0
"""Seconds for which a late call counts in `Lag.of_late`, at least; at most twice that."""
LONG_WINDOW = 60.0
"""The same in `Lag.worst`."""


class Peak:
    """The highest that came in the last *window* seconds, or in up to twice that."""

    __slots__ = ("_before", "_highest", "_since", "_window")

    def __init__(self, window: float) -> None:
        self._highest = self._before = self._since = 0.0
        self._window = window

    def add(self, value: float, now: float) -> None:
        """*value* came."""
        if now - self._since >= self._window:
            self._turn(now)
        self._highest = max(self._highest, value)

    def highest(self, now: float) -> float:
        """As of *now*."""
        if now - self._since >= self._window:
            self._turn(now)
        return max(self._highest, self._before)

    def _turn(self, now: float) -> None:
        self._before = self._highest if now - self._since < 2 * self._window else 0.0
        self._highest, self._since = 0.0, now


class Lag:
    """Told how late each due timer was called."""

    __slots__ = ("_long", "_short")

    def __init__(self) -> None:
        self._short, self._long = Peak(WINDOW), Peak(LONG_WINDOW)

    def note(self, late: float, now: float) -> None:
        """A timer was *late*, in seconds."""
        self._short.add(late, now)
        self._long.add(late, now)

    def of_late(self, now: float) -> float:
        """The longest of the last second or two, in seconds."""
        return self._short.highest(now)

    def worst(self, now: float) -> float:
        """The longest of the last minute or two."""
        return self._long.highest(now)
