"""From rounds to what a table shows: medians with their spread, ratios within a round and never across."""

import statistics
from collections.abc import Sequence

from bench.results import Row


def number(value: float) -> str:
    """Three significant digits; thousands in groups."""
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def spread(values: Sequence[float], scale: float = 1.0) -> str:
    """Median, and from least to most if there are several; a dash if there is nothing."""
    if not values:
        return "–"
    scaled = [value * scale for value in values]
    middle = number(statistics.median(scaled))
    return middle if len(scaled) == 1 else f"{middle} ({number(min(scaled))}–{number(max(scaled))})"


def median(values: Sequence[float]) -> float | None:
    """The middle one, or None."""
    return statistics.median(values) if values else None


def ratios(row: Row, base: Row, key: str) -> list[float]:
    """*row* by *base*, round by round, as far as both have the figure and the base is not 0."""
    pairs = zip(row.rounds, base.rounds, strict=False)
    return [one[key] / other[key] for one, other in pairs if key in one and other.get(key)]


def best(rows: dict[str, Row], names: Sequence[str], key: str, *, most: bool = False) -> str | None:
    """Which of *names* has the lowest (or highest) median of a figure."""
    found = {name: middle for name in names if name in rows and (middle := median(rows[name].values(key))) is not None}
    if not found:
        return None
    return max(found, key=found.__getitem__) if most else min(found, key=found.__getitem__)
