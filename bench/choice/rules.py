"""How other programs choose, re-implemented: what they sample, how often, and which path a new stream is given."""

import math
import random
from collections import Counter, deque

from bench.choice.own_load import Loads
from bench.choice.score import Score
from bench.choice.weather import STEP
from bench.choice.wires import Wire
from bench.choice.worlds import World

TIMEOUT = 5.0
"""Seconds after which a sample has failed."""


class Rule:
    """One program. A sample is the time of a connection of its own, so that nothing waits behind another."""

    name = ""
    every = 10.0
    """Seconds between samples of every path."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(f"{self.name} {seed}")
        self.names = [path.name for path in world.paths]
        self.last = dict.fromkeys(self.names, math.inf)
        self.score = Score(world)
        self._wires = {
            path.name: Wire(path, world.lines, 0.0, self.chance, Loads(None, self.chance)) for path in world.paths
        }
        self._leader = ""

    def sampled(self, name: str, trip: float, now: float) -> None:
        """The sample of *name* is there; infinite if it failed."""
        self.last[name] = trip

    def choose(self, now: float) -> str:
        """The path of a new stream."""
        raise NotImplementedError

    def run(self) -> Score:
        """Play the world to its end."""
        waiting: deque[tuple[float, str, float]] = deque()
        asked = -self.every
        for step in range(self.world.steps):
            now = step * STEP
            if now - asked >= self.every:
                asked = now
                waiting = deque(sorted((*waiting, *(self._sample(name, now) for name in self.names))))
            while waiting and waiting[0][0] <= now:
                at, name, trip = waiting.popleft()
                self.sampled(name, trip, at)
            chosen = self.choose(now)
            self.score.chose(chosen, now)
            if self.is_sticky and chosen != self._leader:
                self.score.switched(self._leader or chosen, now)
                self._leader = chosen
        return self.score

    is_sticky = True
    """Whether it has one path that leads."""

    def _sample(self, name: str, now: float) -> tuple[float, str, float]:
        wire = self._wires[name]
        wire.forget()
        at = wire.answer(now, 1.0)
        if at is None or at - now > TIMEOUT:
            return now + TIMEOUT, name, math.inf
        return at, name, at - now


class LastSample(Rule):
    """The least of the last samples (gost)."""

    name = "last sample, 10 s"

    def choose(self, now: float) -> str:
        return min(self.names, key=self.last.__getitem__)


class LastSecond(LastSample):
    """The same, asked every second."""

    name = "last sample, 1 s"
    every = 1.0


class UrlTest(LastSample):
    """The least, unless the present one is within 50 ms of it (Clash, sing-box)."""

    name = "url-test, 50 ms"
    _present = ""

    def choose(self, now: float) -> str:
        best = super().choose(now)
        if not self._present or self.last[self._present] > self.last[best] + 0.05:
            self._present = best
        return self._present


class PeakEwma(Rule):
    """Of two by chance the one with the lower peak-sensitive mean (linkerd, Finagle)."""

    name = "peak EWMA of two"
    every = 1.0
    is_sticky = False

    def sampled(self, name: str, trip: float, now: float) -> None:
        before, trip = self.last[name], min(trip, TIMEOUT)
        keep = math.exp(-self.every / 10.0)
        self.last[name] = trip if trip > before or math.isinf(before) else keep * before + (1 - keep) * trip

    def choose(self, now: float) -> str:
        return min(self.chance.sample(self.names, 2), key=self.last.__getitem__)


class LeastDeviation(Rule):
    """The steadiest of the last ten samples among those that work (Xray's leastLoad)."""

    name = "least deviation"

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world, seed)
        self._seen: dict[str, deque[float]] = {name: deque(maxlen=10) for name in self.names}

    def sampled(self, name: str, trip: float, now: float) -> None:
        self._seen[name].append(min(trip, TIMEOUT))

    def choose(self, now: float) -> str:
        return min(self.names, key=self._deviation)

    def _deviation(self, name: str) -> float:
        seen = self._seen[name]
        if not seen or seen[-1] >= TIMEOUT:
            return math.inf
        mean = sum(seen) / len(seen)
        return math.sqrt(sum((one - mean) ** 2 for one in seen) / len(seen))


class LeastConnections(Rule):
    """The one with the fewest streams, of those whose last sample came (HAProxy)."""

    name = "least connections"
    is_sticky = False

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world, seed)
        self._open: Counter[str] = Counter()

    def choose(self, now: float) -> str:
        alive = [name for name in self.names if math.isfinite(self.last[name])] or self.names
        chosen = min(alive, key=lambda name: (self._open[name], name))
        self._open[chosen] += 1
        return chosen


RULES: tuple[type[Rule], ...] = (LastSample, LastSecond, UrlTest, PeakEwma, LeastDeviation, LeastConnections)
