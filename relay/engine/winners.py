"""Which address of a name answered where those before it kept everybody waiting: it goes first for a while.

Happy Eyeballs alone waits for a dead address anew at every connection. Pure: time is told.
"""

from collections.abc import Sequence

from relay.engine.happy_eyeballs import interleave

WORTH = 0.02
"""Seconds of waiting that make it worth remembering: a family without a route fails at once, and costs nothing."""
KEEP = 600.0
"""Seconds after which the name's own order is tried again: what was dead may be well, and nearer."""
MOST_NAMES = 4096
"""About 1 MiB. The name that was learnt first goes first."""


class Winners:
    """Names and the address of each that won a race from behind."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def order(self, name: str, addresses: Sequence[str], now: float) -> Sequence[str]:
        """*addresses* of *name* as they are to be dialled: the one that won first, or else its family."""
        known = self._known.get(name)
        if known is None or now >= known[1]:
            return addresses
        winner = known[0]
        if winner in addresses:
            return [winner, *(one for one in addresses if one != winner)]
        family = [one for one in addresses if (":" in one) == (":" in winner)]
        return interleave(family, [one for one in addresses if one not in family])

    def won(self, name: str, address: str, waited: float, now: float) -> None:
        """*address* of *name* has connected, *waited* seconds after the first one was tried."""
        if waited < WORTH:
            return
        self._known.pop(name, None)
        if len(self._known) >= MOST_NAMES:
            del self._known[next(iter(self._known))]
        self._known[name] = address, now + KEEP
