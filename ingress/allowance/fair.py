"""A token bucket that several riders share: it delays, and never drops.

Pure. Whoever wants to move bytes asks, and moves them once they are granted. What must stay true:
1. In any time no more is granted than `rate` times it, and `burst`.
2. Whoever asks for little, as a keystroke does, is granted it at once, from a reserve that others cannot use; it is
   filled at half the rate, so that many small ones never starve the rest.
3. The rest is divided evenly among all that wait.
"""

import math

RESERVE = 0.05
"""Seconds of the rate that are kept for small ones."""
BURST = 0.1
"""Seconds of the rate that may be granted at once to others after a silence."""
LEAST_RESERVE, LEAST_BURST = 4096, 16_384
"""Bytes of the two at least: slow ones need a whole frame and its answer as well."""
SMALL = 0.25
LEAST_SMALL, MOST_SMALL = 1024, 16_384
"""Who is small: what it was granted in the last second or so, and wants, is no more than that share of the rate, within
these bounds."""
TICK = 0.02
"""Seconds between two grants to those that wait: fewer bytes at a time would cost more than they are worth."""


class Rider:
    """One stream in one direction. Its bucket alone changes it."""

    __slots__ = ("lately", "seen_at", "wanted")

    def __init__(self) -> None:
        self.wanted = 0
        """Bytes that it has asked for and was not granted."""
        self.lately = 0.0
        """Bytes that it was granted, which fade within a second."""
        self.seen_at = 0.0


class FairBucket:
    """Of *rate* bytes per second, which is above 0."""

    def __init__(self, rate: float, now: float) -> None:
        self._at = now
        self._waiting: dict[Rider, None] = {}
        """In the order of their turns."""
        self._set(rate)
        self._tokens, self._reserve = self.burst, self._most_reserve

    def _set(self, rate: float) -> None:
        self.rate = rate
        self._most_reserve = max(RESERVE * rate, LEAST_RESERVE)
        self.burst = self._most_reserve + max(BURST * rate, LEAST_BURST)
        """Bytes that are granted at once after a silence, at most."""
        self._small = min(max(SMALL * rate, LEAST_SMALL), MOST_SMALL)

    def change(self, rate: float, now: float) -> None:
        """Another rate from now on."""
        self._fill(now)
        self._set(rate)
        self._tokens, self._reserve = min(self._tokens, self.burst), min(self._reserve, self._most_reserve)

    def ask(self, rider: Rider, amount: int) -> None:
        """*rider* wants so many bytes besides what it waits for; `give` says when."""
        if amount > 0:
            rider.wanted += amount
            self._waiting.setdefault(rider)

    def leave(self, rider: Rider) -> None:
        """*rider* wants nothing any more."""
        rider.wanted = 0
        self._waiting.pop(rider, None)

    def give(self, now: float) -> list[tuple[Rider, int]]:
        """What is granted now, to whom."""
        self._fill(now)
        found = [(rider, rider.wanted) for rider in self._waiting if self._is_small(rider, now)]
        granted = [(rider, amount) for rider, amount in found if self._take_small(rider, amount, now)]
        room = math.floor(self._tokens - self._most_reserve)
        while room > 0 and self._waiting:
            share = max(1, room // len(self._waiting))
            for rider in list(self._waiting):
                amount = min(share, rider.wanted, room)
                if amount > 0:
                    room -= amount
                    self._grant(rider, amount, now)
                    granted.append((rider, amount))
        return granted

    def due(self, now: float) -> float:
        """When `give` is worth a call; infinity while nobody waits."""
        if not self._waiting:
            return math.inf
        wanted = sum(rider.wanted for rider in self._waiting)
        missing = self._most_reserve + min(wanted, max(1.0, self.rate * TICK)) - self._tokens
        return max(self._at + missing / self.rate, now + 0.001)

    def _fill(self, now: float) -> None:
        passed = max(0.0, now - self._at)
        self._at = max(self._at, now)
        self._tokens = min(self.burst, self._tokens + self.rate * passed)
        self._reserve = min(self._most_reserve, self._reserve + self.rate / 2 * passed)

    def _is_small(self, rider: Rider, now: float) -> bool:
        rider.lately *= max(0.0, 1.0 - max(0.0, now - rider.seen_at))
        rider.seen_at = now
        return rider.lately + rider.wanted <= self._small

    def _take_small(self, rider: Rider, amount: int, now: float) -> bool:
        if amount > min(self._reserve, self._tokens):
            return False
        self._reserve -= amount
        self._grant(rider, amount, now)
        return True

    def _grant(self, rider: Rider, amount: int, now: float) -> None:
        """*rider* has had its turn: if it wants more, it is the last of those that wait."""
        self._tokens -= amount
        rider.lately += amount
        rider.wanted -= amount
        del self._waiting[rider]
        if rider.wanted:
            self._waiting[rider] = None

    def __repr__(self) -> str:
        return f"<FairBucket {self.rate:.0f} B/s, {len(self._waiting)} wait>"
