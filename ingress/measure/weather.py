"""What share of the pings over each line will be late, by all walks over it together.

A ping that was late was late on one of its lines. Each is charged with it as far as it is likely to have been the one:
that is known from the other walks over it, which were asked as well. So the first pings that are late on one path warn
of all that share the bad line, and of no other; and what the others answer in time shows which one it is.
"""

from collections.abc import Iterable, Mapping

from ingress.measure.estimators import Weather
from ingress.measure.monitor import PathMonitor
from relay.model.walk import Path


class LineWeather:
    """The weather of all lines. One per ingress."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[str, Weather] = {}

    def take(self, monitors: Iterable[PathMonitor]) -> None:
        """Learn what became of the pings of *monitors* since they were asked last."""
        news: list[tuple[float, bool, frozenset[str]]] = []
        for monitor in monitors:
            pings, lines = monitor.pings, monitor.path.lines
            if pings.is_anew:  # what was late was the death, not the weather
                self._forget(lines)
                pings.is_anew = False
            if pings.outcomes:
                news += [(at, is_late, lines) for at, is_late in pings.outcomes]
                pings.outcomes.clear()
        news.sort(key=lambda one: one[0])
        for at, is_late, lines in news:
            self._add(lines, is_late, at)

    def _add(self, names: Iterable[str], is_late: bool, now: float) -> None:
        lines = [self._lines.get(name) or self._lines.setdefault(name, Weather()) for name in names]
        shares = [line.share for line in lines]
        for place, line in enumerate(lines):
            line.add(is_late, now, 1.0 - in_time(shares[:place] + shares[place + 1 :]) if is_late else 0.0)

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self._lines.pop(name, None)

    def keep(self, paths: Iterable[Path]) -> None:
        """Forget the lines that none of *paths* leads over."""
        kept = frozenset[str]().union(*(path.lines for path in paths))
        self._forget([name for name in self._lines if name not in kept])

    def expected(self) -> Mapping[str, float]:
        """By line, the share of the pings to come that will be late; without those of which less is expected than can
        be told."""
        return {name: line.expected for name, line in self._lines.items() if line.expected}


def in_time(late: Iterable[float]) -> float:
    """The share that is in time on a way of which its parts make these shares *late*."""
    kept = 1.0
    for share in late:
        kept *= 1.0 - share
    return kept
