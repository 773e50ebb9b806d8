"""A paced transfer, the same both ways: pieces of one size with known bytes, the last of them marked.

Pure. What must stay true: a byte lost, doubled or moved is seen at the piece where it happens; a transfer is whole only
when its marked piece has come, never because the connection ended.
"""

from ingress.demo.target.content import content

MORE, LAST = 0, 1


class WrongBytes(Exception):
    """What came is not what was sent."""


def piece(number: int, size: int, *, is_last: bool = False) -> bytes:
    """The piece of that number: a mark, then *size* - 1 of the bytes that everyone knows."""
    return bytes([LAST if is_last else MORE]) + content(number * (size - 1), size - 1)


class Checker:
    """Takes bytes as they come and compares every one."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pieces = 0
        """That came whole, and were right."""
        self.is_whole = False
        """The marked piece has come."""
        self._held = bytearray()

    def add(self, data: bytes | bytearray) -> None:
        """Check *data*.

        Raises:
            WrongBytes: it is not what was sent, or something follows the last piece.
        """
        self._held += data
        while len(self._held) >= self.size:
            if self.is_whole:
                break
            self.is_whole = self._held[0] == LAST
            if self._held[: self.size] != piece(self.pieces, self.size, is_last=self.is_whole):
                raise WrongBytes(f"piece {self.pieces} is wrong")
            del self._held[: self.size]
            self.pieces += 1
        if self.is_whole and self._held:
            raise WrongBytes("bytes behind the last piece")
