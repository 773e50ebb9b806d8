"""Makes guessing of passwords slow: whoever sent many wrong ones is refused for a growing time.

Pure: time is told. What must stay true: memory is bounded, whoever comes; who guesses nothing pays nothing.
"""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

import attrs

FORGOTTEN: Final = 900.0
"""Seconds after the last wrong password (or refusal) until somebody counts from 0 again."""
MOST_REMEMBERED: Final = 10_000
"""Who is remembered at once; the one whose last wrong password is longest ago makes room."""

Key = TypeVar("Key", bound=Hashable)


@attrs.frozen
class Scale:
    """How long whoever guesses is refused. Seconds."""

    free: int
    """Wrong passwords that cost nothing."""
    longest: float
    """The longest refusal. The first is of FIRST seconds, and each wrong password doubles it."""


FIRST: Final = 1.0
BY_NAME: Final = Scale(free=5, longest=300.0)
"""Of one name from one address: a person mistypes, a browser asks again. 12 guesses an hour are left."""
BY_ADDRESS: Final = Scale(free=20, longest=60.0)
"""Of all names from one address, looser: it meets all who share an address, and have not been let in yet, with one who
guesses. 60 guesses an hour are left."""


class PenaltyBox(Generic[Key]):
    """Counts wrong passwords by *Key*. `now` is any clock that only goes forward, in seconds."""

    __slots__ = ("_entries", "_scale")

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._entries: dict[Key, tuple[int, float]] = {}
        """Wrong passwords, and until when they are refused; the latest last."""

    def remaining(self, key: Key, now: float) -> float:
        """Seconds until *key* may try again."""
        entry = self._entries.get(key)
        return 0.0 if entry is None else max(0.0, entry[1] - now)

    def count(self, key: Key, now: float) -> int:
        """Wrong passwords of *key* that are not forgotten."""
        count, until = self._entries.get(key, (0, now))
        return 0 if now - until > FORGOTTEN else count

    def failed(self, key: Key, now: float) -> float:
        """A wrong password came from *key*. Returns for how many seconds it is refused now."""
        count = self.count(key, now) + 1
        above = count - self._scale.free
        wait = 0.0 if above <= 0 else min(FIRST * 2.0 ** min(above - 1, 60), self._scale.longest)
        self._entries.pop(key, None)
        self._entries[key] = (count, now + wait)
        if len(self._entries) > MOST_REMEMBERED:
            del self._entries[next(iter(self._entries))]
        return wait

    def forgive(self, key: Key, most: int | None = None) -> int:
        """Forget the wrong passwords of *key*, *most* of them at most; how many they were. With the last of them goes
        the refusal."""
        count, until = self._entries.get(key, (0, 0.0))
        if most is not None and count > most:
            self._entries[key] = (count - most, until)
            return most
        self._entries.pop(key, None)
        return count

    def __len__(self) -> int:
        return len(self._entries)
