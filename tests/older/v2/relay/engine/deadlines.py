"""Thousands of deadlines of one length: a queue, in which the next to expire is always the first.

A handshake deadline per connection costs an append here, and no place in the loop's heap: the whole queue holds one.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from relay.engine.loop import Loop
from relay.engine.timers import Timer

Item = TypeVar("Item")


class Deadline(Generic[Item]):
    """One item's deadline. `item` is None once it was met or has expired."""

    __slots__ = ("item", "when")

    def __init__(self, when: float, item: Item) -> None:
        self.when = when
        self.item: Item | None = item

    def done(self) -> None:
        """The deadline was met: forget the item. Harmless when it has expired already."""
        self.item = None


class Deadlines(Generic[Item]):
    """Calls `on_expired(item)` *seconds* after `add(item)`, unless the handle was `done()` by then."""

    __slots__ = ("_line", "_loop", "_on_expired", "_timer", "seconds")

    def __init__(self, loop: Loop, seconds: float, on_expired: Callable[[Item], None]) -> None:
        self.seconds = seconds
        self._loop = loop
        self._on_expired = on_expired
        self._line: deque[Deadline[Item]] = deque()
        self._timer: Timer | None = None

    def add(self, item: Item) -> Deadline[Item]:
        """*item* expires *seconds* from now. Keep the handle, and call its `done` when the deadline is met."""
        self._drop_done()
        deadline = Deadline(self._loop.now + self.seconds, item)
        self._line.append(deadline)
        if self._timer is None:
            self._timer = self._loop.call_at(deadline.when, self._expire)
        return deadline

    def __len__(self) -> int:
        """How many wait; those that are done and stand behind one that is not are counted."""
        self._drop_done()
        return len(self._line)

    def __repr__(self) -> str:
        return f"<Deadlines of {self.seconds:g} s, {len(self)} waiting>"

    def _drop_done(self) -> None:
        line = self._line
        while line and line[0].item is None:
            line.popleft()

    def _expire(self) -> None:
        line = self._line
        now = self._loop.now
        self._timer = None
        try:
            while line and (line[0].item is None or line[0].when <= now):
                item = line[0].item
                line.popleft().done()
                if item is not None:
                    self._on_expired(item)
        finally:  # also when on_expired raised: the others still have their deadlines
            if line and self._timer is None:
                self._timer = self._loop.call_at(line[0].when, self._expire)
