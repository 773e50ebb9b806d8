"""Spreads streams over paths that are equally good: asked for one stream after another, it looks at one path each time.

What must stay true: within a round a path only becomes dearer, by what it was given, so the cheapest of a heap whose
keys may be old is found by renewing the one on top until it is still on top.
"""

import heapq
from collections.abc import Callable, Sequence

from ingress.choice.entry import Entry

Key = tuple[float, float, float, int]
"""What is compared, the least first; the last is the rank, which no two paths share."""
KeyOf = Callable[[Entry], Key]


def by_room(entry: Entry) -> Key:
    """By the rate that is still free, in proportion; then by money."""
    free = entry.figures.free
    return (entry.given + 1) / free if free else float("inf"), entry.figures.path.cost, 0.0, entry.rank


def by_streams(entry: Entry) -> Key:
    """Full ones last, then by fewest streams, then by money."""
    figures = entry.figures
    return figures.is_full, figures.streams + entry.given, figures.path.cost, entry.rank


class Spread:
    """A band of one ranking. It costs nothing until it is asked."""

    __slots__ = ("_band", "_heaps", "_is_rated")

    def __init__(self, band: Sequence[Entry]) -> None:
        self._band = band
        self._heaps: dict[KeyOf, list[tuple[Key, Entry]]] = {}
        self._is_rated: bool | None = None

    @property
    def is_rated(self) -> bool:
        """Whether all of its paths tell their rate."""
        if self._is_rated is None:
            self._is_rated = all(entry.figures.free is not None for entry in self._band)
        return self._is_rated

    def least(self, key_of: KeyOf) -> tuple[Key, Entry]:
        """The path that is to take the next stream; who takes it adds one to its `given`."""
        heap = self._heaps.get(key_of)
        if heap is None:
            heap = self._heaps[key_of] = [(key_of(entry), entry) for entry in self._band]
            heapq.heapify(heap)
        while True:
            key, entry = heap[0]
            present = key_of(entry)
            if present == key:
                return heap[0]
            heapq.heapreplace(heap, (present, entry))


def spread(bands: Sequence[Spread]) -> Entry:
    """One path of all *bands* (none of them empty): by free rates if all tell theirs, else by streams."""
    key_of = by_room if all(band.is_rated for band in bands) else by_streams
    if len(bands) == 1:
        return bands[0].least(key_of)[1]
    return min(band.least(key_of) for band in bands)[1]
