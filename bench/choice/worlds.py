"""Networks of shared lines, and what each of their paths truly costs in every step."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.choice.own_load import OwnLoad
from bench.choice.weather import DEAD, LATE_COST, LineWeather, Script, steps_of
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import Path, Paths, find_paths, find_prefixes

HERE = Address("192.0.2.1", 1)
INGRESS = "sh"
SHAPES: Mapping[int, tuple[int, int, int, int]] = {
    # paths: (relays, lines into each, exits, lines from each relay to each exit)
    4: (2, 1, 1, 2),
    16: (2, 2, 2, 2),
    64: (4, 2, 4, 2),
}


@dataclass(frozen=True)
class World:
    """A network and its weather."""

    paths: tuple[Path, ...]
    prefixes: tuple[Path, ...]
    lines: Mapping[str, LineWeather]
    steps: int
    offsets: Mapping[str, float]
    """By which the pings of a prefix are off, seconds: a node that answers late, or early by another way."""
    costs: Mapping[str, array[float]]
    """By path, what it truly costs in each step; DEAD where nothing passes."""
    own_load: OwnLoad | None = None

    @property
    def exits(self) -> list[str]:
        """Their names."""
        return sorted({path.end for path in self.paths})


@dataclass(frozen=True)
class Setting:
    """What kind of world it is."""

    script: Script
    """The weather of every line."""
    offsets: Sequence[float] = ()
    """What prefix pings may be off by."""
    own_load: OwnLoad | None = None


def make_world(paths: int, setting: Setting, hours: float, seed: int) -> World:
    """A network of so many *paths*; each line has weather of its own."""
    script, offsets = setting.script, setting.offsets
    chance = random.Random(f"{paths} {script.__name__} {seed}")
    found = network_of(paths)
    steps = steps_of(hours * 3600)
    lines = {name: script(_length(name, script, chance), steps, chance) for name in _names(found.used)}
    prefixes = find_prefixes(found)
    off = {prefix.name: chance.choice(offsets) if offsets else 0.0 for prefix in prefixes}
    costs = {path.name: costs_of(path, lines, steps) for path in found.used}
    return World(found.used, prefixes, lines, steps, off, costs, setting.own_load)


def network_of(paths: int) -> Paths:
    """Relays and exits, and the lines between them, that make so many *paths*."""
    relays, into, exits, onward = SHAPES[paths]
    nodes = {f"jp{at}": Node(f"jp{at}", HERE, (HERE,)) for at in range(relays)}
    nodes |= {f"us{at}": Node(f"us{at}", HERE, (HERE,), exit=True) for at in range(exits)}
    lines = [Line(f"ix{at}{letter}", INGRESS, f"jp{at}", HERE) for at in range(relays) for letter in "abcd"[:into]]
    lines += [
        Line(f"p{at}{to}{letter}", f"jp{at}", f"us{to}", HERE)
        for at in range(relays)
        for to in range(exits)
        for letter in "abcd"[:onward]
    ]
    return find_paths(Network((INGRESS,), nodes, {line.name: line for line in lines}), INGRESS)


def _names(paths: Sequence[Path]) -> list[str]:
    return sorted({hop.line.name for path in paths for hop in path.hops})


def _length(name: str, script: Script, chance: random.Random) -> float:
    """To Japan 25 to 35 ms and back, to America 95 to 125; of equals one length for each part of the way."""
    least, most = (0.025, 0.035) if name.startswith("ix") else (0.095, 0.125)
    if script.__name__ in ("equals", "near_ties"):
        return (least + most) / 2
    return chance.uniform(least, most)


def costs_of(path: Path, lines: Mapping[str, LineWeather], steps: int) -> array[float]:
    """The round trip, what it varies by (of independent lines the root of the squares), and what lost segments cost on
    average."""
    own = [lines[hop.line.name] for hop in path.hops]
    costs = array("d", bytes(8 * steps))
    for step in range(steps):
        if any(line.dead[step] for line in own):
            costs[step] = DEAD
            continue
        trip = sum(line.delay[step] for line in own)
        kept = 1.0
        for line in own:
            kept *= (1 - line.up[step]) * (1 - line.down[step])
        swing = math.hypot(*(line.swing[step] for line in own))
        costs[step] = trip + 2 * swing + (1 - kept) * (trip + LATE_COST)
    return costs
