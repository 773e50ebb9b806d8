"""`python -m bench choice`: play the worlds, print the table, and write docs/choice.md with `--write`."""

import argparse
import os
import sys
from collections.abc import Sequence

from bench.choice import downloads, report
from bench.choice.games import OURS, PLAYERS, WEATHERS, Figures, Game, OutOfTime, games, play
from bench.choice.worlds import SHAPES


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
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes that play")
    made.add_argument(
        "--minutes",
        type=float,
        default=600.0,
        help="give up then; for each weather and seed an hour takes 20, 40, 110 s of a core with 4, 16, 64 paths",
    )
    made.add_argument("--write", action="store_true", help="write docs/choice.md, once all was played")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one row for each player in each weather."""
    options = parser().parse_args(arguments)
    if options.downloads:
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        for row in downloads.table(options.paths, seeds, options.every, 3600 * options.hours):
            print(row, flush=True)
        return 0
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    players = [OURS] if options.ours_only else list(PLAYERS)
    wanted = games(options.weather, options.paths, seeds, players, options.hours)
    played: dict[Game, Figures] = {}
    print("| weather, paths | player | regret ms | gain % | switches/h | dead % | moves | needless | left s | exits |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    try:
        for game, found in play(wanted, options.jobs, options.minutes):
            played[game] = found
            if game.seed == seeds[-1]:
                print_row(game, report.Found(played))
    except OutOfTime as error:
        print(f"bench choice: {error}; nothing was written", file=sys.stderr)
        return 1
    if options.write:
        report.write(played)
    return 0


def print_row(game: Game, found: report.Found) -> None:
    """The row of *game* and its other seeds."""
    cells = [report.shown(found.values(game.weather, game.paths, game.player, key)) for key in report.COLUMNS]
    print(f"| {game.weather}, {game.paths} | {game.player} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
