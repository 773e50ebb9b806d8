"""A carrier in memory, between the two ends of a session that live in one process."""

from relay.engine import Loop
from relay.session.acceptor import Acceptor
from relay.session.carrier import CarrierEnd
from relay.session.initiator import Initiator
from relay.wire.codes import OUR_FEATURES

PING_EVERY = 1.0
"""Seconds after which what was said last about streams is confirmed; until then it is kept."""
PULLS = 4
"""Pulls of each end in one turn of the loop: others wait no longer than for a carrier of the network."""


class Wire:
    """Joins *near* and *far*, for as long as the process lives. It never loses a byte."""

    def __init__(self, loop: Loop, near: Initiator, far: Acceptor) -> None:
        self._loop = loop
        self._is_due = False
        self._pings = 0
        self._is_asked = False
        """A ping is under way, or will be."""
        self.near = near.add_carrier("direct", False, self._soon, self, loop.now)
        self.far = far.add_carrier("direct", False, self._soon, self, loop.now)
        near.go_by(OUR_FEATURES)
        far.go_by(OUR_FEATURES)
        self._unread = [False, False]
        """Whether the near and the far end were given bytes that they have not looked at yet."""

    def _soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._carry)

    def _carry(self) -> None:
        """Take from each end what it has, and give it to the other; again in the next turn if there is more."""
        self._is_due = False
        now, is_more = self._loop.now, False
        for _ in range(PULLS):
            is_more = self._pass(self.near, self.far, 1, now) | self._pass(self.far, self.near, 0, now)
            if not is_more:
                break
        if is_more:
            self._soon()
        if len(self.near.unconfirmed) and not self._is_asked:
            self._is_asked = True
            self._loop.call_at(now + PING_EVERY, self._ping)

    def _pass(self, source: CarrierEnd, sink: CarrierEnd, at: int, now: float) -> bool:
        """Whether anything went from *source* to *sink*; what *sink* has not read yet goes first."""
        data = b"" if self._unread[at] else source.data_to_send(now)
        if not data and not self._unread[at]:
            return False
        self._unread[at] = sink.receive(memoryview(data), now)
        return True

    def _ping(self) -> None:
        self._pings += 1
        self.near.ping(self._pings)

    # ---- as the owner of both ends

    def on_pong(self, name: int) -> None:
        """What was said before it has arrived."""
        self._is_asked = False
        if len(self.near.unconfirmed):
            self._soon()

    def on_notice(self, kind: int, body: bytes) -> None:
        """Nobody here says any."""
