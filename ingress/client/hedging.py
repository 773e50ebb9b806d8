"""Streams whose OPEN was not acknowledged yet: a slow one is said again over another path, under the same id.

The exit opens an id once, whatever it hears twice. Hedging what is merely slow has a budget, so that a slow night does
not double the traffic; what rides on a path that stalls is rescued anyway and does not count.
"""

from collections import deque
from typing import TYPE_CHECKING

from ingress.client.client_stream import Opening
from ingress.measure.pings import stall_after
from relay import log
from relay.session.initiator import InitiatorStream

if TYPE_CHECKING:
    from ingress.paths.fleet import Fleet

BUDGET = 0.05
"""Share of openings that may be hedged."""
BURST = 5.0
"""Hedges in hand at the start, and at most."""


class Openings:
    """The last openings, oldest first."""

    def __init__(self, fleet: "Fleet") -> None:
        self._fleet = fleet
        self._line: deque[tuple[Opening, InitiatorStream, float]] = deque()
        self._budget = BURST

    def add(self, opening: Opening, stream: InitiatorStream) -> None:
        """OPEN is about to leave."""
        self._budget = min(self._budget + BUDGET, BURST)
        self._line.append((opening, stream, self._fleet.loop.now))

    def look(self, now: float) -> None:
        """Hedge what is overdue; forget what is acknowledged or over. Called every round."""
        for _ in range(len(self._line)):
            opening, stream, since = self._line.popleft()
            if stream.is_acknowledged or stream.session.streams.get(stream.id) is not stream:
                continue
            if now - since > self._patience(stream) and self._hedge(opening, stream):
                continue
            self._line.append((opening, stream, since))

    def _patience(self, stream: InitiatorStream) -> float:
        """Seconds that the acknowledgement may take: a round trip, and what pings may be late by."""
        carrier = stream.legs[0].carrier if stream.legs else None
        way = self._fleet.ways.get(carrier.name) if carrier is not None else None
        if way is None:
            return 0.0
        return stall_after(way.gauge.meter.srtt, way.gauge.meter.live_deviation, 0.0)

    def _hedge(self, opening: Opening, stream: InitiatorStream) -> bool:
        """Say OPEN again elsewhere; whether it was done."""
        if opening.choice is None or self._budget < 1:
            return False
        for choice in self._fleet.chooser.alternatives(opening.choice):
            way = self._fleet.ways.get(choice.paths[0])
            if choice.exit != opening.choice.exit or way is None or way.thin is None or not way.is_usable:
                continue
            self._budget -= 1
            way.peer.session.attach([stream], (way.thin.end,), self._fleet.loop.now, planned=False)
            log.event("opening-hedged", stream=stream.id, path=opening.choice.paths[0], to=choice.paths[0])
            return True
        return False
