"""One direction of a stream, at the end that writes: what was written and is not acknowledged yet.

Offsets are those of docs/protocol.md section 6: absolute, from 0, one sequence for each direction, FIN one offset
behind the last byte (as a FIN takes a sequence number in RFC 9293 section 3.4), so that it is acknowledged, ordered and
sent again like data; a RESET that follows bytes takes one more, behind the last byte or the FIN. Both are *marks* here.
Four offsets divide the sequence:

    0 ........ acked ........ cursor.position ........ limit ........ end
      forgotten      in flight         may be sent now       must wait

(`limit` may as well lie beyond `end`.) The sender knows nothing of carriers. A stream may ride on several at once, or
have left one that still delivers, so how far each of them has come is kept by the carrier's leg, in a `Cursor`, and
handed in when the leg may send. Bytes are let go of by acknowledgement alone, never because they were sent.

There are no timers for retransmission as TCP has them (RFC 6298, RFC 8985): below us is TCP, which loses nothing while
it lives. What a carrier that died had in flight becomes `repairs` of the cursors that are left.
"""

from bisect import bisect_right

from relay.wire.errors import ProtocolError
from relay.wire.frames import DATA_HEADER_SIZE, data_header

SMALL = 2 * 1024
"""Bytes below which what is written is put to what was written before it: kept apart, a byte costs 120."""
Range = tuple[int, int]
"""Offsets [first, one behind the last)."""
NO_REPAIRS: list[Range] = []
"""Those of all carriers that need none."""
Parts = list[bytes | memoryview]
"""Bytes on their way to a carrier, in pieces that are joined once. Views must not outlive the pull."""


class Cursor:
    """What one carrier has had of one direction: plain numbers, read and moved by a Sender.

    Offsets in [since, position) went to this carrier, as far as they were not repaired elsewhere: if it dies, they have
    to be sent again. `position` only grows.
    """

    __slots__ = ("position", "repairs", "since")

    def __init__(self, position: int) -> None:
        self.position = position
        """The next offset that was never given to this carrier."""
        self.since = position
        """The first offset that this carrier is answerable for."""
        self.repairs = NO_REPAIRS
        """Ranges below `position` that have to be sent again, because the carrier that had them is gone; in the order
        in which they will be sent. They may overlap, and reach into what was acknowledged meanwhile. Set anew, never
        changed."""

    def repair(self, ranges: list[Range]) -> None:
        """Send *ranges*, which lie below `position`, again; from now on this carrier is answerable for them."""
        if ranges:
            self.repairs = [*self.repairs, *ranges]
            self.since = min(self.since, *(start for start, _ in ranges))


