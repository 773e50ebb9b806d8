"""Connections that have not shown yet who they are: bounded, together and by source. Pure.

When there are too many, one makes room: the oldest of the source that has most. The oldest, because one of ours shows
its certificate or password within a few round trips, so that what has waited longest is least likely to be ours; of the
source that has most, because whoever holds many is not one of ours, and must not push out the one of somebody else.
"""

from collections.abc import Callable

import attrs

from relay.model.addresses import group_of


@attrs.frozen
class StrangersStatistics:
    """All strangers at one moment, and since the start."""

    waiting: int
    """That have not shown who they are."""
    evicted: int
    """That made room for others."""


class Stranger:
    """One of them. `evict` ends it."""

    __slots__ = ("evict", "source")

    def __init__(self, source: str, evict: Callable[[], None]) -> None:
        self.source = source
        self.evict = evict

    def evict_by(self, evict: Callable[[], None]) -> None:
        """From now on it is *evict* that ends it."""
        self.evict = evict

    def __repr__(self) -> str:
        return f"<Stranger from {self.source}>"


class Strangers:
    """At most *most* together, and *most_each* of one IPv4 address or IPv6 /64."""

    __slots__ = ("_by_source", "_count", "_evicted", "_highest", "_most", "_most_each", "_ranks")

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._by_source: dict[str, dict[Stranger, None]] = {}
        """The strangers of each source, oldest first."""
        self._ranks: list[dict[str, None]] = []
        """Sources by how many strangers they have, so that the one that has most is found without a search. As many
        ranks as the most that one has had. Empty until they are full, and again when half of them have left: while
        there is room, nobody asks."""
        self._highest = 0
        """The last rank that is not empty."""
        self._count = 0
        self._evicted = 0

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Strangers {self._count} from {len(self._by_source)} sources>"

    def statistics(self) -> StrangersStatistics:
        """Counts since the start."""
        return StrangersStatistics(self._count, self._evicted)

    def admit(self, address: str, evict: Callable[[], None]) -> Stranger:
        """A connection came from *address* (literal); *evict* is called when it has to make room, as another's may be
        now."""
        stranger = Stranger(group_of(address), evict)
        mine = self._by_source.get(stranger.source)
        if mine is None or len(mine) >= self._most_each or self._count >= self._most:
            mine = self._make_room(stranger.source)
        mine[stranger] = None
        self._count += 1
        if self._ranks:
            self._rank(stranger.source, len(mine) - 1, len(mine))
        return stranger

    def leave(self, stranger: Stranger) -> None:
        """It has shown who it is, or is gone. Harmless when it was evicted."""
        mine = self._by_source.get(stranger.source)
        if mine is None or stranger not in mine:
            return
        del mine[stranger]
        self._count -= 1
        if self._ranks:
            self._rank(stranger.source, len(mine) + 1, len(mine))
            if self._count < self._most // 2:
                self._ranks.clear()
        if not mine:
            del self._by_source[stranger.source]

    def _make_room(self, source: str) -> dict[Stranger, None]:
        """For one more of *source*; gives those of it that stay."""
        if len(self._by_source.get(source, ())) >= self._most_each:
            self._evict_from(source)
        elif self._count >= self._most:
            self._evict_from(self._largest())
        return self._by_source.setdefault(source, {})

    def _largest(self) -> str:
        """The source that has most; of equals the one that has had so many for longest."""
        if not self._ranks:
            self._highest = 0
            for source, mine in self._by_source.items():
                self._rank(source, 0, len(mine))
        return next(iter(self._ranks[self._highest]))

    def _evict_from(self, source: str) -> None:
        stranger = next(iter(self._by_source[source]))
        self._evicted += 1
        self.leave(stranger)
        stranger.evict()

    def _rank(self, source: str, before: int, now: int) -> None:
        """*source* had *before* strangers, and has one more or one less."""
        while now >= len(self._ranks):
            self._ranks.append({})
        self._ranks[before].pop(source, None)
        if now:
            self._ranks[now][source] = None
        self._highest = max(self._highest, now)
        while self._highest and not self._ranks[self._highest]:
            self._highest -= 1
