"""Follows the framing of a body, so that h11 is given exactly the bytes of one message, in few and plain pieces.

Rules: what was not taken belongs to the next message; a client's chunk line that another program could read
differently is refused (h11 lets spaces, CR and twenty digits pass), an origin's if curl would refuse it; chunks that
came together go on as one, so that a body of tiny ones costs little, and no more of them than the budget allows;
trailers are read over and never handed on, whatever they are called.
"""

import enum
import re
from typing import Final, Protocol

from ingress.doors.budget import Budget

MOST_EXTENSION: Final = 256
"""Bytes in a chunk's extension; nobody uses them, and they are forwarded nowhere."""
MOST_TRAILERS: Final = 8 * 1024
"""Bytes in all trailers of a message."""

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]{0,255}[!-~\x80-\xff])?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
_ORIGIN_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00\r]{0,255})?")
_ORIGIN_TRAILER_LINE = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*:|[ \t])[^\x00\r]*")
_MOST_LINE = 16 + MOST_EXTENSION + 2
_WHOLE_LINE = re.compile(rb"([0-9A-Fa-f]{1,6})(?:;[\t -~\x80-\xff]{0,255}[!-~\x80-\xff])?\r\n")
_WHOLE_ORIGIN_LINE = re.compile(rb"([0-9A-Fa-f]{1,6})(?:;[^\x00\r\n]{0,255})?\r\n")


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

    @property
    def leaves_doubt(self) -> bool:
        """Whether another program might have found its end elsewhere, so that nothing behind it is to be read."""

    def take(self, incoming: bytearray, budget: Budget) -> bytes:
        """Cut off *incoming* what belongs to the body, as far as *budget* goes, and give it as h11 may see it. Raises
        BadBody."""


class CountedBody:
    """A body of Content-Length bytes, perhaps none."""

    __slots__ = ("remaining",)

    leaves_doubt = False

    def __init__(self, length: int) -> None:
        self.remaining = length

    @property
    def is_done(self) -> bool:
        """Whether all its bytes were taken: at once, if it has none."""
        return self.remaining == 0

    def take(self, incoming: bytearray, budget: Budget) -> bytes:
        """As the contract says; nothing can be wrong with these bytes, and they cost no step."""
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
    leaves_doubt = False

    def take(self, incoming: bytearray, budget: Budget) -> bytes:
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

    `of_origin` takes what some origins write and curl reads: blanks behind a chunk's size, anything in an extension,
    folded trailers, lines that end with LF alone. All of it is framed anew for the client, so only the origin itself
    could find another end in it: after a bare LF, which decides that, the body `leaves_doubt`.
    """

    __slots__ = ("_left", "_line", "_of_origin", "_place", "_trailer", "_whole", "leaves_doubt")

    remaining = None

    def __init__(self, *, of_origin: bool = False) -> None:
        self._of_origin = of_origin
        self._line = _ORIGIN_CHUNK_LINE if of_origin else _CHUNK_LINE
        self._whole = _WHOLE_ORIGIN_LINE if of_origin else _WHOLE_LINE
        self._trailer = _ORIGIN_TRAILER_LINE if of_origin else _TRAILER_LINE
        self.leaves_doubt = False
        self._place = _Place.LINE
        self._left = 0
        """Bytes still to come of the chunk; among the trailers, bytes that may still come."""

    @property
    def is_done(self) -> bool:
        """Whether the blank line behind its trailers was taken."""
        return self._place == _Place.DONE

    def take(self, incoming: bytearray, budget: Budget) -> bytes:
        """One new chunk of the data that came; extensions and trailers are read and dropped. Raises BadBody."""
        if self.is_done:
            return b""
        data: list[bytearray] = []
        at = 0
        while budget.left > 0:
            if self._place == _Place.LINE:
                at = _take_whole(self._whole, incoming, at, data, budget)
            step = self._step(incoming, at, data)
            if not step:
                break
            at += step
            budget.left -= 1
        del incoming[:at]
        whole = b"".join(data)
        chunk = b"%x\r\n%b\r\n" % (len(whole), whole) if whole else b""
        return chunk + b"0\r\n\r\n" if self.is_done else chunk

    def _step(self, incoming: bytearray, at: int, data: list[bytearray]) -> int:
        """Read one thing at *at*: how many bytes it took, or 0 if it is not whole, or nothing more is ours."""
        if self._place == _Place.DATA:
            return self._step_data(incoming[at : at + self._left], data)
        if self._place == _Place.LINE:
            return self._step_line(self._find_line(incoming, at, _MOST_LINE))
        if self._place == _Place.DATA_END:
            return self._step_data_end(incoming[at : at + 2])
        if self._place == _Place.TRAILERS:
            return self._step_trailer(self._find_line(incoming, at, MOST_TRAILERS))
        return 0

    def _step_line(self, line: bytes | None) -> int:
        if line is None:
            return 0
        match = self._line.fullmatch(_without_end(line))
        if match is None:
            raise BadBody("a chunk's first line")
        self._left = int(match[1], 16)
        self._place = _Place.DATA
        if self._left == 0:
            self._place, self._left = _Place.TRAILERS, MOST_TRAILERS
        return len(line)

    def _step_data(self, piece: bytearray, data: list[bytearray]) -> int:
        if piece:
            data.append(piece)
            self._left -= len(piece)
            if self._left == 0:
                self._place = _Place.DATA_END
        return len(piece)

    def _step_data_end(self, piece: bytearray) -> int:
        end = b"\n" if self._of_origin and piece.startswith(b"\n") else b"\r\n"
        if not end.startswith(piece[: len(end)]):
            raise BadBody("a chunk's end")
        if len(piece) < len(end):
            return 0
        self.leaves_doubt |= len(end) == 1
        self._place = _Place.LINE
        return len(end)

    def _step_trailer(self, line: bytes | None) -> int:
        if line is None:
            return 0
        self._left -= len(line)
        text = _without_end(line)
        if not text:
            self._place = _Place.DONE
        elif self._left < 0 or self._trailer.fullmatch(text) is None:
            raise BadBody("a trailer")
        return len(line)

    def _find_line(self, incoming: bytearray, at: int, most: int) -> bytes | None:
        """The line at *at* with its end, or None if it has not ended. Raises BadBody for a lone LF or a long line."""
        end = incoming.find(b"\n", at, at + most)
        if end < 0:
            if len(incoming) - at >= most:
                raise BadBody("a line that does not end")
            return None
        line = bytes(incoming[at : end + 1])
        if not line.endswith(b"\r\n"):
            if not self._of_origin:
                raise BadBody("a line end")
            self.leaves_doubt = True
        return line


def _take_whole(line: re.Pattern[bytes], incoming: bytearray, at: int, data: list[bytearray], budget: Budget) -> int:
    """Read the chunks at *at* that came whole, as most do; gives where another one begins.

    A read may hold 40,000 of one byte each: so they take 1 µs each, a quarter of what they take step by step.
    """
    match, left = line.match, budget.left
    while left > 0 and (found := match(incoming, at)) is not None:
        begin = found.end()
        end = begin + int(found[1], 16)
        if begin == end or not incoming.startswith(b"\r\n", end):
            break
        data.append(incoming[begin:end])
        at = end + 2
        left -= 1
    budget.left = left
    return at


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")
