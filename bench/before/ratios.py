"""What one costs in units of the other: the median of paired rounds, with the interval that holds it."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from bench.results import Numbers

FIGURES: Mapping[str, str] = {
    "many.cpu.all": "CPU of a connection, 64 at a time",
    "one.cpu.all": "CPU of a connection, one at a time",
    "one.p50": "time of a connection, one at a time, p50",
    "down.cpu.all": "CPU per GiB, one download",
    "up.cpu.all": "CPU per GiB, one upload",
    "down8.cpu.all": "CPU per GiB, eight downloads",
}
"""What is compared; less is better."""
CONFIDENCE = 0.95


def paired(today: Sequence[Numbers], before: Sequence[Numbers], key: str) -> list[float]:
    """Today's figure in units of the earlier one, round by round, where both have it."""
    return [new[key] / old[key] for new, old in zip(today, before, strict=False) if old.get(key) and key in new]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which of *values* (at least one) the median of all rounds there could be lies, with CONFIDENCE or more.

    From the order of the values alone, by the binomial distribution, so that nothing is assumed of their shape; with
    fewer than six values it is all of them.
    """
    ordered, count = sorted(values), len(values)
    cut = 0
    while 2 * cut + 2 < count and 1 - 2 * _at_most(cut, count) >= CONFIDENCE:
        cut += 1
    cut = max(cut - 1, 0)
    return ordered[cut], ordered[-1 - cut]


def _at_most(successes: int, count: int) -> float:
    """The chance of at most so many heads in *count* throws."""
    return sum(math.comb(count, k) for k in range(successes + 1)) / float(2**count)


def table(today: Sequence[Numbers], before: Sequence[Numbers]) -> str:
    """Markdown: a row for each figure. One that no round has is said to be missing."""
    lines = ["| figure | today × before | interval | rounds |", "| --- | --- | --- | --- |"]
    for key, title in FIGURES.items():
        ratios = paired(today, before, key)
        if ratios:
            low, high = interval(ratios)
            lines.append(f"| {title} | {median(ratios):.3f} | {low:.3f}–{high:.3f} | {len(ratios)} |")
        else:
            lines.append(f"| {title} | missing | – | 0 |")
    return "\n".join(lines) + "\n"
