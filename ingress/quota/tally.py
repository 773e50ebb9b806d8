"""What was counted of one quota in the running period.

What must stay true: a period is begun once. A clock that is set back finds the one that runs, and what is counted
meanwhile counts in it; one that jumps over the end begins the next one.
"""

import attrs

from ingress.quota.period import Period, period_at
from ingress.quota.rates import Rates
from relay.model.quota import Counts, Quota

NEAR = 0.9
"""Share of it from which on it is to be spared."""


@attrs.frozen
class Kept:
    """What stands in the state file of one quota."""

    period: str
    """As `Quota.period` said it then."""
    start: float
    end: float
    up: int
    down: int


class Tally:
    """Bytes *up* and *down* in `running`. *part* is the share of the quota that is ours."""

    def __init__(self, quota: Quota, wall: float, part: float = 1.0) -> None:
        self.quota = quota
        self.part = part
        self.up = self.down = 0
        self.running: Period = period_at(quota, wall)
        self.rates = Rates() if quota.counts is Counts.P95 else None
        self._wall = wall

    def add(self, up: int, down: int, wall: float) -> None:
        """So much was moved, up to *wall* (seconds since 1970)."""
        self.look(wall)
        self.up += up
        self.down += down
        if self.rates is not None:
            self.rates.add(up, down, max(wall, self.running.start))

    def look(self, wall: float) -> bool:
        """Whether another period has begun."""
        self._wall = wall
        if wall < self.running.end:
            return False
        self._begin(wall)
        return True

    def _begin(self, wall: float) -> None:
        self.running = period_at(self.quota, wall)
        self.up = self.down = 0
        if self.rates is not None:
            self.rates.begin()

    def change(self, quota: Quota, wall: float, part: float = 1.0) -> None:
        """Go by another *quota* from now on. What was counted stays, unless its period is over: nobody gets a quota
        twice by writing another day."""
        self.look(wall)
        if quota.period != self.quota.period:
            self.running = period_at(quota, wall)
        if (quota.counts is Counts.P95) != (self.rates is not None):
            self.rates = Rates() if quota.counts is Counts.P95 else None
        self.quota, self.part = quota, part

    def set(self, used: float, wall: float) -> None:
        """*used* bytes of the whole quota were used, says whoever sells it, in the period that *wall* is in. Only for
        what is a sum."""
        self._begin(wall)
        ours = round(used * self.part)
        self.up = ours if self.quota.counts in (Counts.UP, Counts.LARGER) else 0
        self.down = ours if self.quota.counts is not Counts.UP else 0

    # ---- over a restart

    def kept(self) -> Kept:
        """What there is to keep of it."""
        return Kept(self.quota.period, self.running.start, self.running.end, self.up, self.down)

    def recall(self, kept: Kept, wall: float) -> None:
        """*kept* was counted before this process began. A period that is over counts no more; one that has not begun,
        by a clock that was set back, goes on."""
        if wall >= kept.end:
            return
        if kept.period == self.quota.period:
            self.running = Period(kept.start, kept.end)
        self.up += kept.up
        self.down += kept.down

    # ---- what is known

    @property
    def used(self) -> float:
        """Bytes, as the seller counts them, or bytes per second if that is the percentile."""
        match self.quota.counts:
            case Counts.UP:
                return self.up
            case Counts.DOWN:
                return self.down
            case Counts.LARGER:
                return max(self.up, self.down)
            case Counts.P95 if self.rates is not None:
                return self.rates.percentile(self.running.start, self._wall)
        return self.up + self.down

    @property
    def amount(self) -> float | None:
        """What may be used here, in the same; None: that is not said."""
        return None if self.quota.amount is None else self.quota.amount * self.part

    @property
    def fraction(self) -> float:
        """The share of it that is used; 0 if none is said."""
        return self.used / self.amount if self.amount else 0.0

    @property
    def is_near(self) -> bool:
        """Whether it is to be spared."""
        return self.fraction >= NEAR

    @property
    def is_used(self) -> bool:
        """Whether nothing of it is left."""
        return self.fraction >= 1.0

    @property
    def is_ahead(self) -> bool:
        """Whether the clock stands before the running period: it was set back, or was wrong when that began."""
        return self._wall < self.running.start

    def __repr__(self) -> str:
        return f"<Tally {self.used:.0f} of {self.amount}, until {self.running.end:.0f}>"
