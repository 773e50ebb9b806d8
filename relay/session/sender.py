"""One direction of a stream, at the end that writes: what was written and is not acknowledged, and who carries what.

Knows offsets and legs. Bytes are kept until the peer's session has them. FIN counts as one
offset behind the last byte (`total`), so that it is acknowledged and repaired like data.
"""

from bisect import bisect_right
from typing import TYPE_CHECKING

from relay.wire.errors import ProtocolError
from relay.wire.frames import DATA_HEADER_SIZE, data_header

if TYPE_CHECKING:
    from relay.session.carrier import CarrierEnd
    from relay.session.stream import Stream

Range = tuple[int, int]


class Leg:
    """What one carrier has had of one stream.

    Offsets in [since, cursor) went to this carrier in this generation; `repairs` lie below the cursor and
    have to be sent again, because the carrier that had them is gone.
    """

    __slots__ = ("announce", "carrier", "cursor", "is_queued", "must_ack", "must_connect", "repairs", "since", "stream")

    def __init__(self, stream: "Stream", carrier: "CarrierEnd", cursor: int) -> None:
        self.stream = stream
        self.carrier = carrier
        self.cursor = cursor
        self.since = cursor
        self.repairs: list[Range] = []
        self.announce = True
        """OPEN, ATTACH or ATTACHED has still to be said on this carrier, before anything else of the stream."""
        self.must_ack = False
        self.must_connect = False
        self.is_queued = False

    def repair(self, ranges: list[Range]) -> None:
        """Send *ranges*, which lie below the cursor, again; from now on this carrier owes them."""
        if ranges:
            self.repairs += ranges
            self.since = min(self.since, *(start for start, _ in ranges))


class Sender:
    """The unacknowledged bytes of one direction."""

    __slots__ = ("_chunks", "_number", "_starts", "acked", "end", "is_finished", "limit")

    def __init__(self, number: int, limit: int) -> None:
        self._number = number
        self.acked = 0
        self.end = 0
        """One behind the last byte written."""
        self.limit = limit
        """The peer takes bytes below this offset."""
        self.is_finished = False
        self._starts: list[int] = []
        self._chunks: list[bytes] = []
        """As frames, header and all: a chunk that goes out whole, and most do, is not copied again."""

    @property
    def total(self) -> int:
        """One behind the last offset there is to send so far, FIN included."""
        return self.end + self.is_finished

    @property
    def is_done(self) -> bool:
        """Whether the peer has everything, FIN included."""
        return self.is_finished and self.acked > self.end

    @property
    def kept(self) -> int:
        """Bytes kept for sending or for sending again."""
        return max(self.end - self.acked, 0)

    def write(self, data: bytes | memoryview) -> None:
        """Append a copy of *data*; not allowed after `finish`."""
        if self.is_finished:
            raise RuntimeError("write after finish")
        self._starts.append(self.end)
        self._chunks.append(b"".join((data_header(self._number, self.end, len(data)), data)))
        self.end += len(data)

    def finish(self) -> None:
        """No bytes will follow."""
        self.is_finished = True

    def acknowledge(self, received: int) -> int:
        """The peer has everything below *received*. Returns how many bytes were let go.

        Raises:
            ProtocolError: *received* lies behind what was written.
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

    def shed(self) -> int:
        """Forget all bytes; nothing can be read any more. Returns how many were kept."""
        kept = self.kept
        self.acked = self.end
        self._starts.clear()
        self._chunks.clear()
        return kept

    def _drop_below(self, offset: int) -> None:
        """Forget the chunks that lie wholly below *offset*."""
        count = bisect_right(self._starts, offset) - 1 if offset < self.end else len(self._starts)
        if count > 0:
            del self._starts[:count]
            del self._chunks[:count]

    def read(self, start: int, stop: int) -> list[bytes | memoryview]:
        """The bytes [start, stop), which must be kept still, in as many pieces as they were written in."""
        pieces: list[bytes | memoryview] = []
        index = bisect_right(self._starts, start) - 1
        while start < stop:
            chunk = self._chunks[index]
            skip = DATA_HEADER_SIZE + start - self._starts[index]
            take = min(len(chunk) - skip, stop - start)
            pieces.append(memoryview(chunk)[skip : skip + take])
            start += take
            index += 1
        return pieces

    def frame(self, start: int, stop: int) -> list[bytes | memoryview]:
        """A DATA frame with the bytes [start, stop), which must be kept still, in pieces."""
        index = bisect_right(self._starts, start) - 1
        chunk = self._chunks[index]
        if self._starts[index] == start and len(chunk) == DATA_HEADER_SIZE + stop - start:
            return [chunk]
        return [data_header(self._number, start, stop - start), *self.read(start, stop)]

    def next_range(self, leg: Leg, most: int) -> Range | None:
        """What *leg* sends next, at most *most* bytes, and note it as sent; None when nothing may be sent.

        The range [end, end + 1) is the FIN, and always comes alone.
        """
        if leg.repairs:
            repair = self._next_repair(leg, most)
            if repair is not None:
                return repair
        start = leg.cursor if leg.cursor > self.acked else self.acked
        stop = min(self.end, self.limit, start + most)
        if start >= stop:
            if not self.is_finished or start != self.end:
                return None
            stop = start + 1
        elif stop - start == most:
            stop = self._whole_chunk(start, stop)
        leg.cursor = stop
        return start, stop

    def _whole_chunk(self, start: int, stop: int) -> int:
        """Where a frame of new bytes ends, if more follow *stop*: with its chunk, if that leaves half of it."""
        index = bisect_right(self._starts, start) - 1
        end = self._starts[index] + len(self._chunks[index]) - DATA_HEADER_SIZE
        return end if end < stop and 2 * (end - start) >= stop - start else stop

    def has_more(self, leg: Leg) -> bool:
        """Whether `next_range` would give something."""
        start = leg.cursor if leg.cursor > self.acked else self.acked
        if start < self.end:
            return start < self.limit or bool(leg.repairs)
        return (self.is_finished and start == self.end) or bool(leg.repairs)

    def _next_repair(self, leg: Leg, most: int) -> Range | None:
        while leg.repairs:
            start, stop = leg.repairs.pop(0)
            start = max(start, self.acked)
            if start >= stop:
                continue
            if start < self.end < stop:  # the FIN always comes alone
                leg.repairs.insert(0, (self.end, stop))
                stop = self.end
            if stop - start > most:
                leg.repairs.insert(0, (start + most, stop))
                stop = start + most
            return start, stop
        return None
