"""What moves, once a second, to all who listen: made once for all of them, and only while there is somebody. What
changes more than figures (a path that stalls) is told at once.

There is no task and no queue: each listener sleeps until the next second of the clock, and looks now and then whether
something has changed; the first that wakes makes the message, the others take the same. Whoever takes it slowly misses
seconds, and holds up nobody.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import trio

EVERY: Final = 1.0
LOOK: Final = 0.25
"""Seconds between two looks at what has changed: so often the ingress itself looks."""


class Beat:
    """Messages of *make*: one for each second, and one more when what *state* gives has changed."""

    def __init__(
        self,
        make: Callable[[], bytes],
        state: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        """*state* must be cheap."""
        self._make = make
        self._state = state
        self._clock = clock
        self._made_for: tuple[float, object] | None = None
        """The second, and the state."""
        self._message = b""
        self.listeners = 0
        self.made = 0
        """Messages that were made since the start."""

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """One message now, and then as told above."""
        self.listeners += 1
        try:
            while True:
                yield self._now()
                await self._until_next()
        finally:
            self.listeners -= 1

    async def _until_next(self) -> None:
        told = self._made_for
        while self._key() == told:
            left = EVERY - self._clock() % EVERY
            await trio.sleep(min(LOOK, left))

    def _key(self) -> tuple[float, object]:
        return self._clock() // EVERY, self._state()

    def _now(self) -> bytes:
        key = self._key()
        if key != self._made_for:
            self._message, self._made_for = self._make(), key
            self.made += 1
        return self._message


def event(name: str, data: bytes) -> bytes:
    """*data*, which has no newline, as a server-sent event."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
