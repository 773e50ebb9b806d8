"""Scripted weather: what a line truly is, in steps of half a second. Times in seconds, shares from 0 to 1."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass

STEP = 0.5
"""Seconds of one step."""
LATE_COST = 0.2
"""Seconds, beside a round trip, that one lost segment costs whoever waits for it: TCP's least wait."""
DEAD = 1.0
"""What a stream that is opened on a dead path is charged, seconds."""

Chance = random.Random


@dataclass
class LineWeather:
    """One line. Of a walk over several, everything adds up."""

    delay: array[float]
    """Round trip without noise."""
    swing: array[float]
    """Mean absolute deviation of one round trip."""
    up: array[float]
    """Share of segments lost away from the ingress."""
    down: array[float]
    dead: bytearray
    """1 where nothing passes."""

    @classmethod
    def still(cls, delay: float, steps: int, swing: float = 0.0002, loss: float = 0.0) -> LineWeather:
        """The same all the time."""
        lost = array("d", [loss / 2]) * steps
        return cls(array("d", [delay]) * steps, array("d", [swing]) * steps, lost, lost[:], bytearray(steps))

    def add(
        self, begin: int, end: int, *, delay: float = 0.0, swing: float = 0.0, up: float = 0.0, down: float = 0.0
    ) -> None:
        """Worse by so much in the steps from *begin* to before *end*."""
        for step in range(max(0, begin), min(end, len(self.delay))):
            self.delay[step] = max(0.0005, self.delay[step] + delay)
            self.swing[step] += swing
            self.up[step] = min(0.9, self.up[step] + up)
            self.down[step] = min(0.9, self.down[step] + down)

    def kill(self, begin: int, end: int) -> None:
        """Nothing passes in these steps."""
        for step in range(max(0, begin), min(end, len(self.dead))):
            self.dead[step] = 1


Script = Callable[[float, int, Chance], LineWeather]
"""Makes a line of a delay, for so many steps."""


def steps_of(seconds: float) -> int:
    """Seconds as steps."""
    return max(1, round(seconds / STEP))


def _times(every: float, steps: int, chance: Chance) -> list[int]:
    """Steps at which something happens that happens once in *every* seconds, on average."""
    found, at = [], chance.expovariate(1 / every)
    while at < steps * STEP:
        found.append(steps_of(at))
        at += chance.expovariate(1 / every)
    return found


def drift(line: LineWeather, chance: Chance, most: float, minutes: float) -> None:
    """It wanders within about *most*, and forgets where it was in so many minutes."""
    keep = math.exp(-STEP / (60 * minutes))
    noise, at = most / 2 * math.sqrt(1 - keep * keep), chance.gauss(0, most / 2)
    for step in range(len(line.delay)):
        at = keep * at + chance.gauss(0, noise)
        line.delay[step] = max(0.0005, line.delay[step] + at)


def congestions(line: LineWeather, chance: Chance, every: float) -> None:
    """Queues that come and go: 20 to 120 s, a few to some tens of ms, with loss."""
    for begin in _times(every, len(line.delay), chance):
        length, worse = steps_of(chance.uniform(20, 120)), chance.uniform(0.005, 0.050)
        line.add(
            begin,
            begin + length,
            delay=worse,
            swing=worse / 4,
            up=chance.uniform(0, 0.01),
            down=chance.uniform(0, 0.01),
        )


def outages(line: LineWeather, chance: Chance, every: float, shortest: float = 3.0, longest: float = 60.0) -> None:
    """Nothing passes for a while."""
    for begin in _times(every, len(line.delay), chance):
        line.kill(begin, begin + steps_of(chance.uniform(shortest, longest)))


def flapping(line: LineWeather, chance: Chance, every: float) -> None:
    """Five to ten outages of 1 to 5 s, seconds apart."""
    for begin in _times(every, len(line.delay), chance):
        at = begin
        for _ in range(chance.randint(5, 10)):
            length = steps_of(chance.uniform(1, 5))
            line.kill(at, at + length)
            at += length + steps_of(chance.uniform(2, 15))


def route_changes(line: LineWeather, chance: Chance, every: float) -> None:
    """Another length from one moment to the next, and for good."""
    for begin in _times(every, len(line.delay), chance):
        line.add(begin, len(line.delay), delay=chance.choice((-1, 1)) * chance.uniform(0.004, 0.020))


def bursts(line: LineWeather, chance: Chance, every: float, *, one_way: bool = False) -> None:
    """Bursts of loss, 2 to 20 s at 5 to 20 %; one way or both."""
    for begin in _times(every, len(line.delay), chance):
        length, share = steps_of(chance.uniform(2, 20)), chance.uniform(0.05, 0.2)
        way = chance.random() < 0.5
        line.add(begin, begin + length, up=share * (way or not one_way), down=share * (not way or not one_way))


def usual(delay: float, steps: int, chance: Chance) -> LineWeather:
    """A day as most are."""
    line = LineWeather.still(delay, steps, swing=chance.uniform(0.0003, 0.0015), loss=0.0003)
    drift(line, chance, 0.002, 10)
    congestions(line, chance, 1200)
    route_changes(line, chance, 3600)
    outages(line, chance, 7200)
    return line


def quiet(delay: float, steps: int, chance: Chance) -> LineWeather:
    """Fixed distances, 0.05 % loss."""
    return LineWeather.still(delay, steps, swing=0.0003, loss=0.0005)


def equals(delay: float, steps: int, chance: Chance) -> LineWeather:
    """All lines alike, with 5 ms of jitter."""
    return LineWeather.still(delay, steps, swing=0.0025)


def near_ties(delay: float, steps: int, chance: Chance) -> LineWeather:
    """A millisecond or two apart, wandering about each other."""
    line = LineWeather.still(delay, steps, swing=0.001)
    drift(line, chance, 0.0015, 5)
    return line


def drifts(delay: float, steps: int, chance: Chance) -> LineWeather:
    """Lengths that wander by ten milliseconds."""
    line = LineWeather.still(delay, steps, swing=0.0005, loss=0.0001)
    drift(line, chance, 0.010, 15)
    return line


def changing_routes(delay: float, steps: int, chance: Chance) -> LineWeather:
    """Another length every ten minutes."""
    line = LineWeather.still(delay, steps, swing=0.0005, loss=0.0001)
    route_changes(line, chance, 600)
    return line


def broken(delay: float, steps: int, chance: Chance) -> LineWeather:
    """Outages and flapping."""
    line = LineWeather.still(delay, steps, swing=0.0005, loss=0.0002)
    outages(line, chance, 900)
    flapping(line, chance, 2400)
    return line


def bursty(delay: float, steps: int, chance: Chance) -> LineWeather:
    """Bursts of loss, both ways."""
    line = LineWeather.still(delay, steps, swing=0.0005, loss=0.0005)
    bursts(line, chance, 240)
    return line


def one_way(delay: float, steps: int, chance: Chance) -> LineWeather:
    """Loss in one direction, for minutes, on shared lines."""
    line = LineWeather.still(delay, steps, swing=0.0005, loss=0.0002)
    for begin in _times(900, steps, chance):
        length, share = steps_of(chance.uniform(30, 240)), chance.uniform(0.01, 0.08)
        if chance.random() < 0.5:
            line.add(begin, begin + length, up=share)
        else:
            line.add(begin, begin + length, down=share)
    return line
