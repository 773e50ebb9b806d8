"""Figures of paths, as a round gives them, and a chooser that ranks by them."""

import attrs

from ingress.choice.chooser import Chooser
from ingress.measure.figures import PathFigures
from ingress.measure.health import PathState
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

HERE = Address("x", 1)


def path(name: str, **more: object) -> Path:
    """`ix/j1>us`: lines and the exit; *more* is for every line."""
    lines, _, end = name.partition(">")
    names = lines.split("/")
    nodes = ["sh", *(f"after-{one}" for one in names[:-1]), end]
    made = [Line(one, nodes[at], nodes[at + 1], HERE, **more) for at, one in enumerate(names)]  # type: ignore[arg-type]
    return Path(tuple(Hop(line, line.start, line.end, HERE) for line in made))


def figure(
    name: str, ms: float, state: PathState = PathState.UP, line: dict[str, object] | None = None, **more: object
) -> PathFigures:
    return attrs.evolve(PathFigures(path(name, **(line or {})), state, round_trip=ms / 1000), **more)


def chooser(*figures: PathFigures, now: float = 0.0) -> Chooser:
    made = Chooser({one.exit for one in figures})
    made.rank(figures, now)
    return made
