"""What comes in and goes out over each line of a node, in bytes, and how well what it sends arrives.

Counted from what carriers and the kernel count themselves, when they end or when somebody asks: nothing is done for any
byte. Only lines that the node's file has had are counted: by which line a connection came, nobody but the ingress says.
"""

from collections.abc import Iterable

import attrs

from relay.model.network import Network
from relay.model.sent import NOTHING_SENT, Sent


@attrs.frozen
class Carried:
    """One carrier on one line."""

    line: str
    bytes_in: int
    """That came to this node."""
    bytes_out: int
    sent: Sent = NOTHING_SENT
    """By its connection on that line."""


@attrs.frozen
class LineUse:
    """What one line carries, and has carried."""

    carriers: int = 0
    """That are up."""
    bytes_in: int = 0
    bytes_out: int = 0
    sent: Sent = NOTHING_SENT

    def plus(self, one: Carried, carriers: int) -> "LineUse":
        """With *one* more, of which *carriers* are up."""
        return LineUse(
            self.carriers + carriers,
            self.bytes_in + one.bytes_in,
            self.bytes_out + one.bytes_out,
            self.sent.plus(one.sent),
        )


class LineUses:
    """All lines that touch one node."""

    def __init__(self) -> None:
        self._past: dict[str, LineUse] = {}

    def know(self, network: Network, node: str) -> None:
        """Count the lines of *network* at *node* from now on; what others have carried is kept."""
        for name, line in network.lines.items():
            if line.touches(node):
                self._past.setdefault(name, LineUse())

    def ended(self, one: Carried) -> None:
        """A carrier is gone, after all that *one* says."""
        if one.line in self._past:
            self._past[one.line] = self._past[one.line].plus(one, 0)

    def with_live(self, live: Iterable[Carried]) -> dict[str, LineUse]:
        """By line: what has ended, and what is *live*."""
        found = dict(self._past)
        for one in live:
            if one.line in found:
                found[one.line] = found[one.line].plus(one, 1)
        return found
