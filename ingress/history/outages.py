"""From when to when something did not work, and why, as it was known then."""

from typing import Final

import attrs

from ingress.history.record import Series

MOST_WAITING: Final = 2000
"""Outages that wait to be written. Then the oldest go, and are counted."""


@attrs.frozen
class Outage:
    """One. Moments in seconds since 1970."""

    series: Series
    start: float
    end: float | None
    """None while it lasts."""
    state: str
    """What it was first, as in STATES."""
    why: str


class Outages:
    """What is out now, and what is to be written of it."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self.open: dict[Series, Outage] = {}
        self.dropped = 0
        """Given up before they were written."""
        self._most = most
        self._news: dict[tuple[Series, float], Outage] = {}

    def begin(self, series: Series, state: str, why: str, at: float) -> None:
        """*series* does not work since *at*. Nothing, if that is known."""
        if series not in self.open:
            self._note(Outage(series, at, None, state, why))

    def explain(self, series: Series, why: str) -> None:
        """More is known by now. Nothing, if it is not out."""
        outage = self.open.get(series)
        if outage is not None and outage.why != why:
            self._note(attrs.evolve(outage, why=why))

    def end(self, series: Series, at: float) -> None:
        """It works again, or is not there any more. Nothing, if it was not out. A clock that was set back meanwhile
        leaves an outage of no length."""
        outage = self.open.get(series)
        if outage is not None:
            self._note(attrs.evolve(outage, end=max(at, outage.start)))

    def take(self) -> list[Outage]:
        """What is new, once: an outage comes when it begins, when it is explained, and when it ends."""
        news, self._news = self._news, {}
        return list(news.values())

    def _note(self, outage: Outage) -> None:
        if outage.end is None:
            self.open[outage.series] = outage
        else:
            self.open.pop(outage.series, None)
        key = outage.series, outage.start
        self._news.pop(key, None)
        self._news[key] = outage
        if len(self._news) > self._most:
            del self._news[next(iter(self._news))]
            self.dropped += 1
