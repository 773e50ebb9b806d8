"""Who plays which world, on all cores; a run is whole or it is nothing."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.choice.bounds import BestFixed, Foreseeing, ForeseeingFrugal, ForeseeingLavish, Present, PresentFrugal
from bench.choice.ours import Ours
from bench.choice.own_load import DOWNLOADS, PAGES
from bench.choice.rules import RULES, Rule
from bench.choice.weather import (
    broken,
    bursty,
    changing_routes,
    drifts,
    equals,
    near_ties,
    one_way,
    quiet,
    usual,
)
from bench.choice.worlds import Setting, make_world

Player = type[Ours] | type[Rule] | type[BestFixed] | type[Foreseeing]
Figures = dict[str, float | None]
OURS = "ingress"
WEATHERS: dict[str, Setting] = {
    "usual day": Setting(usual),
    "quiet day": Setting(quiet),
    "equals": Setting(equals),
    "near ties": Setting(near_ties),
    "drifts": Setting(drifts),
    "route changes": Setting(changing_routes),
    "outages and flapping": Setting(broken),
    "bursty loss": Setting(bursty),
    "one-way loss on shared lines": Setting(one_way),
    "wrong pieces": Setting(usual, offsets=(-0.015, 0.0, 0.030)),
    "own page loads": Setting(quiet, own_load=PAGES),
    "own bulk": Setting(quiet, own_load=DOWNLOADS),
}
"""Own loads are for our own player: the others are asked over connections of their own, and have none."""
PLAYERS: dict[str, Player] = {
    OURS: Ours,
    **{one.name: one for one in (Present, PresentFrugal, Foreseeing, ForeseeingLavish, ForeseeingFrugal, BestFixed)},
    **{rule.name: rule for rule in RULES},
}


@dataclass(frozen=True)
class Game:
    """One player in one world."""

    weather: str
    paths: int
    seed: int
    player: str
    hours: float

    def play(self) -> Figures:
        """The figures of the table."""
        world = make_world(self.paths, WEATHERS[self.weather], self.hours, self.seed)
        return PLAYERS[self.player](world, self.seed).run().figures()


class OutOfTime(Exception):
    """Not all games were played in the time that was given."""


def games(
    weathers: Sequence[str], paths: Sequence[int], seeds: Sequence[int], players: Sequence[str], hours: float
) -> list[Game]:
    """Every player in every world, in the order of the table."""
    return [
        Game(weather, count, seed, player, hours)
        for weather in weathers
        for count in paths
        for player in players
        for seed in seeds
        if player == OURS or WEATHERS[weather].own_load is None
    ]


def play(wanted: Sequence[Game], jobs: int, minutes: float) -> Iterator[tuple[Game, Figures]]:
    """The games with their figures, in order.

    Raises:
        OutOfTime: those that come would have taken longer than *minutes* altogether.
    """
    pool = ProcessPoolExecutor(jobs)
    try:
        yield from zip(wanted, pool.map(Game.play, wanted, timeout=60 * minutes), strict=True)
    except TimeoutError as error:
        for process in list(pool._processes.values()):  # they would play on
            process.terminate()
        raise OutOfTime(f"not all of {len(wanted)} games were played in {minutes:g} minutes") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
