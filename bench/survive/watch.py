"""What a client sees of its streams, and the pauses in it. Pure: times are arguments, in seconds on one clock."""

import statistics
from bisect import bisect_left
from dataclasses import dataclass, field

REACH = 1.0
"""Seconds before a fault in which an echo may have been sent that it still meets: more than any round trip here."""
HUNG = 5.0
"""Seconds without an answer after which a request counts as failed even if it might still get one."""


@dataclass
class Arrivals:
    """When bytes of a steady transfer came."""

    at: list[float] = field(default_factory=list)

    def worst_gap(self, since: float, until: float) -> float:
        """The longest time without a byte that ended after *since* or had not ended at *until*."""
        first = max(0, bisect_left(self.at, since) - 1)
        times = [one for one in self.at[first:] if one < until] or [since]
        return max((later - one for one, later in zip(times, [*times[1:], until], strict=True)))


@dataclass
class Echoes:
    """Small messages sent at a steady pace, and when each came back; they come back in order or not at all."""

    sent: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    def came_back(self, now: float) -> None:
        """The oldest that is still out came back."""
        self.took.append(now - self.sent[len(self.took)])

    def normal(self, since: float, until: float) -> float:
        """The median round trip of those sent in that time; 0.0 if none came back."""
        found = [took for sent, took in zip(self.sent, self.took, strict=False) if since <= sent < until]
        return statistics.median(found) if found else 0.0

    def worst(self, since: float, until: float) -> float:
        """The longest round trip of those that a fault at *since* can have met; one still out has lasted to *until*."""
        took = [*self.took, *(until - sent for sent in self.sent[len(self.took) :])]
        return max((t for sent, t in zip(self.sent, took, strict=True) if since - REACH <= sent < until), default=0.0)

    def settled(self, since: float, limit: float) -> float | None:
        """How long after *since* the last message was sent that took more than *limit*; None if none did."""
        slow = [sent for sent, took in zip(self.sent, self.took, strict=False) if sent >= since and took > limit]
        return slow[-1] - since if slow else None


@dataclass
class Requests:
    """Connections started at a steady pace, each with one exchange."""

    done: list[tuple[float, float, str | None]] = field(default_factory=list)
    """When it was started, how long it took, and why it failed if it did."""
    waiting: set[float] = field(default_factory=set)
    """When those were started that have no answer yet."""

    def of(self, since: float, until: float) -> "Requests":
        """Those started in that time; who has waited for HUNG at its end has failed."""
        hung = [(began, until - began, "no answer") for began in sorted(self.waiting) if until - began >= HUNG]
        return Requests([one for one in (*self.done, *hung) if since <= one[0] < until])

    @property
    def failed(self) -> int:
        """How many did not get their answer."""
        return sum(why is not None for _, _, why in self.done)

    @property
    def longest(self) -> float:
        """The longest of all, failed ones too."""
        return max((took for _, took, _ in self.done), default=0.0)

    def good_again(self, since: float) -> float | None:
        """Seconds from *since* to the first answer of a request started behind the last failed one; or None."""
        if not self.failed:
            return None
        last = max(began for began, _, why in self.done if why is not None)
        good = [began + took - since for began, took, why in self.done if why is None and began > last]
        return min(good, default=None)
