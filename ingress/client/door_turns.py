"""Doors with bytes left to read: each goes on in its turn, all of them within one budget in a turn of the loop."""

from collections import deque
from typing import Protocol

import attrs

from ingress.doors.budget import Budget
from relay.engine import Loop


class Reader(Protocol):
    """A client, as those see it who give it its turn."""

    is_behind: bool
    """Set while it waits for its turn; for `DoorTurns` alone."""

    def catch_up(self) -> None:
        """It is its turn: read on, until nothing is left or the budget is used up. Does not raise."""


@attrs.frozen
class DoorTurnsStatistics:
    """What doors have waited for so far."""

    delayed: int
    """How often a door had more to read than there was budget for."""


class DoorTurns:
    """An `Endpoint` of the loop, without a descriptor: it is served in the turn after somebody came to wait."""

    def __init__(self, loop: Loop) -> None:
        self.queued = False
        self.budget = Budget()
        """Of all doors. Renewed in the turn after it was used up, so that those who wait come before who has news."""
        self._loop = loop
        self._waiting: deque[Reader] = deque()
        self._delayed = 0

    def add(self, reader: Reader) -> None:
        """*reader* has bytes left: it gets a turn, behind all that wait. Harmless when repeated."""
        if not reader.is_behind:
            reader.is_behind = True
            self._delayed += 1
            self._waiting.append(reader)
            self._loop.again(self)

    def statistics(self) -> DoorTurnsStatistics:
        """Since the start."""
        return DoorTurnsStatistics(self._delayed)

    # for the loop

    def serve(self, events: int) -> None:
        """Those that wait have their turns, as far as the budget goes."""
        self.budget.renew()
        while self._waiting and self.budget.left > 0:
            reader = self._waiting.popleft()
            reader.is_behind = False
            reader.catch_up()
        if self._waiting:
            self._loop.again(self)

    def fail(self, error: OSError) -> None:
        """Go on: it is no one client's."""
        if self._waiting:
            self._loop.again(self)

    def close(self) -> None:
        """Nothing is open."""
