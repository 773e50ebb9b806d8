"""What moves, once a second, to all who listen: made once for all of them, and only while there is somebody.

There is no task and no queue: each listener sleeps until the next second of the clock, the first that wakes makes the
message, the others take the same. Whoever takes it slowly misses seconds, and holds up nobody.
"""

import math
from collections.abc import AsyncGenerator, Callable
from typing import Final

import trio

EVERY: Final = 1.0


class Beat:
    """Messages of *make*, at most one for each second."""

    def __init__(self, make: Callable[[], bytes], clock: Callable[[], float] = trio.current_time) -> None:
        self._make = make
        self._clock = clock
        self._second = -math.inf
        self._message = b""
        self.listeners = 0
        self.made = 0
        """Messages that were made since the start."""

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """One message now, and one a second from then on."""
        self.listeners += 1
        try:
            while True:
                yield self._now()
                await trio.sleep(EVERY - self._clock() % EVERY)
        finally:
            self.listeners -= 1

    def _now(self) -> bytes:
        second = self._clock() // EVERY
        if second != self._second:
            self._message, self._second = self._make(), second
            self.made += 1
        return self._message


def event(name: str, data: bytes) -> bytes:
    """*data*, which has no newline, as a server-sent event."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
