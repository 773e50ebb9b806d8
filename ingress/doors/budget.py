"""How much all doors together may read before everybody else has his turn.

A read of 64 KiB may hold one page, or eleven thousand chunks of a byte: what bytes cost to read depends on who wrote
them. So doors count what they do and stop when nothing is left; what they have not read stays with them, and they say
so (`Gateway.is_behind`).
"""

from typing import Final

TURN: Final = 2000
"""Steps of all doors in one turn of the loop: 2 to 4 ms. At a tenth of it a body of tiny chunks costs half as much
again; at ten times as much everybody feels it."""
REQUEST: Final = 300
"""Steps of a request: to judge it, and all that the shell does to open its stream."""
ANSWER: Final = 40
"""Steps of an answer's head, an interim one too."""
LINE: Final = 6
"""Steps of a line in either."""
SOME_BYTES: Final = 16
"""Bytes of either that take a step: h11 looks at each of a request three times."""


class Budget:
    """What is left of a turn. A step is what a whole chunk of one byte takes, about a microsecond."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = TURN
        """Steps; at 0 or below, nothing more is read. The last thing that was read may have cost more than was left."""

    def renew(self) -> None:
        """A turn begins."""
        self.left = TURN

    def charge_head(self, steps: int, head: bytes) -> None:
        """A head was read that costs *steps* beside its lines and bytes."""
        self.left -= steps + LINE * head.count(b"\n") + len(head) // SOME_BYTES
