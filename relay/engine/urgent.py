"""Endpoints that are served before others in a turn, and between the services of these: their descriptors are in an
epoll of their own besides the loop's. What they have to send leaves at once."""

import select
from collections.abc import Callable, Sequence
from time import perf_counter

from relay.engine.endpoint import FLUSH, Endpoint

HURRY = 0.0005
"""Seconds between two looks at urgent endpoints while others are served; a look takes some 2 µs. A service of others
takes up to 2 ms."""
FLOWING = 1.0
"""Seconds after the last datagram for which they are looked at like this; else nobody pays for it."""
AT_ONCE = 64
"""Of them served in one go."""


class Urgent:
    """All of a loop's. Level-triggered: each is told of again while it has something."""

    __slots__ = ("_epoll", "_hurried_at", "_service", "endpoints", "flushes", "until")

    def __init__(self, service: Callable[[Endpoint, int], None]) -> None:
        """*service* is the loop's."""
        self.endpoints: dict[int, Endpoint] = {}
        """By descriptor."""
        self.flushes: list[Endpoint] = []
        """Those that have something to send."""
        self.until = 0.0
        """Until when they are looked at between the services of others."""
        self._service = service
        self._hurried_at = 0.0
        self._epoll: select.epoll | None = None

    def register(self, descriptor: int, endpoint: Endpoint) -> None:
        """One more; of its descriptor epoll forgets when it is closed."""
        if self._epoll is None:
            self._epoll = select.epoll()
        self._epoll.register(descriptor, select.EPOLLIN)
        self.endpoints[descriptor] = endpoint

    def is_time(self) -> bool:
        """Whether they were not looked at for HURRY."""
        return perf_counter() - self._hurried_at >= HURRY

    def poll(self) -> list[Endpoint]:
        """Those that have something now."""
        if self._epoll is None or self._epoll.closed:
            return []
        found = (self.endpoints.get(descriptor) for descriptor, _ in self._epoll.poll(0, AT_ONCE))
        return [endpoint for endpoint in found if endpoint is not None]

    def serve(self, found: Sequence[Endpoint], now: float) -> None:
        """Serve those that have something, and send what they have to say."""
        for endpoint in found:
            self._service(endpoint, select.EPOLLIN)
        if found:
            self.until = now + FLOWING
        self.flush()
        self._hurried_at = perf_counter()

    def flush(self) -> None:
        """Send what there is to say."""
        flushes, self.flushes = self.flushes, []
        for endpoint in flushes:
            self._service(endpoint, FLUSH)

    def close(self) -> None:
        """With the loop, whose endpoints are closed."""
        self.endpoints.clear()
        if self._epoll is not None:
            self._epoll.close()
