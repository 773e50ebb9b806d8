"""A dictionary that forgets what was used longest ago."""

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Lru(dict[Key, Value]):
    """At most *most* entries, what was used longest ago first: dicts keep the order of insertion.

    `use` and `put` count as use; plain reading (`get`) does not. Entries are written by `put` alone.
    """

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

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
            del self[next(iter(self))]
