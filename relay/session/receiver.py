"""One direction of a stream, at the end that reads: puts bytes back in order, drops what it has, keeps what is early.

Knows offsets, not carriers. What it has acknowledged it has kept or handed on. Early bytes are kept inside
the window only, so that what it holds is bounded by what it promised.
"""

from bisect import insort

from relay.wire.errors import ProtocolError


class Receiver:
    """In-order delivery by absolute offset."""

    __slots__ = ("_early", "consumed", "fin_at", "held", "limit", "received")

    def __init__(self, limit: int) -> None:
        self.received = 0
        """Every byte below it has arrived."""
        self.consumed = 0
        """Every byte below it has left us: the client or target has it."""
        self.limit = limit
        """The peer was told that it may write below this offset."""
        self.fin_at: int | None = None
        self.held = 0
        """Bytes that came early and wait for those before them."""
        self._early: list[tuple[int, bytes]] = []

    @property
    def is_complete(self) -> bool:
        """Whether all bytes and the FIN behind them have arrived."""
        return self.received == self.fin_at

    @property
    def acknowledged(self) -> int:
        """What to tell the peer: the FIN counts as one, once it is reached."""
        return self.received + (self.received == self.fin_at)

    @property
    def kept(self) -> int:
        """Bytes that arrived and have not left us."""
        return self.received - self.consumed + self.held

    def receive(self, offset: int, data: memoryview) -> memoryview | None:
        """Take bytes at *offset*. Returns those that are now in order, to be delivered, or None; while `held` is not 0,
        `next_early` may have more of them.

        Raises:
            ProtocolError: the bytes lie beyond the limit or behind the FIN; nothing was taken.
        """
        stop = offset + len(data)
        if stop > self.limit or (self.fin_at is not None and stop > self.fin_at):
            raise ProtocolError("bytes beyond the limit" if stop > self.limit else "bytes behind a FIN")
        before = self.received
        if offset > before:
            self._hold(offset, data)
            return None
        if stop <= before:
            return None
        self.received = stop
        return data[before - offset :] if offset < before else data

    def next_early(self) -> memoryview | None:
        """Early bytes that wait for nothing any more, to be delivered."""
        early = self._early
        while early and early[0][0] <= self.received:
            start, data = early.pop(0)
            self.held -= len(data)
            stop = start + len(data)
            if stop > self.received:
                news = memoryview(data)[self.received - start :]
                self.received = stop
                return news
        return None

    def clear(self) -> int:
        """Forget all bytes. Returns how many were kept."""
        kept = self.kept
        self.consumed = self.received
        self.held = 0
        self._early.clear()
        return kept

    def finish(self, offset: int) -> bool:
        """The peer's FIN says that its bytes end at *offset*. It may come twice, and before bytes that it stands
        behind.

        Returns:
            Whether everything is here with it, and was not before.

        Raises:
            ProtocolError: bytes beyond it have arrived, or another FIN said otherwise.
        """
        highest = self._early[-1][0] + len(self._early[-1][1]) if self._early else self.received
        known = self.fin_at
        if offset < max(highest, self.received) or known not in (None, offset) or offset > self.limit:
            raise ProtocolError("a FIN that contradicts what came before it")
        self.fin_at = offset
        return known is None and self.received == offset

    def _hold(self, offset: int, data: memoryview) -> None:
        """Keep what is new of [offset, …): the kept ranges never overlap."""
        stop = offset + len(data)
        news: list[tuple[int, bytes]] = []
        at = offset
        for start, kept in self._early:
            if start >= stop:
                break
            if start > at:
                news.append((at, bytes(data[at - offset : start - offset])))
            at = max(at, start + len(kept))
        if at < stop:
            news.append((at, bytes(data[at - offset :])))
        for one in news:
            insort(self._early, one)
            self.held += len(one[1])
