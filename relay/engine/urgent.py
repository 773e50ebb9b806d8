"""Descriptors that are served between the services of others: an epoll of their own, one of many in the loop's."""

import select
from collections.abc import Callable

HURRY = 0.0005
"""Seconds between two looks at urgent endpoints while others are served; a look takes some 2 µs. A service of others
takes up to 2 ms."""
FLOWING = 1.0
"""Seconds after the last datagram for which they are looked at like this; else nobody pays for it."""
AT_ONCE = 64
"""Of them served in one go."""


class Urgent:
    """As an `Endpoint` of the loop: one of its descriptors has something to read."""

    __slots__ = ("_epoll", "_serve", "queued")

    def __init__(self, serve: Callable[[], None]) -> None:
        """*serve* looks after all of them."""
        self.queued = False
        self._epoll = select.epoll()
        self._serve = serve

    @property
    def descriptor(self) -> int:
        """Readable while one of them is."""
        return self._epoll.fileno()

    def register(self, descriptor: int) -> None:
        """One more; it is forgotten when it is closed."""
        self._epoll.register(descriptor, select.EPOLLIN)

    def poll(self) -> list[tuple[int, int]]:
        """Those that have something now; each is told again while it has."""
        return [] if self._epoll.closed else self._epoll.poll(0, AT_ONCE)

    def serve(self, events: int) -> None:
        """As `Endpoint.serve`."""
        self._serve()

    def fail(self, error: OSError) -> None:
        """Nothing: each of them fails for itself."""

    def close(self) -> None:
        """With the loop."""
        self._epoll.close()
