"""One direction of a stream, at the end that reads: puts bytes back in order, drops what it has, keeps what is early.

Knows offsets, not carriers. Four of them divide the sequence, as in RFC 9293 section 3.3.1:

    0 ........ consumed ........ received ........ limit
      has left us      handed on          early bytes, or nothing yet

Within one carrier nothing overtakes; bytes come early or twice only after a move, while two carriers deliver, or on a
redundant stream. So the way of bytes that are in order is short, and early ones take a list that is searched.

How far apart may they lie? A carrier that a stream comes to by rescue, or as its second leg, begins at what is known to
have arrived, and leaves no gap; one that it comes to by a planned move, and a range that is repaired, leaves one each.
An ingress moves a stream at most four times a second, and what is stuck is given up within 10 s: 40 gaps. Whoever makes
more than RANGES and one for every RANGE_SIZE that he may still write wants to cost us time and memory.

What must stay true:
1. What it has acknowledged it has kept or handed on: the peer will never send it again.
2. `limit`, once told, is never taken back, and nothing beyond it is taken: what is held is bounded by what was
   promised.
3. The early pieces are sorted, never overlap, and lie above `received`, between two calls.
4. To take a piece costs a search and at most PIECE bytes of copies beyond its own, whatever came before.
"""

from bisect import bisect_right
from typing import Any

from relay.wire.errors import ProtocolError

RANGES = 64
RANGE_SIZE = 16 * 1024
"""So many disjoint ranges may wait, and one more for so many bytes of the window: part of the protocol."""
PIECE = 4096
"""Bytes up to which neighbours are joined: fewer objects, and to join them never copies more than this."""
PIECE_COST = 128
"""Bytes that a piece costs beyond its own: two objects and their places in the lists. One byte alone costs as much."""
NOTHING: list[Any] = []
"""The early pieces of all to whom nothing came early yet, which are nearly all. Never changed."""
ENDLESS = 1 << 64
"""Beyond every offset (they have eight bytes): where a direction ends that has not said so."""


