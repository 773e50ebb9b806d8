"""One direction of a stream, at the end that reads: puts bytes back in order, drops what it has, keeps what is early.

Knows offsets, not carriers. What it has acknowledged it has kept or handed on. Early bytes are kept inside
the window only, so that what it holds is bounded by what it promised.
"""

from bisect import insort
from collections.abc import Callable

from relay.wire.errors import ProtocolError

Deliver = Callable[[memoryview], None]


class Receiver:
    """In-order delivery by absolute offset."""

    __slots__ = ("_held", "consumed", "fin_at", "limit", "received")

    def __init__(self, limit: int) -> None:
        self.received = 0
        """Every byte below it has arrived and was delivered, in order."""
        self.consumed = 0
        """Every byte below it has left us: the client or target has it."""
        self.limit = limit
        """The peer was told that it may write below this offset."""
        self.fin_at: int | None = None
        self._held: list[tuple[int, bytes]] = []

    @property
    def is_done(self) -> bool:
        """Whether all bytes and the FIN behind them have arrived."""
        return self.received == self.fin_at

    @property
    def acknowledged(self) -> int:
        """What to tell the peer: the FIN counts as one, once it is reached."""
        return self.received + (self.received == self.fin_at)

    @property
    def held(self) -> int:
        """Bytes that came early and wait for those before them."""
        return sum(len(data) for _, data in self._held)

    def receive(self, offset: int, data: memoryview, deliver: Deliver) -> int:
        """Take bytes at *offset*; call *deliver* with whatever is now in order. Returns the bytes delivered.

        Raises:
            ProtocolError: the bytes lie beyond the limit or behind the FIN; nothing was taken.
        """
        stop = offset + len(data)
        if stop > self.limit or (self.fin_at is not None and stop > self.fin_at):
            raise ProtocolError("bytes beyond the limit" if stop > self.limit else "bytes behind a FIN")
        before = self.received
        if offset > before:
            self._hold(offset, data)
            return 0
        if stop <= before:
            return 0
        self.received = stop
        deliver(data[before - offset :] if offset < before else data)
        if self._held:
            self._deliver_held(deliver)
        return self.received - before

    def shed(self) -> int:
        """Forget all bytes. Returns how many were delivered and not consumed."""
        waiting = self.received - self.consumed
        self.consumed = self.received
        self._held.clear()
        return waiting

    def finish(self, offset: int) -> None:
        """The peer's FIN says that its bytes end at *offset*.

        Raises:
            ProtocolError: bytes beyond it have arrived, or another FIN said otherwise.
        """
        highest = self._held[-1][0] + len(self._held[-1][1]) if self._held else self.received
        if offset < max(highest, self.received) or self.fin_at not in (None, offset) or offset > self.limit:
            raise ProtocolError("a FIN that contradicts what came before it")
        self.fin_at = offset

    def _hold(self, offset: int, data: memoryview) -> None:
        """Keep what is new of [offset, …): the kept ranges never overlap."""
        stop = offset + len(data)
        news: list[tuple[int, bytes]] = []
        at = offset
        for start, kept in self._held:
            if start >= stop:
                break
            if start > at:
                news.append((at, bytes(data[at - offset : start - offset])))
            at = max(at, start + len(kept))
        if at < stop:
            news.append((at, bytes(data[at - offset :])))
        for one in news:
            insort(self._held, one)

    def _deliver_held(self, deliver: Deliver) -> None:
        while self._held and self._held[0][0] <= self.received:
            start, data = self._held.pop(0)
            stop = start + len(data)
            if stop > self.received:
                skip = self.received - start
                self.received = stop
                deliver(memoryview(data)[skip:])
