"""What is known of datagrams on one path: round trip, jitter, loss each way, and whether one end hears the other.

Frozen values: each method gives the next one. Heartbeats bring all figures; datagrams of clients are counted by the
numbers they carry, so their loss is known too. Silence is judged by what was asked for: while nothing is to be said,
nothing is missed.
"""

import math

import attrs

LEAST_SILENCE = 0.06
"""Seconds without a word before a path can be suspect: two scheduler's hiccups, and less than one frame of a game is
lost by it."""
SILENT_INTERVALS = 2.5
"""Intervals: two words in a row were lost, or all of them are."""
SILENT_JITTERS = 4.0
TRIP_GAIN = 1 / 8
JITTER_GAIN = 1 / 16
"""Weight of a new sample (RFC 6298 section 2.3, RFC 3550 section 6.4.1)."""
FORGETS = 20.0
"""Seconds in which losses come to count for a third."""
RECENT = 3
RECENT_SECONDS = 60.0
"""So many losses within so many seconds are a habit, and no accident."""
TICK = 0.0005
"""Seconds behind a deadline at which it has surely passed."""
JITTERS_IN_COST = 4.0
LOSS_IN_COST = 2.0
"""Seconds that a path is dearer if all is lost: 20 ms for each per cent."""


@attrs.frozen
class Loss:
    """One direction of a path."""

    expected: int = 0
    received: int = 0
    """Totals as they were told last: sent until then, after the numbers that came; and arrived."""
    seen: float = 0.0
    missed: float = 0.0
    """The same of late: what is older counts less."""
    at: float = 0.0
    recent: tuple[float, ...] = ()
    """When the last losses were noticed, RECENT at most."""

    @property
    def share(self) -> float:
        """Of late, from 0 to 1."""
        return self.missed / self.seen if self.seen > 0 else 0.0

    def told(self, expected: int, received: int, now: float) -> "Loss":
        """The totals are so by now. What comes late after all makes good for what was missed."""
        new, lost = expected - self.expected, (expected - self.expected) - (received - self.received)
        keep = math.exp((self.at - now) / FORGETS)
        recent = (*self.recent, *(now,) * min(max(lost, 0), RECENT))[-RECENT:]
        recent = recent[: len(recent) + min(lost, 0)] if lost < 0 else recent
        seen, missed = self.seen * keep + max(new, 0), max(self.missed * keep + lost, 0.0)
        return Loss(expected, received, seen, min(missed, seen), now, recent)

    def is_habit(self, now: float) -> bool:
        """Whether losses repeat."""
        return len(self.recent) == RECENT and now - self.recent[0] <= RECENT_SECONDS

    def is_calm(self, now: float) -> bool:
        """Whether nothing was lost for a while."""
        return not self.recent or now - self.recent[-1] > RECENT_SECONDS


@attrs.frozen
class Gauge:
    """One path, as its ingress knows it."""

    interval: float = 0.0
    """Seconds between two words that are said on it; 0: none are."""
    since: float = 0.0
    """From when on silence counts: nobody is late before it can have answered."""
    trip: float | None = None
    jitter: float = 0.0
    up: Loss = Loss()
    down: Loss = Loss()
    deaf_since: float | None = None
    deaf_at: float = 0.0
    """When the exit began to say that it does not hear us here, and said it last."""
    last_trip: float = 0.0

    @property
    def is_measured(self) -> bool:
        """Whether it was ever answered."""
        return self.trip is not None

    @property
    def loss(self) -> float:
        """Share that a round trip loses of late."""
        return 1 - (1 - self.up.share) * (1 - self.down.share)

    @property
    def cost(self) -> float:
        """Seconds; what datagrams are chosen by. Only where it `is_measured`."""
        return (self.trip or 0.0) + JITTERS_IN_COST * self.jitter + LOSS_IN_COST * self.loss

    @property
    def patience(self) -> float:
        """Seconds of silence that are nothing special."""
        return max(SILENT_INTERVALS * self.interval, LEAST_SILENCE, self.interval + SILENT_JITTERS * self.jitter)

    def paced(self, interval: float, guess: float, now: float) -> "Gauge":
        """From now on something is said every *interval* seconds, and answered; 0: nothing. *guess* is what the round
        trip may be while it is not measured."""
        if interval == self.interval:
            return self
        return attrs.evolve(self, interval=interval, since=now + (guess if self.trip is None else self.trip))

    def excused(self, now: float) -> "Gauge":
        """This process was held up until now: what was not heard meanwhile is nobody's fault."""
        return attrs.evolve(self, since=max(self.since, now), deaf_since=None)

    def answered(self, trip: float, now: float) -> "Gauge":
        """A word was answered after *trip* seconds, those that the exit has held it not counted."""
        if self.trip is None:
            return attrs.evolve(self, trip=trip, last_trip=trip, deaf_since=None)
        jitter = self.jitter + JITTER_GAIN * (abs(trip - self.last_trip) - self.jitter)
        smoothed = self.trip + TRIP_GAIN * (trip - self.trip)
        return attrs.evolve(self, trip=smoothed, jitter=jitter, last_trip=trip, deaf_since=None)

    def counted(self, up: tuple[int, int], down: tuple[int, int], now: float) -> "Gauge":
        """Totals, expected and received, of either direction."""
        return attrs.evolve(self, up=self.up.told(*up, now), down=self.down.told(*down, now))

    def recounted(self) -> "Gauge":
        """What was lost until now was meant to be."""
        up, down = (attrs.evolve(one, missed=0.0, recent=()) for one in (self.up, self.down))
        return attrs.evolve(self, up=up, down=down)

    def told_deaf(self, now: float) -> "Gauge":
        """The exit says that it does not hear us on this path."""
        return attrs.evolve(self, deaf_since=now if self.deaf_since is None else self.deaf_since, deaf_at=now)

    # ---- what follows from it

    def is_suspect(self, heard_at: float, now: float) -> bool:
        """Whether one end does not hear the other any more, as it looks; *heard_at* is when we last did."""
        return self._silence(heard_at, now) > self.patience or self._is_deaf(now)

    def silent_at(self, heard_at: float) -> float:
        """When silence alone will make it suspect, if nothing more is heard after *heard_at*."""
        return max(heard_at, self.since) + self.patience + TICK

    def is_lost(self, heard_at: float, now: float) -> bool:
        """Whether it has looked so for a further round trip."""
        trip = self.trip or 0.0
        if self.deaf_since is not None and self._is_deaf(now) and now - self.deaf_since > trip:
            return True
        return self._silence(heard_at, now) > self.patience + trip

    def loses(self, now: float) -> bool:
        """Whether it loses datagrams again and again."""
        return self.up.is_habit(now) or self.down.is_habit(now)

    def is_calm(self, now: float) -> bool:
        """Whether it has lost nothing for a while."""
        return self.up.is_calm(now) and self.down.is_calm(now)

    def _silence(self, heard_at: float, now: float) -> float:
        return now - max(heard_at, self.since) if self.interval else 0.0

    def _is_deaf(self, now: float) -> bool:
        return self.deaf_since is not None and now - self.deaf_at <= self.patience
