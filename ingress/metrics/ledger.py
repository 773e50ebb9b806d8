"""Counters that never go back: what they are read off may begin anew, when a path leaves the file and returns, or when
a node is started again."""

from collections.abc import Iterator

Key = tuple[str, tuple[str, ...]]
"""A metric and the values of its labels."""

MOST_WORDS = 64
"""Versions of programs. Each is another series for ever; a node that is somebody else's by now could tell a new one
with every carrier."""


class CounterLedger:
    """One process's, as long as it lives. Its keys are as many as paths, lines and nodes there ever were."""

    __slots__ = ("_base", "_last", "_words")

    def __init__(self) -> None:
        self._base: dict[Key, float] = {}
        self._last: dict[Key, float] = {}
        self._words: set[str] = set()

    def word(self, said: str) -> str:
        """*said* by a node, as a label: of all that were ever said the first MOST_WORDS, and `other` for the rest."""
        if said in self._words or len(self._words) < MOST_WORDS:
            self._words.add(said)
            return said
        return "other"

    def count(self, name: str, labels: tuple[str, ...], value: float) -> float:
        """What the counter stands at, now that its source says *value*; less than before means that it began anew."""
        key = name, labels
        last = self._last.get(key, 0.0)
        if value < last:
            self._base[key] = self._base.get(key, 0.0) + last
        self._last[key] = value
        return self._base.get(key, 0.0) + value

    def totals(self, name: str) -> Iterator[tuple[tuple[str, ...], float]]:
        """All that the counter *name* stands at, by the values of its labels, of sources that are gone as well."""
        for (metric, labels), last in self._last.items():
            if metric == name:
                yield labels, self._base.get((metric, labels), 0.0) + last
