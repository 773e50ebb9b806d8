"""Happy Eyeballs (RFC 8305): in which order addresses are tried, when the next attempt begins, which error is told.

Pure: time is told, and nothing is dialled here. Two drivers share it: the engine's for targets (`connect`), trio's for
lines and proxies (`relay.dial.racing`).
"""

import errno
import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Generic, TypeVar

STAGGER: Final = 0.25
"""Seconds between the starts of a race: RFC 8305 section 8, "Connection Attempt Delay"."""

TELLING: Final = {
    errno.ECONNREFUSED: 3,
    errno.ECONNRESET: 3,
    errno.ETIMEDOUT: 2,
    errno.EHOSTUNREACH: 1,
    errno.ENETUNREACH: 0,
    errno.ENETDOWN: 0,
    errno.EAFNOSUPPORT: 0,
    errno.EADDRNOTAVAIL: 0,
}
"""How much an error says about the target. A host without IPv6 has one of the last four for half of the addresses at
once; that the other half refused is what should be told."""
TELLING_OTHER: Final = 1

Item = TypeVar("Item")


def interleave(first: Sequence[Item], second: Sequence[Item]) -> list[Item]:
    """Two families of addresses in turns (RFC 8305 section 4), *first* beginning."""
    shorter = min(len(first), len(second))
    turns = [one for pair in zip(first, second, strict=False) for one in pair]
    return [*turns, *first[shorter:], *second[shorter:]]


class Race(Generic[Item]):
    """One race to *addresses*, in their order; one attempt begins every *stagger* seconds, or as soon as one fails.

    Whoever drives it calls `start` at once, at `next_at` and after every `fail`, until an attempt succeeds or the race
    `is_lost`. No attempt begins at *until* or later.
    """

    __slots__ = ("_due", "_errors", "_stagger", "_started", "_until", "_waiting")

    def __init__(self, addresses: Iterable[Item], stagger: float = STAGGER, until: float = math.inf) -> None:
        self._waiting = deque(addresses)
        self._stagger = stagger
        self._until = until
        self._due = -math.inf
        self._started = 0
        self._errors: list[OSError] = []

    def __repr__(self) -> str:
        return f"<Race: {len(self._waiting)} waiting, {self._started} started, {len(self._errors)} failed>"

    @property
    def next_at(self) -> float | None:
        """When the next attempt begins if none fails before; None if all have begun."""
        return self._due if self._waiting else None

    @property
    def is_lost(self) -> bool:
        """Every attempt has failed, and none is left to begin."""
        return not self._waiting and len(self._errors) == self._started

    @property
    def error(self) -> OSError:
        """Of the errors so far, the one that tells most of the target; of equals the first."""
        if not self._errors:
            return OSError(errno.EADDRNOTAVAIL, "no address to connect to")
        return max(self._errors, key=_telling)

    def start(self, now: float) -> Item | None:
        """The address that is to be tried now; None if no attempt is due."""
        if now >= self._until:
            self._waiting.clear()
        if not self._waiting or now < self._due:
            return None
        self._due = now + self._stagger
        self._started += 1
        return self._waiting.popleft()

    def fail(self, error: OSError) -> None:
        """An attempt that had begun has failed: the next need not wait."""
        self._errors.append(error)
        self._due = -math.inf


def _telling(error: OSError) -> int:
    return TELLING.get(error.errno or 0, TELLING_OTHER)