class Sender:
    """The unacknowledged bytes of one direction, and where they end.

    The bytes lie in chunks, one for each `write`, in the order of their offsets, from the one that holds `acked` to
    the end. Whoever writes in sizes that fit a frame gets frames that are never copied again.
    """

    __slots__ = ("_chunks", "_number", "_starts", "acked", "end", "is_finished", "limit", "marks")

    def __init__(self, number: int, limit: int) -> None:
        """*number* is the stream's id, for the headers of its frames; *limit* what the peer takes before it has said
        anything."""
        self._number = number
        self.acked = 0
        """The peer has everything below; of the bytes nothing below is kept."""
        self.end = 0
        """One behind the last byte written, and the FIN's own offset."""
        self.limit = limit
        """The peer takes bytes below this offset. It only grows, and does not count the FIN."""
        self.is_finished = False
        """No byte will be added: there is a FIN, at `end`."""
        self.marks = 0
        """How many offsets follow the last byte: one for the FIN, one for a RESET."""
        self._starts: list[int] = []
        """The offset at which each chunk begins."""
        self._chunks: list[bytes] = []
        """As frames, header and all: a chunk that goes out whole, and most do, is not copied again."""

    @property
    def total(self) -> int:
        """One behind the last offset there is to send so far, marks included."""
        return self.end + self.marks

    @property
    def is_complete(self) -> bool:
        """Whether there is a mark, and the peer has everything: nothing will ever be sent again."""
        return self.marks > 0 and self.acked == self.end + self.marks

    @property
    def kept(self) -> int:
        """Bytes kept for sending or for sending again: what this direction costs in memory."""
        return max(self.end - self.acked, 0)

    # ---- what the writer and the peer say

    def write(self, data: bytes | memoryview) -> None:
        """Append a copy of *data*, whatever the limit; not allowed after `finish`.

        Raises:
            RuntimeError: after `finish`; the caller has a mistake.
        """
        if self.is_finished:
            raise RuntimeError("write after finish")
        chunks = self._chunks
        if chunks and len(data) < SMALL and len(chunks[-1]) < SMALL:
            start, last = self._starts[-1], chunks[-1]
            size = len(last) - DATA_HEADER_SIZE + len(data)
            chunks[-1] = b"".join((data_header(self._number, start, size), last[DATA_HEADER_SIZE:], data))
        else:
            self._starts.append(self.end)
            chunks.append(b"".join((data_header(self._number, self.end, len(data)), data)))
        self.end += len(data)

    def finish(self) -> None:
        """No bytes will follow: from now on there is a FIN to send. Harmless when repeated."""
        if not self.is_finished:
            self.is_finished = True
            self.marks += 1

    def cut(self) -> None:
        """Nothing at all will follow: there is a RESET to send, behind the last byte and the FIN. To be called once;
        nothing may be written or finished afterwards."""
        self.marks += 1

    def acknowledge(self, received: int) -> int:
        """The peer has everything below *received*, which may come twice, late or out of order: an old one changes
        nothing (as in RFC 9293 section 3.10.7.4).

        Returns:
            How many bytes were let go of.

        Raises:
            ProtocolError: *received* lies behind what was written; nothing has changed.
        """
        if received <= self.acked:
            return 0
        if received > self.total:
            raise ProtocolError("an acknowledgement of bytes that were never sent")
        before = min(self.acked, self.end)
        self.acked = received
        starts = self._starts
        if len(starts) == 1 and received >= self.end:
            starts.clear()
            self._chunks.clear()
        else:
            self._drop_below(received)
        return min(received, self.end) - before

    def clear(self) -> int:
        """Let go of everything, the marks included: nothing can be read any more, and there is nothing to send.

        Returns:
            How many bytes were kept.
        """
        kept = self.kept
        self.acked = self.total
        self._starts.clear()
        self._chunks.clear()
        return kept

    def _drop_below(self, offset: int) -> None:
        """Forget the chunks that lie wholly below *offset*."""
        count = bisect_right(self._starts, offset) - 1 if offset < self.end else len(self._starts)
        if count > 0:
            del self._starts[:count]
            del self._chunks[:count]

    # ---- bytes

    def read(self, start: int, stop: int) -> Parts:
        """The bytes [start, stop), which must be kept still, in as many pieces as they were written in."""
        pieces: Parts = []
        index = bisect_right(self._starts, start) - 1
        while start < stop:
            chunk = self._chunks[index]
            skip = DATA_HEADER_SIZE + start - self._starts[index]
            take = min(len(chunk) - skip, stop - start)
            pieces.append(memoryview(chunk)[skip : skip + take])
            start += take
            index += 1
        return pieces

    def frame(self, start: int, stop: int) -> Parts:
        """A DATA frame with the bytes [start, stop), which must be kept still, in pieces."""
        index = bisect_right(self._starts, start) - 1
        chunk = self._chunks[index]
        if self._starts[index] == start and len(chunk) == DATA_HEADER_SIZE + stop - start:
            return [chunk]
        return [data_header(self._number, start, stop - start), *self.read(start, stop)]

    # ---- what is next

    def next_range(self, cursor: Cursor, most: int) -> Range | None:
        """What goes next to the carrier of *cursor*, at most *most* bytes, and note it there as sent.

        Repairs come first, since the peer cannot go on without them. Offsets from `end` on are marks (see `is_fin`),
        and each comes alone. None when nothing may be sent: all was sent, or the limit is reached.
        """
        if cursor.repairs:
            repair = self._next_repair(cursor, most)
            if repair is not None:
                return repair
        start = cursor.position if cursor.position > self.acked else self.acked
        stop = min(self.end, self.limit, start + most)
        if start >= stop:
            if not 0 <= start - self.end < self.marks:
                return None
            stop = start + 1
        elif stop - start == most:
            stop = self._whole_chunk(start, stop)
        cursor.position = stop
        return start, stop

    def has_more(self, cursor: Cursor) -> bool:
        """Whether `next_range` would give something. True without reason only for repairs that were acknowledged since:
        that costs one pull for nothing."""
        start = cursor.position if cursor.position > self.acked else self.acked
        if start < self.end:
            return start < self.limit or bool(cursor.repairs)
        return start - self.end < self.marks or bool(cursor.repairs)

    def is_fin(self, offset: int) -> bool:
        """Whether the mark at *offset* is the FIN; else it is the RESET."""
        return self.is_finished and offset == self.end

    def _whole_chunk(self, start: int, stop: int) -> int:
        """Where a frame of new bytes ends, if more follow *stop*: with its chunk, if that leaves half of it."""
        index = bisect_right(self._starts, start) - 1
        end = self._starts[index] + len(self._chunks[index]) - DATA_HEADER_SIZE
        return end if end < stop and 2 * (end - start) >= stop - start else stop

    def _next_repair(self, cursor: Cursor, most: int) -> Range | None:
        """The first repair that the peer is not known to have, cut to *most*; what is left of it stays first."""
        while cursor.repairs:
            start, stop = cursor.repairs[0]
            cursor.repairs = cursor.repairs[1:]
            start = max(start, self.acked)
            if start >= stop:
                continue
            end = self.end if start < self.end else start + 1  # a mark always comes alone
            end = min(end, start + most)
            if end < stop:
                cursor.repairs = [(end, stop), *cursor.repairs]
                stop = end
            return start, stop
        return None
