"""Where replies to a label go: to an address that has proved that it hears them.

A probe that is good comes from whoever made it, or from somebody who saw it and forged where it came from. So a new
address is sent a word, and counts once that has come back from it; until then the old one stays.
"""

from typing import Generic, TypeVar

from relay.wire import datagrams
from relay.wire.datagrams import HEAD_SIZE

PATIENCE = 10.0
"""Seconds for which a challenge may be answered."""

Address = TypeVar("Address")


class Latch(Generic[Address]):
    """The latched address, and the one that is being asked. Compared for equality only."""

    __slots__ = ("_asked", "_until", "_word", "address")

    def __init__(self) -> None:
        self.address: Address | None = None
        self._asked: Address | None = None
        self._word = b""
        self._until = 0.0

    def ask(self, address: Address, head: bytes, word: bytes, now: float) -> bytes | None:
        """A good probe with *head* (label and number) came from *address*: the challenge to send there, if it is not
        the latched one. *word* is random; while the same address is asked, the first one stays."""
        if address == self.address:
            return None
        if address != self._asked or now > self._until:
            self._asked, self._word = address, word
        self._until = now + PATIENCE
        return datagrams.challenge(head, self._word)

    def confirm(self, data: bytes | memoryview, address: Address, now: float) -> bool:
        """Whether *data*, which came from *address*, is what it was asked for: then it is the latched one now."""
        if address != self._asked or now > self._until or bytes(data[HEAD_SIZE:]) != self._word:
            return False
        self.address, self._asked = address, None
        return True
