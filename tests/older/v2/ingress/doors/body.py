"""Follows the framing of a body, so that h11 is given exactly the bytes of one message, in few and plain pieces.

Rules: what was not taken belongs to the next message; a chunk line that another program could read differently is
refused (h11 lets spaces, CR and twenty digits pass); chunks that came together go on as one, so that a body of tiny
ones costs little; trailers are read over and never handed on, whatever they are called.
"""

import enum
import re
from typing import Final, Protocol

MOST_EXTENSION: Final = 256
"""Bytes in a chunk's extension; nobody uses them, and they are forwarded nowhere."""
MOST_TRAILERS: Final = 8 * 1024
"""Bytes in all trailers of a message."""

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]{0,255}[!-~\x80-\xff])?")
_PADDED_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t -~\x80-\xff]{0,255})?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
_MOST_LINE = 16 + MOST_EXTENSION + 2


class BadBody(Exception):
    """The bytes are not the body that the head announced."""


class Body(Protocol):
    """A body on its way in."""

    @property
    def is_done(self) -> bool:
        """Whether it was taken to its end."""

    @property
    def remaining(self) -> int | None:
        """Bytes still to come; None if only the sender knows."""

    def take(self, incoming: bytearray) -> bytes:
        """Cut off *incoming* what belongs to the body and give it as h11 may see it. Raises BadBody."""


class CountedBody:
    """A body of Content-Length bytes, perhaps none."""

    __slots__ = ("remaining",)

    def __init__(self, length: int) -> None:
        self.remaining = length

    @property
    def is_done(self) -> bool:
        """Whether all its bytes were taken: at once, if it has none."""
        return self.remaining == 0

    def take(self, incoming: bytearray) -> bytes:
        """As the contract says; nothing can be wrong with these bytes."""
        if len(incoming) <= self.remaining:
            piece = bytes(incoming)
            incoming.clear()
        else:
            piece = bytes(incoming[: self.remaining])
            del incoming[: self.remaining]
        self.remaining -= len(piece)
        return piece


class EndlessBody:
    """A body that lasts until its sender ends the connection (RFC 9112 section 6.3, the last rule)."""

    __slots__ = ()

    is_done = False
    remaining = None

    def take(self, incoming: bytearray) -> bytes:
        """Everything: whatever comes belongs to it."""
        piece = bytes(incoming)
        incoming.clear()
        return piece


class _Place(enum.IntEnum):
    LINE = 0
    DATA = 1
    DATA_END = 2
    TRAILERS = 3
    DONE = 4


class ChunkedBody:
    """A body in chunks (RFC 9112 section 7.1).

    `padded` lets blanks stand behind a chunk's size, as some origins write them; from clients they are refused.
    """

    __slots__ = ("_left", "_line", "_place")

    remaining = None

    def __init__(self, *, padded: bool = False) -> None:
        self._line = _PADDED_CHUNK_LINE if padded else _CHUNK_LINE
        self._place = _Place.LINE
        self._left = 0
        """Bytes still to come of the chunk; among the trailers, bytes that may still come."""

    @property
    def is_done(self) -> bool:
        """Whether the blank line behind its trailers was taken."""
        return self._place == _Place.DONE

    def take(self, incoming: bytearray) -> bytes:
        """One new chunk of all the data that came; extensions and trailers are read and dropped. Raises BadBody."""
        if self.is_done:
            return b""
        data: list[bytearray] = []
        at = 0
        while step := self._step(incoming, at, data):
            at += step
        del incoming[:at]
        whole = b"".join(data)
        chunk = b"%x\r\n%b\r\n" % (len(whole), whole) if whole else b""
        return chunk + b"0\r\n\r\n" if self.is_done else chunk

    def _step(self, incoming: bytearray, at: int, data: list[bytearray]) -> int:
        """Read one thing at *at*: how many bytes it took, or 0 if it is not whole, or nothing more is ours."""
        if self._place == _Place.DATA:
            return self._step_data(incoming[at : at + self._left], data)
        if self._place == _Place.LINE:
            return self._step_line(_find_line(incoming, at, _MOST_LINE))
        if self._place == _Place.DATA_END:
            return self._step_data_end(incoming[at : at + 2])
        if self._place == _Place.TRAILERS:
            return self._step_trailer(_find_line(incoming, at, MOST_TRAILERS))
        return 0

    def _step_line(self, line: bytes | None) -> int:
        if line is None:
            return 0
        match = self._line.fullmatch(line)
        if match is None:
            raise BadBody("a chunk's first line")
        self._left = int(match[1], 16)
        self._place = _Place.DATA
        if self._left == 0:
            self._place, self._left = _Place.TRAILERS, MOST_TRAILERS
        return len(line) + 2

    def _step_data(self, piece: bytearray, data: list[bytearray]) -> int:
        if piece:
            data.append(piece)
            self._left -= len(piece)
            if self._left == 0:
                self._place = _Place.DATA_END
        return len(piece)

    def _step_data_end(self, piece: bytearray) -> int:
        if not b"\r\n".startswith(piece):
            raise BadBody("a chunk's end")
        if len(piece) < 2:
            return 0
        self._place = _Place.LINE
        return 2

    def _step_trailer(self, line: bytes | None) -> int:
        if line is None:
            return 0
        self._left -= len(line) + 2
        if not line:
            self._place = _Place.DONE
        elif self._left < 0 or _TRAILER_LINE.fullmatch(line) is None:
            raise BadBody("a trailer")
        return len(line) + 2


def _find_line(incoming: bytearray, at: int, most: int) -> bytes | None:
    """The line at *at* without its CR LF, or None if it has not ended. Raises BadBody for a lone LF or a long line."""
    end = incoming.find(b"\n", at, at + most)
    if end < 0:
        if len(incoming) - at >= most:
            raise BadBody("a line that does not end")
        return None
    if end == at or incoming[end - 1] != 0x0D:
        raise BadBody("a line end")
    return bytes(incoming[at : end - 1])
