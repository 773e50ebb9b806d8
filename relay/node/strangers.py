"""Connections that have not shown a certificate yet. They are bounded, together and by source.

When there are too many the oldest goes, not the newest: one of ours shows its certificate within two round trips, so
that what has waited longest is least likely to be ours. So our own carriers get in even under a flood.
"""

from collections import Counter

import attrs
import trio

from relay.model.addresses import group_of

MOST = 512
"""Strangers at once; each costs a task, a descriptor and perhaps a handshake."""
MOST_EACH = 128
"""Of one IPv4 address or IPv6 /64. An ingress that starts dials each of its 64 paths and their beginnings at once."""


@attrs.frozen
class StrangersStatistics:
    """All strangers at one moment, and since the start."""

    waiting: int
    """That have shown no certificate yet."""
    evicted: int
    """That made room for others."""


class Stranger:
    """One of them. Its set-up runs inside `scope`."""

    __slots__ = ("scope", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.scope = trio.CancelScope()


class Strangers:
    """All of a node's, oldest first."""

    def __init__(self) -> None:
        self._waiting: dict[Stranger, None] = {}
        self._by_source: Counter[str] = Counter()
        self._evicted = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def statistics(self) -> StrangersStatistics:
        """Counts since the start."""
        return StrangersStatistics(len(self), self._evicted)

    def admit(self, address: str) -> Stranger:
        """A connection came from *address* (literal). Another's scope may be cancelled to make room."""
        stranger = Stranger(group_of(address))
        if self._by_source[stranger.source] >= MOST_EACH:
            self._evict(next(one for one in self._waiting if one.source == stranger.source))
        elif len(self._waiting) >= MOST:
            self._evict(next(iter(self._waiting)))
        self._waiting[stranger] = None
        self._by_source[stranger.source] += 1
        return stranger

    def leave(self, stranger: Stranger) -> None:
        """It has shown its certificate, or is gone. Harmless when it was evicted."""
        if stranger in self._waiting:
            del self._waiting[stranger]
            self._by_source[stranger.source] -= 1
            if not self._by_source[stranger.source]:
                del self._by_source[stranger.source]

    def _evict(self, stranger: Stranger) -> None:
        self._evicted += 1
        self.leave(stranger)
        stranger.scope.cancel()
