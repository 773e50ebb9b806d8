"""Which of a client's requests rides on which stream: bookkeeping of the HTTP door, without a rule of its own.

Requests that are on their way stand in a queue, since answers go back in their order. A *lane* is a stream to an
origin, under the number that the shell knows it by; it serves one request at a time: nothing is pipelined to origins.
"""

from typing import Final

from ingress.doors.exchange import Exchange
from ingress.doors.request import Request
from ingress.doors.target import Target
from relay.model.cause import Cause

MOST_LANES: Final = 6
"""Streams of one client connection at once: as many connections as browsers make to one host. What waits for its turn
is bounded by their windows."""


class Queued:
    """One request, from its head until its answer is on its way to the client."""

    __slots__ = ("cause", "exchange", "kept", "lane", "may_be_stale", "request", "rule", "target", "vouched")

    def __init__(self, request: Request, target: Target, vouched: int = 0) -> None:
        self.request = request
        self.target = target
        self.vouched = vouched
        """How many requests ago the password was asked about that this one repeats."""
        self.lane: Lane | None = None
        """Open or asked for; None once it is gone."""
        self.exchange: Exchange | None = None
        """None until the stream is there."""
        self.may_be_stale = False
        """The stream has served before, and its origin may have closed it since."""
        self.kept: list[bytes] = []
        """What came of the answer before its turn."""
        self.cause: Cause | None = None
        """Why there will be no whole answer."""
        self.rule = ""
        """The rule that wanted it so, for people."""

    def __repr__(self) -> str:
        return f"<Queued {self.request!r} on {self.lane!r}, {sum(map(len, self.kept))} bytes kept>"

    @property
    def may_be_followed(self) -> bool:
        """Whether the next request may go out beside this one: both change nothing (RFC 9112 section 9.3.2), and it is
        certain where the next one begins."""
        request = self.request
        return request.is_repeatable and request.keeps_connection and not request.upgrade


class Lane:
    """A stream that is open or asked for."""

    __slots__ = ("has_fin", "leads_to", "lost", "number", "serves")

    def __init__(self, number: int, queued: Queued) -> None:
        self.number = number
        self.leads_to = queued.target.host, queued.target.port
        self.serves: Queued | None = queued
        """The request that it serves; None while it is idle."""
        self.has_fin = False
        self.lost: Cause | None = None
        """How it ended, if that is to count behind what has still to be read."""

    @property
    def is_behind(self) -> bool:
        """Whether some of what came has still to be read."""
        return self.serves is not None and self.serves.exchange is not None and self.serves.exchange.is_behind

    def __repr__(self) -> str:
        return f"<Lane {self.number} {'idle' if self.serves is None else 'busy'}>"


class Lanes:
    """Those of one client."""

    __slots__ = ("_by_number", "_next")

    def __init__(self) -> None:
        self._by_number: dict[int, Lane] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._by_number)

    def add(self, queued: Queued) -> Lane:
        """A new one for *queued*; its number was never given before."""
        lane = queued.lane = self._by_number[self._next] = Lane(self._next, queued)
        self._next += 1
        return lane

    def get(self, number: int) -> Lane | None:
        """None if it is gone."""
        return self._by_number.get(number)

    def take(self, target: Target, queued: Queued) -> Lane | None:
        """An idle one to the same origin, which serves *queued* from now on; None if there is none."""
        for lane in self._by_number.values():
            if lane.serves is None and lane.leads_to == (target.host, target.port):
                lane.serves, queued.lane, queued.may_be_stale = queued, lane, True
                return lane
        return None

    def rest(self, lane: Lane, queued: Queued) -> None:
        """It has served *queued*, and is idle."""
        queued.lane = lane.serves = None
        self._by_number[lane.number] = self._by_number.pop(lane.number)

    def behind(self) -> Lane | None:
        """One of which something has still to be read, be it its end; None if there is none."""
        for lane in self._by_number.values():
            if lane.is_behind or lane.has_fin or lane.lost is not None:
                return lane
        return None

    def idle(self) -> list[Lane]:
        """Those that serve nobody; the one that served last stands last."""
        return [lane for lane in self._by_number.values() if lane.serves is None]

    def forget(self, lane: Lane) -> None:
        """It is gone, or will be."""
        self._by_number.pop(lane.number, None)
        if lane.serves is not None:
            lane.serves.lane = None

    def clear(self) -> None:
        """All are gone."""
        self._by_number.clear()
