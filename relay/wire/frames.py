"""Frames: 4 bytes of header (kind, 1; length of the body, 3; big-endian), then the body.

The reader never waits for the whole body of DATA: it hands on what has come, with its offset, as a view
of the caller's buffer. All other bodies are small and handed on whole; those of kinds that are not known and may be
ignored are passed over as they come. What it holds is bounded by LONGEST_BODY, and what it was given beyond its budget:
thousands of small frames fit in one read, and nobody else is served while their receivers work.
docs/protocol.md describes every body.
"""

import enum
import struct
from collections.abc import Callable

from relay.wire.errors import ProtocolError

LONGEST_BODY = 64 * 1024
"""Bytes of a body other than DATA's; the longest there is (STATUS of a node with hundreds of lines) stays below."""
LONGEST_DATA = 256 * 1024
"""Bytes of payload in one DATA frame. 64 KiB is usual; the reader hands them on as they come, whatever it says."""


class Kind(enum.IntEnum):
    """The first byte of a frame."""

    HELLO = 1
    WELCOME = 2
    REFUSED = 3
    TRANSIT = 4
    PROCEED = 5
    PING = 16
    PONG = 17
    GOAWAY = 18
    STATUS = 19
    TIME = 20
    TIMED = 21
    OPEN = 32
    ATTACH = 33
    ATTACHED = 34
    CONNECTED = 35
    DATA = 36
    FIN = 37
    ACK = 38
    RESET = 39
    WITHDRAW = 40
    WITHDRAWN = 41
    LABEL = 48
    LABELED = 49
    ASSOC_END = 50
    ASSOC_GONE = 51
    DATAGRAM = 52
    START = 128
    FIRST_BYTE = 129


_HEADER = struct.Struct("!I")
_DATA_HEADER = struct.Struct("!IQQ")
_PLACE = struct.Struct("!QQ")
_unpack_header, _unpack_place = _HEADER.unpack_from, _PLACE.unpack_from  # found once: for every frame
HEADER_SIZE = _HEADER.size
DATA_HEADER_SIZE = _DATA_HEADER.size
_DATA = int(Kind.DATA)
_SMALL = frozenset(int(kind) for kind in Kind) - {_DATA}
_IGNORABLE = 128
"""Kinds from here on are passed over by whoever does not know them."""

BUDGET = 128
"""What one call may cost, in the work that a small DATA frame makes, some 20 microseconds with the system call that
passes it on: so few milliseconds. At a tenth of it a read of many small frames takes dozens of turns, at ten times as
much it is felt beside it."""
_DEAR: dict[int, int] = {
    Kind.OPEN: 8,
    Kind.TIME: 8,
    Kind.STATUS: BUDGET,
    Kind.RESET: 4,
    Kind.WITHDRAW: 8,
    Kind.WITHDRAWN: 8,
    Kind.ATTACH: 2,
    Kind.ATTACHED: 2,
    Kind.CONNECTED: 2,
    Kind.FIN: 2,
    Kind.PONG: 2,
    Kind.GOAWAY: 2,
    Kind.TIMED: 2,
    Kind.LABEL: 32,
    Kind.LABELED: 4,
    Kind.ASSOC_END: 8,
    Kind.ASSOC_GONE: 4,
}
_COSTS = tuple(_DEAR.get(kind, 1) for kind in range(256))
"""By kind. What is dear begins or ends something: a dial, a socket, a path's figures. 64 connections that are opened at
once must not take a dozen turns, each with a wake-up for every hop."""


def frame(kind: int, body: bytes = b"") -> bytes:
    """One frame, whole."""
    return _HEADER.pack(kind << 24 | len(body)) + body


def data_header(stream: int, offset: int, size: int) -> bytes:
    """What stands before *size* bytes of *stream* that begin at *offset*."""
    return _DATA_HEADER.pack(_DATA << 24 | size + _PLACE.size, stream, offset)


