"""Events that are kept: told by the log, they wait here until they are written.

Nobody fills the file by making us tell: in an hour so many of one event about one thing are kept, and so many of all;
the rest are counted.
"""

from collections.abc import Callable
from typing import Final

import attrs

from ingress.history.said import names_in
from relay.log import Plain

HOUR: Final = 3600.0
MOST_OF_ONE: Final = 60
"""Events of one name about one thing that an hour keeps: a flapping line tells three each minute."""
MOST_OF_ALL: Final = 1500
"""Of all together: 64 paths that die and come back are some five hundred."""
MOST_WAITING: Final = 3000
"""That wait for a file that cannot be written; then the oldest go."""


@attrs.frozen
class Happened:
    """One event."""

    at: float
    """Seconds since 1970."""
    event: str
    level: str
    about: str
    other: str
    """What else it is about, as the path that streams moved to; empty mostly."""
    fields: dict[str, Plain]


class Happenings:
    """What waits to be written. *wall* tells the seconds since 1970."""

    def __init__(self, wall: Callable[[], float], most: int = MOST_WAITING) -> None:
        self.left_out = 0
        """Not kept, because too many said the same or they could not be written."""
        self._wall = wall
        self._most = most
        self._waiting: list[Happened] = []
        self._since = float("-inf")
        self._kept: dict[tuple[str, str], int] = {}
        self._kept_of_all = 0

    def told(self, event: str, level: str, fields: dict[str, Plain]) -> None:
        """As a subscriber of the log."""
        now = self._wall()
        about, other = names_in(event, fields)
        if not self._admit((event, about), now):
            self.left_out += 1
            return
        self._waiting.append(Happened(now, event, level, about, other, fields))
        if len(self._waiting) > self._most:
            del self._waiting[0]
            self.left_out += 1

    def _admit(self, key: tuple[str, str], now: float) -> bool:
        if not self._since <= now < self._since + HOUR:  # it was set back, too
            self._since, self._kept_of_all = now, 0
            self._kept.clear()
        kept = self._kept.get(key, 0)
        if kept >= MOST_OF_ONE or self._kept_of_all >= MOST_OF_ALL:
            return False
        self._kept[key] = kept + 1
        self._kept_of_all += 1
        return True

    def take(self) -> list[Happened]:
        """All that wait, once."""
        taken, self._waiting = self._waiting, []
        return taken
