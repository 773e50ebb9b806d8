"""The carrier of a path: when the answer to a ping comes that is sent now, as TCP would have it."""

import random
from collections.abc import Mapping

from bench.choice.own_load import Loads
from bench.choice.weather import STEP, LineWeather
from relay.model.walk import Path

LEAST_WAIT = 0.2
"""Seconds that TCP waits at least before it sends again by the clock."""
LONGEST = 60.0
"""Seconds after which nobody waits for an answer any more."""


class Wire:
    """One carrier. What is lost is sent again, and what was sent behind it waits for that."""

    def __init__(
        self, path: Path, lines: Mapping[str, LineWeather], offset: float, chance: random.Random, loads: Loads
    ) -> None:
        self._lines = [lines[hop.line.name] for hop in path.hops]
        self._names = path.lines
        self._loads = loads
        self._offset = offset
        self._chance = chance
        self._last = 0.0
        """When the last answer came, or will come: none overtakes it."""

    def forget(self) -> None:
        """A new connection: nothing waits in it."""
        self._last = 0.0

    def is_dead(self, now: float) -> bool:
        """Whether nothing passes now."""
        step = self._step(now)
        return any(line.dead[step] for line in self._lines)

    def answer(self, now: float, interval: float) -> float | None:
        """When the answer comes to a ping that leaves now, the next one *interval* later; None if never."""
        at, wait = now, 0.0
        while self._is_lost(at):
            trip = self._trip(at)
            if not wait:  # the next ping shows that one is missing, or TCP's tail probe asks
                wait = min(interval + 1.25 * trip, max(2 * trip, LEAST_WAIT))
            else:
                wait = max(2 * wait, LEAST_WAIT + trip)
            at += wait
            if at - now > LONGEST:
                return None
        self._last = max(self._last, at + self._trip(at, noise=True))
        return self._last

    def _is_lost(self, at: float) -> bool:
        step = self._step(at)
        for line in self._lines:
            if line.dead[step]:
                return True
            lost = line.up[step] + line.down[step]
            if lost and self._chance.random() < lost:
                return True
        return False

    def _trip(self, at: float, *, noise: bool = False) -> float:
        step = self._step(at)
        trip = sum(line.delay[step] for line in self._lines) + self._offset + self._loads.queue(self._names, at)
        if noise:
            for line in self._lines:
                trip += self._chance.gauss(0, 1.2533 * line.swing[step])  # whose mean absolute deviation is the swing
        return max(0.0005, trip)

    def _step(self, at: float) -> int:
        return min(int(at / STEP), len(self._lines[0].delay) - 1)