class FrameReader:
    """Cuts a carrier's bytes into frames.

    Calls `on_data(stream, offset, view)` for payload as it arrives (the view dies with the call) and
    `on_frame(kind, body)` for everything else that is known, in the order of the wire.
    """

    __slots__ = ("_held", "_offset", "_on_data", "_on_frame", "_rest", "_skip", "_stream")

    def __init__(self, on_data: Callable[[int, int, memoryview], None], on_frame: Callable[[int, bytes], None]) -> None:
        self._on_data = on_data
        self._on_frame = on_frame
        self._held: memoryview | bytes = b""
        """What was not read yet: the beginning of a frame, or all that came beyond the budget."""
        self._rest = 0
        """Bytes that are still to come of a payload, which is of `_stream` and goes on at `_offset`."""
        self._skip = 0
        """Bytes that are still to come of a frame that is passed over."""
        self._stream = 0
        self._offset = 0

    def receive(self, data: memoryview, budget: int = BUDGET) -> bool:
        """Read on, until *budget* is used up; whole payloads count as one frame, and 0 reads none.

        Returns:
            Whether frames are left: they are kept, and read when it is called again, be it with nothing.

        Raises:
            ProtocolError: an unknown kind that may not be ignored, or an impossible length; the reader is of no use
                afterwards.
        """
        is_ours = bool(self._held)
        if is_ours:
            data = memoryview(b"".join((self._held, data)) if len(data) else self._held)
            self._held = b""
        end = len(data)
        position = self._go_on(data, end) if self._rest or self._skip else 0
        while position < end:
            if budget <= 0:
                self._keep(data[position:], is_ours)
                return True
            start = position + HEADER_SIZE
            if start > end:
                self._keep(data[position:], False)
                break
            header: int = _unpack_header(data, position)[0]
            kind, size = header >> 24, header & 0xFFFFFF
            stop = start + size
            budget -= _COSTS[kind]
            if kind in _SMALL and stop <= end and size <= LONGEST_BODY:
                self._on_frame(kind, bytes(data[start:stop]))
                position = stop
                continue
            taken = self._payload(data, start, stop, end) if kind == _DATA else self._odd(kind, size, stop, end)
            if not taken:
                self._keep(data[position:], False)
                break
            position = taken
        return False

    def _keep(self, rest: memoryview, is_ours: bool) -> None:
        """*rest* is not read yet. It is copied, unless it *is_ours*: then the next call would copy it for nothing."""
        self._held = rest if is_ours else bytes(rest)

    def _go_on(self, data: memoryview, end: int) -> int:
        """Take what is still to come of a frame whose beginning was read before; where the next byte stands."""
        if self._skip:
            position = min(self._skip, end)
            self._skip -= position
            return position
        position, offset = min(self._rest, end), self._offset
        if position:
            self._offset += position
            self._rest -= position
            self._on_data(self._stream, offset, data[:position])
        return position

    def _payload(self, data: memoryview, start: int, stop: int, end: int) -> int:
        """Take what there is of a DATA frame whose body begins at *start*; where the next byte stands, 0 if not even
        its place is all there."""
        first = start + _PLACE.size
        if not first < stop <= first + LONGEST_DATA:
            raise ProtocolError(f"a DATA frame of {stop - start} bytes")
        if first > end:
            return 0
        stream, offset = _unpack_place(data, start)
        if stop > end:
            self._stream, self._offset, self._rest = stream, offset + end - first, stop - end
            stop = end
        if first < stop:
            self._on_data(stream, offset, data[first:stop])
        return stop

    def _odd(self, kind: int, size: int, stop: int, end: int) -> int:
        """Take a frame that is not all there, or that nobody here knows; `_go_on` takes the rest of the latter. Where
        the next byte stands, 0 to wait for more."""
        if size > LONGEST_BODY:
            raise ProtocolError(f"a body of {size} bytes in a frame of kind {kind}")
        if kind in _SMALL:
            return 0
        if kind < _IGNORABLE:
            raise ProtocolError(f"unknown frame kind {kind}")
        self._skip = max(stop - end, 0)
        return min(stop, end)
