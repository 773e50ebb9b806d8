"""What one path's carriers and labels have carried over the whole of its life, as the kernel and the wire count it."""

from collections.abc import Iterable

from relay.carrier.link import Link
from relay.datagram.carried import DatagramsCarried
from relay.model.moved import NOTHING_MOVED, Moved
from relay.model.sent import NOTHING_SENT, Sent


class PathCarried:
    """Told of every carrier that is gone; those that are up are handed in."""

    __slots__ = ("_moved", "_pings", "_sent", "datagrams")

    def __init__(self) -> None:
        self.datagrams = DatagramsCarried()
        """Over all the labels it ever had."""
        self._sent, self._moved, self._pings = NOTHING_SENT, NOTHING_MOVED, 0

    def gone(self, link: Link) -> None:
        """*link* is closed, and counts here from now on."""
        self._sent = self._sent.plus(link.tls.sent())
        self._moved = self._moved.plus(link.tls.moved())
        self._pings += link.pings

    def sent(self, links: Iterable[Link]) -> Sent:
        """What TCP knows of what was sent to the first node, *links* being up."""
        whole = self._sent
        for link in links:
            whole = whole.plus(link.tls.sent())
        return whole

    def moved(self, links: Iterable[Link]) -> Moved:
        """What TCP knows of all that went to and from the first node."""
        whole = self._moved
        for link in links:
            whole = whole.plus(link.tls.moved())
        return whole

    def pings(self, links: Iterable[Link]) -> int:
        """How many were asked."""
        return self._pings + sum(link.pings for link in links)
