"""Datagrams whose owner has a rate: they wait for a moment, and then the oldest go: late ones help nobody."""

from collections import deque
from collections.abc import Callable, Iterable

from ingress.allowance.fair import FairBucket, Rider
from ingress.client.pace import Buckets
from relay.engine import Loop

PATIENCE = 0.1
"""Seconds that one may wait."""
MOST_WAITING = 256 * 1024
"""Bytes that may wait, of one association and direction."""


class DatagramPace:
    """One direction of one association. *bucket* is one of *buckets*; None: this direction has no rate."""

    def __init__(
        self,
        loop: Loop,
        buckets: Buckets,
        bucket: FairBucket | None,
        send: Callable[[bytes], None],
        count: Callable[[], None],
    ) -> None:
        """*send* is called with what may go, *count* for each one that waited for too long."""
        self._loop = loop
        self._buckets = buckets
        self._bucket = bucket
        self._send = send
        self._count = count
        self._rider = Rider()
        self._credit = 0
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._size = 0
        buckets.join(self._rider, self._granted)

    def put(self, datagrams: Iterable[bytes]) -> None:
        """Send *datagrams* when they are granted, or drop them when that takes too long."""
        now = self._loop.now
        for one in datagrams:
            if self._bucket is None:
                self._send(one)
                continue
            self._waiting.append((now, one))
            self._size += len(one)
        while self._size > MOST_WAITING:
            self._drop()
        self._go_on()

    def stop(self) -> None:
        """The association has another rate, or none any more: what waits is let go of."""
        self._buckets.leave(self._rider)
        self._waiting.clear()
        self._size = 0

    def _granted(self, amount: int) -> None:
        self._credit += amount
        self._go_on()

    def _go_on(self) -> None:
        """Send what was granted, and ask for the next. What came too long ago is not sent any more."""
        oldest = self._loop.now - PATIENCE
        while self._waiting and self._waiting[0][0] < oldest:
            self._drop()
        while self._waiting and len(self._waiting[0][1]) <= self._credit:
            _, one = self._waiting.popleft()
            self._size -= len(one)
            self._credit -= len(one)
            self._send(one)
        if self._waiting and self._bucket is not None and not self._rider.wanted:
            self._buckets.ask(self._bucket, self._rider, len(self._waiting[0][1]) - self._credit)

    def _drop(self) -> None:
        _, one = self._waiting.popleft()
        self._size -= len(one)
        self._count()


Paces = tuple[DatagramPace, DatagramPace]
"""Of what a client sends, and of what it is sent."""


def pace_anew(
    before: Paces | None,
    loop: Loop,
    buckets: Buckets | None,
    send: tuple[Callable[[bytes], None], Callable[[bytes], None]],
    count: Callable[[], None],
) -> Paces | None:
    """The paces by *buckets*, instead of those *before*, in which what waits is let go of; None: there is no rate.
    *send* has what each of the two calls."""
    for pace in before or ():
        pace.stop()
    if buckets is None:
        return None
    up, down = send
    return DatagramPace(loop, buckets, buckets.up, up, count), DatagramPace(loop, buckets, buckets.down, down, count)
