"""One direction of a stream, at the end that reads: puts bytes back in order, drops what it has, keeps what is early.

Knows offsets, not carriers. Four of them divide the sequence, as in RFC 9293 section 3.3.1:

    0 ........ consumed ........ received ........ limit
      has left us      handed on          early bytes, or nothing yet

Within one carrier nothing overtakes; bytes come early or twice only after a move, while two carriers deliver, or on a
redundant stream. So the way of bytes that are in order is short, and early ones take a list that is searched.

What must stay true:
1. What it has acknowledged it has kept or handed on: the peer will never send it again.
2. `limit`, once told, is never taken back, and nothing beyond it is taken: what is held is bounded by what was
   promised.
3. The early ranges are sorted, never overlap, and lie above `received`, between two calls.
"""

from bisect import insort

from relay.wire.errors import ProtocolError


class Receiver:
    """In-order delivery by absolute offset. It hands bytes to its caller, who delivers them, and never calls
    anybody."""

    __slots__ = ("_early", "consumed", "fin_at", "held", "limit", "received")

    def __init__(self, limit: int) -> None:
        """*limit*: how far the peer may write before it was told anything."""
        self.received = 0
        """Every byte below it has arrived."""
        self.consumed = 0
        """Every byte below it has left us: the client or target has it."""
        self.limit = limit
        """The peer was told that it may write below this offset."""
        self.fin_at: int | None = None
        """The offset of the peer's FIN, one behind its last byte; None until it came, be it early."""
        self.held = 0
        """Bytes that came early and wait for those before them."""
        self._early: list[tuple[int, bytes]] = []
        """First offset and bytes. Copies: what came lies in a buffer that is used again."""

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
        """Bytes that arrived and have not left us: what this direction costs in memory."""
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
        """Early bytes that wait for nothing any more, to be delivered; None when there are none. To be called again
        until then, since the caller may give the stream up between two pieces."""
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
        """Let go of all bytes: what was early is lost, what was handed on counts as consumed.

        Returns:
            How many were kept.
        """
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
