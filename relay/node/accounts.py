"""Memory of a node, divided evenly among the ingresses that have sessions: none can take what another needs.

The share of those that are there shrinks when another comes. What they had promised by then is not taken back, so that
for a while all together may have more than there is; they get nothing new until it is theirs again.
"""

from collections.abc import Iterable, Iterator

from relay.session.window import Memory, MemoryStatistics


class Accounts:
    """One `Memory` for each ingress, by name."""

    __slots__ = ("_cut_short", "_denied", "_limit", "_memories")

    def __init__(self, limit: int) -> None:
        """*limit*: bytes for all together."""
        self._limit = limit
        self._denied = self._cut_short = 0
        """What was counted in those that are gone."""
        self._memories: dict[str, Memory] = {}

    def of(self, ingress: str) -> Memory:
        """That of *ingress*, whose sessions share it; begun if there is none."""
        memory = self._memories.get(ingress)
        if memory is None:
            memory = self._memories[ingress] = Memory(self._limit)
            self._divide()
        return memory

    def keep(self, ingresses: Iterable[str]) -> None:
        """Only *ingresses* have sessions now."""
        gone = self._memories.keys() - set(ingresses)
        for name in gone:
            memory = self._memories.pop(name)
            self._denied += memory.denied
            self._cut_short += memory.cut_short
        if gone:
            self._divide()

    def _divide(self) -> None:
        for memory in self._memories.values():
            memory.resize(self._limit // len(self._memories))

    def __iter__(self) -> Iterator[tuple[str, Memory]]:
        """Name and memory of each."""
        return iter(self._memories.items())

    def statistics(self) -> MemoryStatistics:
        """All together."""
        every = [memory.statistics() for memory in self._memories.values()]
        started, used, denied = (sum(getattr(one, name) for one in every) for name in ("started", "used", "denied"))
        cut_short = self._cut_short + sum(one.cut_short for one in every)
        return MemoryStatistics(self._limit, started, used, self._denied + denied, cut_short)

    def __repr__(self) -> str:
        return f"<Accounts of {self._limit}: {self._memories}>"
