"""All associations of an exit: how many there may be, and what they have dropped."""

from collections.abc import Callable

import attrs

from relay.engine import Loop
from relay.exit.association import Association, AssociationCounts
from relay.exit.datagram_session import DatagramSession
from relay.exit.datagram_targets import DatagramTargets
from relay.exit.targets import Targets
from relay.model.cause import Cause
from relay.model.network import UdpFilter

MOST_ASSOCIATIONS = 4096
"""At once, of all ingresses; each has one or two descriptors."""
USED = 3.0
"""Seconds since its last datagram for which an exit that is to stop waits for an association."""


@attrs.frozen
class AssociationsStatistics:
    """Since the start, but for `count`."""

    count: int
    evicted: int
    """That made room for others."""
    refused: int
    unasked: int
    unsent: int
    """As in AssociationCounts."""


class Associations:
    """Of a node that is an exit and reaches its targets by itself."""

    def __init__(self, loop: Loop, targets: Targets, udp_filter: UdpFilter) -> None:
        self.finder = DatagramTargets(targets)
        self._loop = loop
        self._filter = udp_filter
        self._counts = AssociationCounts()
        self._sessions: list[DatagramSession] = []
        self._evicted = 0

    def statistics(self) -> AssociationsStatistics:
        """What there is, and was."""
        counts = self._counts
        unsent = counts.unsent + sum(session.unsent for session in self._sessions)
        return AssociationsStatistics(self.count, self._evicted, counts.refused, counts.unasked, unsent)

    @property
    def count(self) -> int:
        """How many live."""
        return sum(map(len, self._sessions))

    def session(self, tell: Callable[[bytes], None]) -> DatagramSession:
        """The datagrams of a new session, whose ingress hears by *tell*; to be given back to `end`."""
        session = DatagramSession(self._loop, self._begin, tell)
        self._sessions.append(session)
        return session

    def are_used(self) -> bool:
        """Whether datagrams come and go, or did a moment ago."""
        return any(session.are_used(self._loop.now - USED) for session in self._sessions)

    def end(self, session: DatagramSession) -> None:
        """*session* is over; harmless when repeated."""
        session.close()
        if session in self._sessions:
            self._sessions.remove(session)

    def _begin(self, session: DatagramSession, number: int) -> Association:
        """A new one; the session that has most gives up the one that was idle for longest, if there are too many."""
        if self.count >= MOST_ASSOCIATIONS:
            largest = max(self._sessions, key=len)
            largest.give_up(largest.oldest(), Cause.LIMIT)
            self._evicted += 1
        return Association(number, self.finder, self._filter, self._counts, session)
