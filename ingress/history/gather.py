"""One series in the present minute: what was seen so far, as a record whenever it is asked for."""

import math
from collections.abc import Iterable
from typing import Final

from ingress.history.record import EMPTY, SHARE, STAY, TICK, Record, units

MOST_TRIPS: Final = 2000
"""Round trips of one minute that are kept: pings are ten a second at most."""


class Gatherer:
    """Told what happens; `record` may be asked at any moment, `clear` begins another minute."""

    __slots__ = ("_asked", "_bytes", "_deviation", "_late", "_looks", "_losses", "_stays", "_streams", "_trips")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Another minute begins."""
        self._trips: list[float] = []
        self._deviation: float | None = None
        self._asked = 0.0
        self._late = 0.0
        self._stays = [0.0, 0.0, 0.0, 0.0]
        self._losses: tuple[float | None, float | None] = (None, None)
        self._looks = 0
        self._streams = 0
        self._bytes = [0, 0, 0, 0]

    def was(self, state: int, seconds: float) -> None:
        """It was in *state*, a place in STATES, for so long."""
        self._stays[state] += seconds

    def took(self, trips: Iterable[float]) -> None:
        """Pings were answered."""
        self._trips += trips
        del self._trips[MOST_TRIPS:]

    def varied(self, deviation: float) -> None:
        """What is known of its deviation, where single trips would not tell it."""
        self._deviation = deviation

    def asked(self, pings: float, late: float) -> None:
        """So many pings were answered or late, so many of them late."""
        self._asked += pings
        self._late += late

    def loses(self, up: float | None, down: float | None) -> None:
        """What TCP knows to be lost now, as shares."""
        self._losses = (up, down)

    def carried(self, streams: int, moved: Iterable[int]) -> None:
        """So many *streams* ride on it now; *moved* since the last time: bytes up, bytes down, datagrams up and down.
        What is less than nothing is a count that began anew."""
        self._looks += 1
        self._streams += streams
        self._bytes = [had + max(0, more) for had, more in zip(self._bytes, moved, strict=True)]

    def record(self) -> Record:
        """The minute so far."""
        trips = sorted(self._trips)
        up, down = self._losses
        return EMPTY._replace(
            samples=round(self._asked),
            round_trip=units(_quantile(trips, 0.5), TICK),
            p95=units(_quantile(trips, 0.95), TICK),
            deviation=units(_spread(trips) if self._deviation is None else self._deviation, TICK),
            late=units(self._late / self._asked if self._asked else None, 1 / SHARE),
            loss_up=units(up, 1 / SHARE),
            loss_down=units(down, 1 / SHARE),
            in_first=round(self._stays[0] / STAY),
            in_second=round(self._stays[1] / STAY),
            in_third=round(self._stays[2] / STAY),
            in_fourth=round(self._stays[3] / STAY),
            streams=self._streams / self._looks if self._looks else 0.0,
            up=float(self._bytes[0]),
            down=float(self._bytes[1]),
            datagrams_up=float(self._bytes[2]),
            datagrams_down=float(self._bytes[3]),
        )


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _spread(ordered: list[float]) -> float | None:
    """How far they lie from their median, on average."""
    middle = _quantile(ordered, 0.5)
    return None if middle is None else sum(abs(trip - middle) for trip in ordered) / len(ordered)
