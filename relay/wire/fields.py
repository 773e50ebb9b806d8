"""Fields of set-up messages: tag 1, length 2, value; in any order, each tag at most once.

A message is read by asking for the tags that it may have. What nobody asked for is not known here: below IGNORABLE
that is an error of its own kind, above it is passed over.
"""

import struct
from collections.abc import Iterable

from relay.wire.codes import Tag
from relay.wire.errors import NotUnderstoodError, ProtocolError, printable

IGNORABLE = 128
"""Tags from here on are passed over by whoever does not know them."""

_HEAD = struct.Struct("!BH")


def join(fields: Iterable[tuple[int, bytes]]) -> bytes:
    """The bytes of *fields*, one behind the other."""
    return b"".join(_HEAD.pack(tag, len(value)) + value for tag, value in fields)


class Fields:
    """The fields of one message; *what* names it in errors. Every method raises ProtocolError."""

    def __init__(self, what: str, data: bytes) -> None:
        self._what = what
        self._values: dict[int, bytes] = {}
        self._asked: set[int] = set()
        position = 0
        while position < len(data):
            if position + _HEAD.size > len(data):
                raise ProtocolError(f"a {what} that ends inside a field")
            tag, size = _HEAD.unpack_from(data, position)
            position += _HEAD.size + size
            if position > len(data) or tag in self._values:
                raise ProtocolError(f"a {what} whose field {tag} is cut short, or stands there twice")
            self._values[tag] = data[position - size : position]

    def exactly(self, tag: Tag, size: int) -> bytes:
        """The value of a field that must be there, *size* bytes long."""
        value = self._ask(tag)
        if value is None or len(value) != size:
            raise ProtocolError(f"a {self._what} without {tag.name.lower()}, or with one of another size than {size}")
        return value

    def maybe(self, tag: Tag, size: int) -> bytes:
        """The value of a field that may be missing: *size* bytes long, or else nothing."""
        return self.exactly(tag, size) if tag in self._values else b""

    def number(self, tag: Tag, size: int, default: int | None = None) -> int:
        """An unsigned integer of *size* bytes; without *default* it must be there."""
        if default is not None and tag not in self._values:
            self._asked.add(tag)
            return default
        return int.from_bytes(self.exactly(tag, size), "big")

    def text(self, tag: Tag) -> str:
        """A text as it may be shown; empty if it is not there."""
        return printable((self._ask(tag) or b"").decode("utf-8", "replace"))

    def _ask(self, tag: Tag) -> bytes | None:
        self._asked.add(tag)
        return self._values.get(tag)

    def finish(self) -> None:
        """All was asked for that the message may have.

        Raises:
            NotUnderstoodError: it has a field besides that may not be ignored.
        """
        for tag in self._values:
            if tag < IGNORABLE and tag not in self._asked:
                raise NotUnderstoodError(f"field {tag} of {self._what} is not understood")
