"""Streams that an exit knows and has not connected: those that take too long are taken back from it, for another exit.

What is too long, `ingress/choice/overdue.py` says. Each exit has a stream once; the last one keeps it for its full
time. That an exit was asked is no failure yet: what it answers is (`Outcomes.refused`).
"""

from collections import deque
from collections.abc import Callable

from ingress.choice.choice import Basis
from ingress.choice.chooser import Chooser
from ingress.choice.entry import Tier
from ingress.choice.overdue import Usual, Waiting, overdue
from ingress.client.client_stream import ClientStream
from relay import log
from relay.session.initiator import InitiatorStream

LAG = 0.5
"""Seconds between two looks, from which on nothing that is overdue is an exit's fault: this process stood still."""

HasOther = Callable[[ClientStream], bool]
Opened = tuple[ClientStream, InitiatorStream, float]
"""A stream as it was opened, and since when its exit has had it to connect."""


class Withdrawing:
    """*has_other(stream)* tells whether a well exit is left that may have it."""

    def __init__(self, chooser: Chooser, has_other: HasOther) -> None:
        self._chooser = chooser
        self._has_other = has_other
        self._opened: deque[Opened] = deque()
        self._newest: dict[str, tuple[float, float]] = {}
        """By exit, since the last look: how long the newest that was connected took, and when it was opened."""
        self._usual = Usual()
        self._connected: dict[str, float] = {}
        """By exit, when the newest of its streams that were connected was opened."""
        self._looked = float("inf")
        """When it was looked last; beyond all times before the first."""

    def add(self, stream: ClientStream, opened: InitiatorStream, now: float) -> None:
        """*stream* was opened as *opened*."""
        waiting = self._opened
        while waiting and self._is_settled(waiting[0]):  # as in `Hedging`
            waiting.popleft()
        waiting.append((stream, opened, now))

    def _is_settled(self, opened: Opened) -> bool:
        """Whether it is connected, which is noted, or over: then there is nothing to withdraw."""
        stream, one, since = opened
        if one.is_connected:
            if stream.choice is not None:
                self._newest[stream.choice.exit] = one.took, since
            return True
        return stream.stream is not one or one.is_over

    def look(self, now: float) -> None:
        """Withdraw what is overdue; forget what is connected or over. Called every round."""
        lag = now - self._looked if now - self._looked > LAG else 0.0
        self._looked = now
        opened, self._opened = self._opened, deque()
        for each in opened:
            if not self._is_settled(each):
                stream, one, since = each
                self._opened.append((stream, one, since + lag if self._is_heard(one) else now))
        newest, self._newest = self._newest, {}
        for name, (took, since) in newest.items():
            self._usual.add(name, took)
            self._connected[name] = max(since, self._connected.get(name, since))
        if self._opened:
            self._withdraw(now)

    def _is_heard(self, one: InitiatorStream) -> bool:
        """Whether the exit knows it, and could say that it is connected: its path does not stand still."""
        by_name = self._chooser.ranking.by_name
        ways = [by_name.get(leg.carrier.name) for leg in one.legs]
        return one.is_acknowledged and any(way is None or way.tier < Tier.STALLED for way in ways)

    def _withdraw(self, now: float) -> None:
        waiting = [self._waiting(stream, since) for stream, _, since in self._opened]
        late = overdue(waiting, self._connected, self._chooser.health.failing(), now)
        for stream, one, _ in [self._opened[at] for at in late]:
            if stream.may_be_withdrawn and self._has_other(stream):
                log.event("stream-withdrawn", level="debug", stream=one.id)
                one.withdraw()

    def _waiting(self, stream: ClientStream, since: float) -> Waiting:
        choice = stream.choice
        assert choice is not None
        share = self._chooser.usual_connect(choice.demand, choice.exit)
        share = self._usual.of(choice.exit) if share is None else share
        is_tied = choice.basis in (Basis.KEPT, Basis.FOLLOWED)
        return Waiting(choice.exit, since, choice.entry.figures.round_trip + share, is_tied)
