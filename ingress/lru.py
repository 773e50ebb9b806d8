"""A dictionary that forgets what was used longest ago."""

from itertools import islice
from typing import TypeVar

LARGE = 2048
SHARE = 128
"""From LARGE on, one entry in so many makes room at once. To find the first one of a dict, those are passed over that
were deleted before it: one at a time, that takes longer than all else, 5 µs with 16,384."""
Key = TypeVar("Key")
Value = TypeVar("Value")


class Lru(dict[Key, Value]):
    """At most *most* entries, what was used longest ago first: dicts keep the order of insertion.

    `use` and `put` count as use; plain reading (`get`) does not. Entries are written by `put` alone.
    """

    __slots__ = ("_most", "_yields")

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._yields = 1 if most < LARGE else most // SHARE

    def use(self, key: Key) -> Value | None:
        """Read *key*, if it is there, as a use of it."""
        value = self.pop(key, None)
        if value is not None:
            self[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        """Write *key*; what was used longest ago makes room."""
        self.pop(key, None)
        self[key] = value
        if len(self) > self._most:
            for old in list(islice(self, self._yields)):
                del self[old]
