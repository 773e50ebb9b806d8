"""Clients that keep their exits: how often a site sees one of them come from elsewhere without need."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from bench.choice.score import WARM
from bench.choice.weather import DEAD
from bench.choice.worlds import World
from ingress.choice.affinity import GIVE_UP
from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand

CLIENTS = 20
SITES = 20
"""Each client uses each site: 400 ties."""
SYN_LOST = 0.01
"""Share of connects that take a second more."""
FAR = 0.15
"""Seconds that the farthest site is from an exit."""
BEFORE = 20
"""Steps (10 s) before a change in which another exit may have been truly better."""


@dataclass
class Clients:
    """Twenty people who are logged in at twenty sites; half of these are equally far from every exit."""

    world: World
    chooser: Chooser
    chance: random.Random
    changes: int = 0
    needless: int = 0
    _shares: dict[tuple[str, str], float] = field(default_factory=dict)
    _exits: dict[tuple[str, str], str] = field(default_factory=dict)
    _best: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in range(SITES):
            away = self.chance.uniform(0.002, FAR)
            for exit_ in self.world.exits:
                self._shares[f"s{number}.example", exit_] = away if number % 2 else self.chance.uniform(0.002, FAR)
        for exit_ in self.world.exits:
            own = [self.world.costs[path.name] for path in self.world.paths if path.end == exit_]
            self._best[exit_] = [min(step) for step in zip(*own, strict=True)]

    def use(self, now: float, step: int) -> None:
        """One of them opens a stream to one of the sites."""
        client, site = f"10.0.0.{self.chance.randrange(CLIENTS)}", f"s{self.chance.randrange(SITES)}.example"
        demand = Demand(site, 443, client)
        choice = self.chooser.decide(demand, now)
        if choice is None:
            return
        self.chooser.opened(choice, now)
        self.chooser.connected(demand, choice.exit, self._took(site, choice.exit), now)
        for probe in self.chooser.probes_wanted(now):
            if (probe.host, probe.exit) in self._shares:
                self.chooser.probed(probe, self._took(probe.host, probe.exit), now)
        before = self._exits.get((client, site))
        self._exits[client, site] = choice.exit
        if before is not None and before != choice.exit and now >= WARM:
            self.changes += 1
            self.needless += not self._was_needed(site, before, choice.exit, step)

    def _took(self, site: str, exit_: str) -> float:
        lost = self.chance.random() < SYN_LOST
        return self._shares[site, exit_] * self.chance.uniform(1.0, 1.05) + 1.0 * lost

    def _was_needed(self, site: str, old: str, new: str, step: int) -> bool:
        """Whether the exit was dead, or truly as much worse as people are moved for, at some moment shortly before."""
        for at in range(max(0, step - BEFORE), step + 1):
            left = self._best[old][at] + self._shares[site, old]
            if self._best[old][at] >= DEAD or left - self._best[new][at] - self._shares[site, new] > GIVE_UP:
                return True
        return False
