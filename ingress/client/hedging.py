"""Streams whose OPEN was not acknowledged yet: a slow one is said again over another path, under the same id.

The exit opens an id once, whatever it hears twice. Hedging what is merely slow has a budget, so that a slow night does
not double the traffic; what rides on a path that stalls is rescued anyway and does not count.
"""

from collections import deque
from typing import Protocol

from ingress.choice.choice import Choice
from ingress.choice.chooser import Chooser
from relay import log
from relay.session.initiator import InitiatorStream

BUDGET = 0.05
"""Share of openings that may be hedged."""
BURST = 5.0
"""Hedges in hand at the start, and at most."""


class Hedges(Protocol):
    """Whoever puts streams on paths."""

    def hedge(self, stream: InitiatorStream, choice: Choice) -> bool:
        """Say OPEN of *stream* again over the path of *choice*; False if that cannot carry it now."""

    def open_patience(self, stream: InitiatorStream) -> float:
        """Seconds that the acknowledgement of its OPEN may take."""


class Hedging:
    """The last openings, oldest first."""

    def __init__(self, chooser: Chooser, hedges: Hedges) -> None:
        self._chooser = chooser
        self._hedges = hedges
        self._waiting: deque[tuple[Choice, InitiatorStream, float]] = deque()
        self._budget = BURST

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, choice: Choice, stream: InitiatorStream, now: float) -> None:
        """OPEN is about to leave, as *choice* says. The oldest that need no hedge any more are let go of, so that short
        streams leave their memory to the next while it is warm."""
        self._budget = min(self._budget + BUDGET, BURST)
        waiting = self._waiting
        while waiting and (waiting[0][1].is_acknowledged or waiting[0][1].is_over):
            waiting.popleft()
        waiting.append((choice, stream, now))

    def look(self, now: float) -> None:
        """Hedge what is overdue; forget what is acknowledged or over. Called every round."""
        waiting, self._waiting = self._waiting, deque()
        for one in waiting:
            stream = one[1]
            if not stream.is_over and not stream.is_acknowledged and not self._is_hedged(*one, now):
                self._waiting.append(one)

    def _is_hedged(self, choice: Choice, stream: InitiatorStream, since: float, now: float) -> bool:
        return now - since > self._hedges.open_patience(stream) and self._hedge(choice, stream)

    def _hedge(self, choice: Choice, stream: InitiatorStream) -> bool:
        """Say OPEN again elsewhere; whether it was done."""
        if self._budget < 1:
            return False
        for other in self._chooser.elsewhere_to_the_same_exit(choice):
            if self._hedges.hedge(stream, other):
                self._budget -= 1
                log.event("opening-hedged", stream=stream.id, path=choice.paths[0], to=other.paths[0])
                return True
        return False
