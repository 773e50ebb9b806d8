"""`python -m bench choice`: play the worlds, print the table."""

import argparse
import math
import statistics
import sys
from collections.abc import Sequence

from bench.choice import downloads
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
from bench.choice.worlds import SHAPES, Setting, make_world

Player = type[Ours] | type[Rule]
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


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench choice", description=__doc__)
    made.add_argument("--paths", type=int, choices=SHAPES, nargs="*", default=[*SHAPES])
    made.add_argument("--weather", choices=WEATHERS, nargs="*", default=[*WEATHERS])
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--first-seed", type=int, default=1)
    made.add_argument("--hours", type=float, default=1.0)
    made.add_argument(
        "--downloads", action="store_true", help="downloads of 40 MB instead, and who knows all capacities"
    )
    made.add_argument("--every", type=float, default=10.0, help="seconds from one download to the next, on average")
    made.add_argument("--ours-only", action="store_true", help="without the other programs' rules")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one row for each player in each weather."""
    options = parser().parse_args(arguments)
    if options.downloads:
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        for row in downloads.table(options.paths, seeds, options.every, 3600 * options.hours):
            print(row, flush=True)
        return 0
    print("| weather, paths | player | regret ms | gain % | switches/h | dead % | moves | needless | left s | exits |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for weather in options.weather:
        for paths in options.paths:
            seeds = range(options.first_seed, options.first_seed + options.seeds)
            worlds = [make_world(paths, WEATHERS[weather], options.hours, seed) for seed in seeds]
            players: list[Player] = [Ours, *(() if options.ours_only else RULES)]
            for player in players:
                found = [player(world, seed).run().figures() for world, seed in zip(worlds, seeds, strict=True)]
                cells = [shown([one[key] for one in found]) for key in found[0]]
                print(
                    f"| {weather}, {paths} | {getattr(player, 'name', 'ingress')} | {' | '.join(cells)} |", flush=True
                )
    return 0


def shown(values: Sequence[float | None]) -> str:
    """The mean with its 95 % interval."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = statistics.fmean(known)
    if len(known) < 2:
        return f"{mean:.3g}"
    return f"{mean:.3g} ±{1.96 * statistics.stdev(known) / math.sqrt(len(known)):.2g}"


if __name__ == "__main__":
    sys.exit(main())