class Receiver:
    """In-order delivery by absolute offset. It hands bytes to its caller, who delivers them, and never calls
    anybody."""

    __slots__ = (
        "_pieces",
        "_starts",
        "consumed",
        "end",
        "fin_at",
        "held",
        "limit",
        "ranges",
        "received",
        "reset_at",
    )

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
        self.reset_at: int | None = None
        """The offset of the peer's RESET, one behind its last byte or its FIN; None until it came, be it early."""
        self.end = ENDLESS
        """No byte lies here or behind, by what FIN and RESET have said."""
        self.held = 0
        """What came early and waits for bytes before it, as it costs: its bytes, and PIECE_COST for each piece."""
        self.ranges = 0
        """Disjoint ranges that wait."""
        self._starts: list[int] = NOTHING
        """The offset at which each early piece begins."""
        self._pieces: list[bytearray] = NOTHING
        """Copies: what came lies in a buffer that is used again."""

    @property
    def is_complete(self) -> bool:
        """Whether all bytes and the FIN behind them have arrived."""
        return self.received == self.fin_at

    @property
    def acknowledged(self) -> int:
        """What to tell the peer: FIN and RESET count as one each, once they are reached."""
        reached = self.received + (self.received == self.fin_at)
        return reached + (reached == self.reset_at)

    @property
    def is_cut_whole(self) -> bool:
        """Whether a RESET has come that follows bytes, and all that it follows has arrived."""
        return self.reset_at is not None and self.acknowledged > self.reset_at

    @property
    def early(self) -> int:
        """Bytes that came early, without what it costs to keep them apart."""
        return self.held - PIECE_COST * len(self._pieces)

    @property
    def kept(self) -> int:
        """What this direction costs in memory: bytes that arrived and have not left us, early ones at their cost."""
        return self.received - self.consumed + self.held

    def receive(self, offset: int, data: memoryview) -> memoryview | None:
        """Take bytes at *offset*. Returns those that are now in order, to be delivered, or None; while `held` is not 0,
        `next_early` may have more of them.

        Raises:
            ProtocolError: the bytes lie beyond the limit or behind FIN or RESET; nothing was taken.
        """
        stop = offset + len(data)
        if stop > self.limit or stop > self.end:
            raise ProtocolError("bytes beyond the limit" if stop > self.limit else "bytes behind a FIN or RESET")
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
        starts, pieces = self._starts, self._pieces
        while starts and starts[0] <= self.received:
            start, piece = starts.pop(0), pieces.pop(0)
            self.held -= len(piece) + PIECE_COST
            stop = start + len(piece)
            self.ranges -= not starts or starts[0] > stop
            if stop > self.received:
                news = memoryview(piece)[self.received - start :]
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
        if self._starts:
            self.held = self.ranges = 0
            self._starts, self._pieces = NOTHING, NOTHING
        return kept

    def finish(self, offset: int) -> bool:
        """The peer's FIN says that its bytes end at *offset*. It may come twice, and before bytes that it stands
        behind.

        Returns:
            Whether everything is here with it, and was not before.

        Raises:
            ProtocolError: bytes beyond it have arrived, or another FIN said otherwise.
        """
        known, reset_at = self.fin_at, self.reset_at
        if offset < self._highest() or known not in (None, offset) or offset > self.limit:
            raise ProtocolError("a FIN that contradicts what came before it")
        if reset_at is not None and offset != reset_at - 1:
            raise ProtocolError("a FIN that contradicts the RESET")
        self.fin_at = self.end = offset
        return known is None and self.received == offset

    def cut(self, offset: int) -> None:
        """The peer's RESET says that all it wrote lies below *offset*, its FIN included. It may come twice, and before
        what it stands behind.

        Raises:
            ProtocolError: something beyond it has arrived, or another RESET said otherwise.
        """
        known, fin_at = self.reset_at, self.fin_at
        if offset < self._highest() or known not in (None, offset) or offset > self.limit + 1:
            raise ProtocolError("a RESET that contradicts what came before it")
        if fin_at is not None and offset != fin_at + 1:
            raise ProtocolError("a RESET that contradicts the FIN")
        self.reset_at = offset
        self.end = min(self.end, offset)

    def _highest(self) -> int:
        """One behind the last byte that has arrived, be it early."""
        return max(self._stop(-1), self.received) if self._starts else self.received

    def _hold(self, offset: int, data: memoryview) -> None:
        """Keep what is new of [offset, …), in the place of pieces that lie wholly within it."""
        starts = self._starts
        first = bisect_right(starts, offset)
        start = max(offset, self._stop(first - 1)) if first else offset
        stop = offset + len(data)
        behind = first
        while behind < len(starts) and starts[behind] < stop:
            if self._stop(behind) > stop:
                stop = starts[behind]
                break
            behind += 1
        if start < stop:
            self._put(first, behind, start, data[start - offset : stop - offset])

    def _put(self, first: int, behind: int, start: int, data: memoryview) -> None:
        """*data*, which begins at *start*, stands where the pieces [first, behind) are; it overlaps no other.

        Raises:
            ProtocolError: that would make too many ranges; nothing was taken.
        """
        if self._starts is NOTHING:
            self._starts, self._pieces = [], []
        starts, pieces, stop = self._starts, self._pieces, start + len(data)
        is_behind_one = first > 0 and self._stop(first - 1) == start
        is_before_one = behind < len(starts) and starts[behind] == stop
        between = range(max(first, 1), min(behind, len(starts) - 1) + 1)
        were = sum(starts[at] > self._stop(at - 1) for at in between)
        are = (first > 0 and not is_behind_one) + (behind < len(starts) and not is_before_one)
        ranges = self.ranges + are - were if starts else 1
        if ranges > self.ranges and ranges > RANGES + (self.limit - self.received) // RANGE_SIZE:
            raise ProtocolError(f"{ranges} ranges of bytes apart from each other")
        self.ranges = ranges
        self.held += len(data) + PIECE_COST - sum(len(piece) + PIECE_COST for piece in pieces[first:behind])
        starts[first:behind], pieces[first:behind] = [start], [bytearray(data)]
        if is_before_one:
            self._join(first)
        if is_behind_one:
            self._join(first - 1)

    def _join(self, at: int) -> None:
        """Make one of the piece *at* and the next, which touch, if both are small."""
        pieces = self._pieces
        one, next_ = pieces[at], pieces[at + 1]
        if len(one) + len(next_) <= PIECE:
            one += next_
            del pieces[at + 1], self._starts[at + 1]
            self.held -= PIECE_COST

    def _stop(self, at: int) -> int:
        """One behind the last byte of the piece *at*."""
        return self._starts[at] + len(self._pieces[at])
