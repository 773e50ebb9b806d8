"""A dictionary that forgets what was used longest ago."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Lru(Generic[Key, Value]):
    """At most `most` entries; reading with `get` counts as use, `peek` does not."""

    __slots__ = ("_entries", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[Key, Value] = {}  # oldest use first: dicts keep the order of insertion

    def get(self, key: Key) -> Value | None:
        value = self._entries.pop(key, None)
        if value is not None:
            self._entries[key] = value
        return value

    def peek(self, key: Key) -> Value | None:
        return self._entries.get(key)

    def put(self, key: Key, value: Value) -> None:
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]

    def drop(self, key: Key) -> None:
        """Forget *key*, if it is there."""
        self._entries.pop(key, None)

    def items(self) -> list[tuple[Key, Value]]:
        """A copy, what was used longest ago first."""
        return list(self._entries.items())

    def __len__(self) -> int:
        return len(self._entries)
