"""One path or prefix under measurement: its pings, its health, and when to do what next.

The shell drives it: it tells what happened to the carrier, asks `deadline()` for the one timer it has to
arm, and calls `tick` when that fires; `tick` says what is due. A monitor outlives its carriers.
"""

import enum

from ingress.measure.faults import SetupFault
from ingress.measure.health import Health, PathState
from ingress.measure.pings import SILENCE, Pings, death_deadline, stall_deadline
from ingress.measure.schedule import NEAR, shortened
from ingress.messages.message import Message
from relay.model.walk import Path

HURRY = 0.1
HURRY_FOR = 2.0
"""Seconds between pings, and for how long, after one that was late on a path that is asked often: one is an accident,
and whether more follow has to be known soon."""
EXTRA_GAP = 0.1
"""Seconds between a ping and an extra one at least: doubt about one path must not flood the others."""


class Due(enum.Enum):
    """What `tick` found; the values are names for the log."""

    PING = "ping-due"
    """Send a PING on the carrier, with the number that `ping` gives."""
    LATE = "ping-late"
    """An answer is late: ask the other paths at once, so that proof is there if this one stalls."""
    STALLED = "path-stalled"
    RECOVERED = "path-recovered"
    """It answers again after a stall."""
    RELEASED = "path-up"
    DEAD = "path-dead"
    """Silent for too long; the monitor is down already: close the carrier and dial anew."""


class PathMonitor:
    """What the shell drives for one path or prefix; `path` is either."""

    __slots__ = (
        "_hurry_until",
        "_last_ping",
        "_news",
        "_next_ping",
        "_number",
        "bulk_byte",
        "health",
        "interval",
        "last_byte",
        "path",
        "pings",
    )

    def __init__(self, path: Path, now: float) -> None:
        self.path = path
        self.pings = Pings()
        self.health = Health(now)
        self.interval = NEAR
        """Seconds between pings; the schedule sets it (see `every`)."""
        self.last_byte = now
        self.bulk_byte = float("-inf")
        self._number = 0
        self._hurry_until = float("-inf")
        self._last_ping = float("-inf")
        self._next_ping = now
        self._news: list[Due] = []

    @property
    def is_connected(self) -> bool:
        """Whether there is a carrier, as far as it was told."""
        return self.health.state is not PathState.DOWN

    # what happened to the carrier

    def connected(self, now: float) -> None:
        """HELLO was answered on a new carrier; the first ping is due at once."""
        self.health.connected(now)
        self.last_byte = self._next_ping = now

    def failed(self, fault: SetupFault, now: float) -> None:
        """No carrier could be set up; its text is shown."""
        self.health.failed(fault, now)

    def lost(self, why: str, now: float) -> None:
        """The carrier ended (RST, FIN, closed by us). Not to be called after Due.DEAD."""
        self.health.lost(why, now)
        self.pings.abandoned()
        self._news.clear()

    def retired(self, why: str, now: float) -> None:
        """We closed a healthy carrier ourselves (its node drains, a new certificate): no trial for the next one."""
        self.health.retired(why, now)
        self.pings.abandoned()
        self._news.clear()

    def heard(self, now: float) -> None:
        """Bytes of any kind were read at *now*; enough to tell before `tick`, from the carrier's last read."""
        self.last_byte = max(self.last_byte, now)

    def heard_bulk(self, now: float) -> None:
        """Bytes came over a bulk carrier of the same path: it is our own queue that holds the pings up."""
        self.bulk_byte = max(self.bulk_byte, now)

    def carried(self, came: int, went: int, now: float) -> None:
        """As `Pings.carried`; before `tick` and before `answered`."""
        self.pings.carried(came, went, now)

    # pings

    def ping(self, now: float, random: float) -> int:
        """A PING leaves now; its number. *random*, from 0 to 1, shortens the wait for the next one."""
        self._number += 1
        self.pings.sent(self._number, now)
        self._last_ping = now
        every = self.interval if now >= self._hurry_until else min(self.interval, HURRY)
        self._next_ping = now + shortened(every, random)
        return self._number

    def answered(self, number: int, now: float) -> float | None:
        """The answer to ping *number*: its round trip in seconds, or None if no such ping waits."""
        trip = self.pings.answered(number, now)
        self.heard(now)
        if trip is None:
            return None
        before = self.health.state
        self.health.answered(self.pings.last_is_good, now)
        if before is PathState.STALLED:
            self._news.append(Due.RECOVERED)
        elif before is not self.health.state:
            self._news.append(Due.RELEASED)
        return trip

    def every(self, interval: float, now: float) -> None:
        """Ping each *interval* seconds from now on; a shorter one counts at once."""
        self.interval = interval
        self._next_ping = min(self._next_ping, now + interval)

    def _hurry(self, now: float) -> None:
        """A ping is late: ask more often for a while."""
        if self.interval <= NEAR:
            self._hurry_until = now + HURRY_FOR
            self._next_ping = min(self._next_ping, now + HURRY)

    def is_in_doubt(self, now: float) -> bool:
        """Whether a ping was late a moment ago, or is, and it is not known yet what that was."""
        return self.pings.is_late or now < self._hurry_until

    def doubt(self, now: float) -> None:
        """Ask at once, unless it was asked a moment ago."""
        self._next_ping = min(self._next_ping, max(now, self._last_ping + EXTRA_GAP))

    def lagged(self, now: float) -> None:
        """Our own loop stood still until *now*: nothing that is overdue is the path's fault."""
        self.pings.lagged(now)
        self.heard(now)

    # the clock

    def deadline(self) -> float | None:
        """When `tick` should be called next; None while there is no carrier. To be asked after every call."""
        if not self.is_connected:
            return None
        if self._news:
            return self.last_byte
        health, pings = self.health, self.pings
        stall = stall_deadline(pings, self.interval, self.bulk_byte) if health.is_answering else None
        death = death_deadline(pings, self.last_byte)
        ends = (self._next_ping, pings.late_deadline, health.release_deadline, stall, death)
        return min(end for end in ends if end is not None)

    def tick(self, now: float) -> tuple[Due, ...]:
        """All that is due at *now*, in the order to act on it; nothing twice."""
        if not self.is_connected:
            return ()
        due, self._news = self._news, []
        was_late = self.pings.is_late
        if self.pings.notice_late(now) and not was_late:
            due.append(Due.LATE)
            self._hurry(now)
        if self.health.release(now):
            due.append(Due.RELEASED)
        self._judge(due, now)
        if self.is_connected and now >= self._next_ping:
            due.append(Due.PING)
        return tuple(due)

    def _judge(self, due: list[Due], now: float) -> None:
        stall = stall_deadline(self.pings, self.interval, self.bulk_byte)
        if stall is not None and now >= stall and self.health.is_answering:
            self.health.overdue(now)
            due.append(Due.STALLED)
        death = death_deadline(self.pings, self.last_byte)
        if death is not None and now >= death:
            self.lost(Message("health.silent", length=SILENCE), now)
            due.append(Due.DEAD)

    def __repr__(self) -> str:
        return f"<PathMonitor {self.path.name} {self.health!r} {self.pings!r}>"
