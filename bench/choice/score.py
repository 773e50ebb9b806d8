"""What is counted while a world is played: how well new streams were placed, and how often anything moved."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from bench.choice.weather import DEAD, STEP
from bench.choice.worlds import World

WARM = 60.0
"""Seconds at the beginning that do not count: nobody knows anything yet."""
WORTH = 0.015
"""Seconds by which a path must have been worse, truly, in the seconds before a move, for the move to be needed."""
BEFORE = 6.0
"""Seconds before a move in which it may have been."""


@dataclass
class Score:
    """Of one player in one world."""

    world: World
    regret: float = 0.0
    """Sum of what choices cost above the oracle's, seconds."""
    cost: float = 0.0
    choices: int = 0
    dead: int = 0
    """Choices that fell on a dead path while another lived."""
    switches: int = 0
    """Changes of the path that new streams take first."""
    moves: int = 0
    """Streams moved by plan, and rescues that were none."""
    needless: int = 0
    stream_seconds: float = 0.0
    left_dead: list[float] = field(default_factory=list)
    """For each death of a path that led: seconds until another did."""
    exit_changes: float | None = None
    """Needless ones, of 400 ties of clients and sites in an hour; None for those who have no exits to keep."""
    _best: array[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._best = array("d", (min(step) for step in zip(*self.world.costs.values(), strict=True)))

    def step(self, now: float) -> int:
        """The step at *now*."""
        return min(int(now / STEP), self.world.steps - 1)

    def chose(self, path: str, now: float) -> None:
        """A new stream was given *path*."""
        if now < WARM:
            return
        step = self.step(now)
        cost, best = self.world.costs[path][step], self._best[step]
        self.choices += 1
        self.cost += cost
        self.regret += cost - best
        self.dead += cost >= DEAD > best

    def _died(self, path: str, step: int) -> float:
        """When *path*, which is dead in *step*, died."""
        costs = self.world.costs[path]
        while step and costs[step - 1] >= DEAD:
            step -= 1
        return step * STEP

    def switched(self, old: str, now: float) -> None:
        """Another path leads than *old*."""
        if now < WARM:
            return
        self.switches += 1
        step = self.step(now)
        if self.world.costs[old][step] >= DEAD > self._best[step]:
            self.left_dead.append(now - self._died(old, step))

    def moved(self, old: str, new: str, streams: int, now: float) -> None:
        """So many *streams* went from *old* to *new*."""
        if now < WARM:
            return
        self.moves += streams
        if not self._was_worse(old, new, now):
            self.needless += streams

    def _was_worse(self, old: str, new: str, now: float) -> bool:
        """Whether *old* was truly worse, or dead, at some moment shortly before."""
        last = self.step(now)
        first = max(0, last - int(BEFORE / STEP))
        one, other = self.world.costs[old], self.world.costs[new]
        return any(one[step] - other[step] > WORTH for step in range(first, last + 1))

    @property
    def hours(self) -> float:
        """That count."""
        return (self.world.steps * STEP - WARM) / 3600

    @property
    def best_fixed(self) -> float:
        """Mean cost of the best path, had one stayed on it."""
        first = self.step(WARM)
        return min(sum(costs[first:]) / (self.world.steps - first) for costs in self.world.costs.values())

    @property
    def oracle(self) -> float:
        """Mean cost of always knowing."""
        first = self.step(WARM)
        return sum(self._best[first:]) / (self.world.steps - first)

    @property
    def possible(self) -> float:
        """What the oracle gains over the best fixed path."""
        return self.best_fixed - self.oracle

    @property
    def gained(self) -> float:
        """What was gained over it."""
        return self.best_fixed - self.cost / self.choices if self.choices else 0.0

    @property
    def gain(self) -> float | None:
        """Share of what the oracle gains over the best fixed path; None if that is nothing to speak of."""
        possible = self.possible
        if possible < 0.0002 or not self.choices:
            return None
        return self.gained / possible

    def figures(self) -> dict[str, float | None]:
        """In the units of the table: milliseconds, per cent, per hour."""
        hours = self.stream_seconds / 3600
        return {
            "regret": 1000 * self.regret / max(1, self.choices),
            "gain": None if self.gain is None else 100 * self.gain,
            "gained": 1000 * self.gained,
            "possible": 1000 * self.possible,
            "switches": self.switches / self.hours,
            "dead": 100 * self.dead / max(1, self.choices),
            "moves": self.moves / hours if hours else None,
            "needless": self.needless / hours if hours else None,
            "left": quantile(self.left_dead, 0.95),
            "exits": self.exit_changes,
        }


def quantile(values: list[float], share: float) -> float | None:
    """The value that *share* of them do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
