"""Streams whose owner has a rate: what they bring and get waits until the owner's bucket grants it.

What waits for a client is kept here, unconsumed, so that the stream's window bounds it; what a client has sent goes on
at once, and the client is not read again before that was granted. An owner without a rate has no buckets, and a stream
without an owner never comes here.
"""

import math
from collections.abc import Callable
from typing import Protocol

from ingress.allowance.fair import TICK, FairBucket, Rider
from ingress.config.allowance import RateBounds
from relay.engine import Loop, Timer

LEAST_READ = 4096
"""Bytes of a client that are read at once, at least."""


class Buckets:
    """Both directions of one owner's rate, and the clock that serves those who wait for them."""

    def __init__(self, loop: Loop, rate: RateBounds) -> None:
        up, down = rate.up, rate.down
        self.up = None if up is None else FairBucket(up, loop.now)
        self.down = None if down is None else FairBucket(down, loop.now)
        self._loop = loop
        self._calls: dict[Rider, Callable[[int], None]] = {}
        self._timer: Timer | None = None
        self._is_giving = False

    def join(self, rider: Rider, granted: Callable[[int], None]) -> None:
        """*granted* is called with what *rider* may move, now or later."""
        self._calls[rider] = granted

    def leave(self, rider: Rider) -> None:
        """*rider* wants nothing any more. Harmless when repeated."""
        self._calls.pop(rider, None)
        for bucket in (self.up, self.down):
            if bucket is not None:
                bucket.leave(rider)

    def ask(self, bucket: FairBucket, rider: Rider, amount: int) -> None:
        """*rider* wants so many bytes of *bucket*, one of the two."""
        bucket.ask(rider, amount)
        self.serve()

    def serve(self) -> None:
        """Grant what may be granted now; what is asked meanwhile as well."""
        if self._is_giving:
            return
        self._is_giving = True
        try:
            while self._give():
                pass
        finally:
            self._is_giving = False
            self._rearm()

    def _give(self) -> bool:
        now = self._loop.now
        given = [one for bucket in (self.up, self.down) if bucket is not None for one in bucket.give(now)]
        for rider, amount in given:
            self._calls.get(rider, _nobody)(amount)
        return bool(given)

    def _rearm(self) -> None:
        now = self._loop.now
        due = min((bucket.due(now) for bucket in (self.up, self.down) if bucket is not None), default=math.inf)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due < math.inf:
            self._timer = self._loop.call_at(due, self.serve)


def _nobody(amount: int) -> None:
    """It was granted to one that has left in the same turn."""


class PacedSink(Protocol):
    """Who gets a stream's bytes for the client, and has the client read."""

    def deliver(self, data: memoryview) -> None:
        """Bytes for the client that were granted; the view dies with the call."""

    def on_all_delivered(self) -> None:
        """Nothing is held any more: what comes behind the bytes may follow."""

    def on_may_read(self) -> None:
        """The client may be read again."""


class Pace:
    """One stream's. It belongs to one owner at a time."""

    __slots__ = ("_buckets", "_down", "_up", "fin_waits", "held", "sink")

    def __init__(self, sink: PacedSink) -> None:
        self.sink = sink
        """May be replaced at any time."""
        self.held = bytearray()
        """Bytes for the client that wait to be granted."""
        self.fin_waits = False
        """The end of the bytes for the client is known, and stands behind what is held."""
        self._up, self._down = Rider(), Rider()
        self._buckets: Buckets | None = None

    def use(self, buckets: Buckets | None) -> None:
        """Go by *buckets* from now on, also with what waits; None: nothing holds it back any more."""
        if self._buckets is not None:
            self._buckets.leave(self._up)
            self._buckets.leave(self._down)
        self._buckets = buckets
        if buckets is not None:
            buckets.join(self._up, self._granted_up)
            buckets.join(self._down, self._granted_down)
        if buckets is not None and buckets.down is not None:
            buckets.ask(buckets.down, self._down, len(self.held))
        elif self.held:
            self._granted_down(len(self.held))
        self.sink.on_may_read()

    def stop(self) -> None:
        """The stream is over. What is held is dropped."""
        self.held = bytearray()
        if self._buckets is not None:
            self._buckets.leave(self._up)
            self._buckets.leave(self._down)
            self._buckets = None

    # ---- from the client

    @property
    def most(self) -> int:
        """Bytes that may be read of the client at once; 0 while it must wait."""
        bucket = None if self._buckets is None else self._buckets.up
        if bucket is None:
            return 1 << 30
        return 0 if self._up.wanted else max(LEAST_READ, int(bucket.rate * TICK))

    def took(self, amount: int) -> None:
        """So many bytes were read of the client."""
        if self._buckets is not None and self._buckets.up is not None:
            self._buckets.ask(self._buckets.up, self._up, amount)

    def _granted_up(self, amount: int) -> None:
        if not self._up.wanted:
            self.sink.on_may_read()

    # ---- for the client

    def pass_on(self, data: memoryview) -> None:
        """Deliver *data* once it is granted, behind what waits."""
        if self._buckets is None or self._buckets.down is None:
            self.sink.deliver(data)
            return
        self.held += data
        self._buckets.ask(self._buckets.down, self._down, len(data))

    def _granted_down(self, amount: int) -> None:
        piece = bytes(self.held[:amount])
        del self.held[:amount]
        if piece:
            self.sink.deliver(memoryview(piece))
        if not self.held:
            self.sink.on_all_delivered()
