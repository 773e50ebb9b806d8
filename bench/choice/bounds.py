"""What no rule can do better, and what no rule should do worse: who knows the future, and who never looks.

A switch costs whoever knows the future so many milliseconds times seconds, as it costs us: without that, he would
change places each half second. So the table shows how many switches a little regret takes at least.
"""

from collections.abc import Sequence

from bench.choice.score import WARM, Score
from bench.choice.weather import STEP
from bench.choice.worlds import World
from ingress.choice.ranking import ENOUGH, PLAIN

PRICE = 0.1
"""Seconds times seconds that a switch has to gain for him: a tenth of a second for a second."""


class BestFixed:
    """Stays on the path that is the best over the whole time."""

    name = "best fixed path"

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed

    def run(self) -> Score:
        """Play the world to its end."""
        first = int(WARM / STEP)
        costs = self.world.costs
        best = min(costs, key=lambda name: sum(costs[name][first:]))
        return _walk(self.world, [best] * self.world.steps)


class Foreseeing:
    """Knows all that will come, and makes the switches that are worth PRICE."""

    name = "knows the future"
    price = PRICE

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed

    def run(self) -> Score:
        """Play the world to its end."""
        return _walk(self.world, foreseen(self.world, self.price / STEP))


class ForeseeingLavish(Foreseeing):
    """The same, to whom a switch costs a third."""

    name = "the future, switches at a third"
    price = PRICE / 3


class ForeseeingFrugal(Foreseeing):
    """The same, to whom a switch costs three times as much."""

    name = "the future, switches at three times"
    price = 3 * PRICE


class Present(Foreseeing):
    """Knows what everything truly costs at this moment, without an error, and nothing of what will come; it goes by the
    ingress's own rule, so that what the ingress has more of regret is what measuring costs."""

    name = "knows the present"
    price = ENOUGH

    def run(self) -> Score:
        """Play the world to its end."""
        return _walk(self.world, seen(self.world, self.price))


class PresentFrugal(Present):
    """The same, to whom a switch costs so much that there are about eight an hour."""

    name = "the present, few switches"
    price = 40 * ENOUGH


def seen(world: World, price: float) -> list[str]:
    """The path of every step: another once what it was cheaper by, as `ingress.choice.ranking` weighs it, comes to
    *price* (seconds times seconds)."""
    names = list(world.costs)
    present = min(names, key=lambda name: world.costs[name][0])
    ahead = dict.fromkeys(names, 0.0)
    walked = []
    for step in range(world.steps):
        for name in names:
            gain = world.costs[present][step] - world.costs[name][step]
            ahead[name] = max(0.0, ahead[name] + gain * max(1.0, gain / PLAIN) * STEP)
        through = [name for name in names if ahead[name] >= price]
        if through:
            present = min(through, key=lambda name: world.costs[name][step])
            ahead = dict.fromkeys(names, 0.0)
        walked.append(present)
    return walked


def foreseen(world: World, price: float) -> list[str]:
    """The path of every step, by dynamic programming: the least sum of costs and prices of switches."""
    names = list(world.costs)
    spent = dict.fromkeys(names, 0.0)
    came: list[dict[str, str]] = []
    for step in range(world.steps):
        best = min(names, key=spent.__getitem__)
        most = spent[best] + price
        came.append({name: best for name in names if spent[name] > most})
        spent = {name: min(spent[name], most) + world.costs[name][step] for name in names}
    name = min(names, key=spent.__getitem__)
    walked = []
    for moved in reversed(came):
        walked.append(name)
        name = moved.get(name, name)
    return walked[::-1]


def _walk(world: World, walked: Sequence[str]) -> Score:
    score = Score(world)
    for step, name in enumerate(walked):
        score.chose(name, step * STEP)
        if step and name != walked[step - 1]:
            score.switched(walked[step - 1], step * STEP)
    return score
