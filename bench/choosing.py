"""Times the decisions themselves, in this process: the ranking of a round, and the choice for one stream."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import Numbers
from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.measure.figures import PathFigures
from ingress.measure.health import PathState
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

ROUNDS = 200
"""Rankings that are timed, each of new figures; 0.25 s apart for the chooser, as an ingress makes them."""
STREAMS = 50
"""Choices after each ranking: every one a target and one of seven clients."""
HERE = Address("192.0.2.1", 1)


@dataclass(frozen=True)
class Weather:
    """What the paths are like; times in seconds."""

    longer: float
    """By how much each path is longer than the one before."""
    noise: float
    """Most that chance adds to a round trip."""
    full: float = 0.0
    """Share of the paths of which a line is full."""


SHORTEST = 0.130
"""Round trip of the first path."""
WEATHERS = {
    "unequal": Weather(0.002, 0.002),
    "equal": Weather(0.0, 0.0005),
    "rated": Weather(0.0, 0.0005, 0.5),
}
"""Some lead and the others follow, as in a network with distances; all are as good as the best; and lines that
tell rates are full, so that a choice looks at each path that is as good."""


def time_choosing(lines: int, weather: Weather) -> Numbers:
    """Median and p99 of a ranking and of a choice (seconds), over so many lines squared paths; `band`: the equals."""
    chance, paths = random.Random(lines), crossed_paths(lines)
    chooser = Chooser({path.end for path in paths})
    ranks: list[float] = []
    choices: list[float] = []
    for number in range(ROUNDS):
        now = number * 0.25
        figures = drawn_figures(paths, weather, chance)
        began = time.perf_counter()
        chooser.rank(figures, now)
        ranks.append(time.perf_counter() - began)
        choices += [time_choice(chooser, number * STREAMS + stream, now) for stream in range(STREAMS)]
    band = chooser.ranking.group.band if chooser.ranking.group else ()
    return {"band": float(len(band)), **quantiles("rank", ranks), **quantiles("choose", choices)}


def time_choice(chooser: Chooser, stream: int, now: float) -> float:
    """Seconds that the choice for stream number *stream* takes."""
    host, client = f"www.site{stream % 500}.example", f"192.0.2.{stream % 7}"
    began = time.perf_counter()
    choice = chooser.decide(Demand(host, 443, client), now)
    if choice is not None:
        chooser.opened(choice, now)
    return time.perf_counter() - began


def crossed_paths(lines: int) -> list[Path]:
    """Every pair of a line to the relay and a line from there to the exit."""
    first, second = (
        [Line(f"{a}-{b}-{n}", a, b, HERE) for n in range(lines)] for a, b in (("in", "hop"), ("hop", "out"))
    )
    return [Path((hop_over(one), hop_over(other))) for one in first for other in second]


def hop_over(line: Line) -> Hop:
    """The line, walked as it is written."""
    return Hop(line, line.start, line.end, HERE)


def drawn_figures(paths: Sequence[Path], weather: Weather, chance: random.Random) -> list[PathFigures]:
    """Figures as a round finds them."""
    return [
        PathFigures(
            path,
            PathState.UP,
            round_trip=SHORTEST + number * weather.longer + chance.random() * weather.noise,
            deviation=chance.random() * weather.noise,
            streams=chance.randrange(400),
            is_full=chance.random() < weather.full,
        )
        for number, path in enumerate(paths)
    ]


def quantiles(name: str, times: Sequence[float]) -> Numbers:
    """The median and the 99th percentile."""
    ordered = sorted(times)
    return {f"{name}.p50": ordered[len(ordered) // 2], f"{name}.p99": ordered[len(ordered) * 99 // 100]}
