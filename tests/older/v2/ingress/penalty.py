"""Makes guessing of passwords slow: an address that sent many wrong ones is refused for a growing time.

Pure: time is told. What must stay true: memory is bounded, whoever comes; an address that guesses nothing pays nothing.
"""

from typing import Final

from relay.model.addresses import group_of

FREE: Final = 5
"""Wrong passwords that cost nothing: a person mistypes, a browser asks again."""
FIRST: Final = 1.0
"""Seconds of refusal after the first that is not free; doubles with each."""
LONGEST: Final = 300.0
"""Seconds of refusal at most: 288 guesses a day are left. It meets all who share an address with one who mistypes."""
FORGOTTEN: Final = 900.0
"""Seconds after the last wrong password (or refusal) until an address counts from 0 again."""
MOST_ADDRESSES: Final = 10_000
"""Addresses remembered at once; the one whose last wrong password is longest ago makes room."""


class PenaltyBox:
    """Counts wrong passwords by IPv4 address or IPv6 /64. `now` is any clock that only goes forward, in seconds."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, float]] = {}
        """Wrong passwords, and until when the address is refused; the latest last."""

    def is_refused(self, address: str, now: float) -> bool:
        """Whether a password from *address* should not even be looked at."""
        return self.remaining(address, now) > 0

    def remaining(self, address: str, now: float) -> float:
        """Seconds until *address* may try again."""
        if not self._entries:
            return 0.0
        entry = self._entries.get(group_of(address))
        return 0.0 if entry is None else max(0.0, entry[1] - now)

    def failed(self, address: str, now: float) -> float:
        """A wrong password came from *address*. Returns for how many seconds it is refused now."""
        group = group_of(address)
        count, until = self._entries.pop(group, (0, now))
        count = 1 if now - until > FORGOTTEN else count + 1
        wait = 0.0 if count <= FREE else min(FIRST * 2.0 ** min(count - FREE - 1, 60), LONGEST)
        self._entries[group] = (count, now + wait)
        if len(self._entries) > MOST_ADDRESSES:
            del self._entries[next(iter(self._entries))]
        return wait

    def succeeded(self, address: str) -> None:
        """A password from *address* was right, and was not one that is remembered: its wrong ones are forgotten."""
        self._entries.pop(group_of(address), None)

    def __len__(self) -> int:
        return len(self._entries)
