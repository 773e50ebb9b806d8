"""How long things took, in fixed buckets: one search in a short list and one addition for each."""

from bisect import bisect_left
from collections.abc import Sequence

OPEN_BOUNDS = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
"""Seconds: a connect over the nearest and over the farthest distance, a lost segment, a target that does not answer."""
PAUSE_BOUNDS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)


class Histogram:
    """*bounds* are the upper ends of its buckets, rising; the last bucket has no end."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """By bucket, not added up."""
        self.total = 0.0

    def note(self, value: float) -> None:
        """One more, that took *value*."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def __repr__(self) -> str:
        return f"<Histogram of {sum(self.counts)}, {self.total:.3f} in all>"
