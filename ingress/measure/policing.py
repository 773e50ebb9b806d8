"""Whether a path polices UDP: it loses datagrams once there are many, and few or none while there are few. Pure.

A policer has no queue: what comes faster than it lets is dropped, often after a burst of some seconds, and TCP is left
alone. What is lost at any rate looks different, and is not told here. Whether TCP is really better, a trial shows; so a
path that was taken for policed wrongly costs that trial, and the next one comes later.
"""

import attrs

from ingress.measure.gauge import Gauge, Loss

PIECE = 0.25
"""Seconds that are looked at together, at least."""
MANY = 200.0
"""Datagrams a second from which on a loss may be a policer's: below it, flows are thin and have copies."""
LOSING = 0.03
"""Share of them that is lost, at least."""
PIECES, WITHIN = 3, 15.0
"""Pieces that have to be so, within so many seconds: an outage is one or two."""
LESS = 3.0
"""Times by which the share is less while there are few, if that is known."""
FEW_KNOWN = 50.0
"""Datagrams, while there were few, that tell what is lost then."""
FEW_FORGOTTEN = 0.98
"""What each piece leaves of those before: after ten seconds, half."""
FIRST_WAIT, MOST_WAIT = 60.0, 1800.0
"""Seconds for which the many go by TCP until UDP is tried again: each time twice as long as the last."""
HEALED, FASTER = 10.0, 1.2
"""Seconds in which nothing was lost at so many times the pace that was let pass, after which UDP is free again."""


@attrs.frozen
class OneWayLosses:
    """One direction."""

    expected: int = 0
    received: int = 0
    losing: tuple[tuple[float, float, float], ...] = ()
    """Of pieces that lost: when, the share, and datagrams a second that arrived."""
    few_seen: float = 0.0
    few_missed: float = 0.0
    fast_for: float = 0.0
    """Seconds in which more than `pace` passed, and nothing much was lost."""

    def told(self, loss: Loss, seconds: float, pace: float, now: float) -> "OneWayLosses":
        """With another piece of so many *seconds*; *pace* is what a policer let pass."""
        sent, came = loss.expected - self.expected, loss.received - self.received
        share = max(sent - came, 0) / sent if sent > 0 else 0.0
        losing = tuple(one for one in self.losing if now - one[0] < WITHIN)
        few_seen, few_missed, fast_for = self.few_seen * FEW_FORGOTTEN, self.few_missed * FEW_FORGOTTEN, self.fast_for
        if sent < MANY * seconds:
            few_seen, few_missed = few_seen + max(sent, 0), few_missed + max(sent - came, 0)
        elif share >= LOSING:
            losing, fast_for = (*losing, (now, share, max(came, 0) / seconds)), 0.0
        elif sent >= FASTER * pace * seconds:
            fast_for += seconds
        return OneWayLosses(loss.expected, loss.received, losing, few_seen, few_missed, fast_for)

    @property
    def share(self) -> float:
        """What the pieces that lost have lost, on average."""
        return sum(share for _, share, _ in self.losing) / max(len(self.losing), 1)

    @property
    def pace(self) -> float:
        """Datagrams a second that arrived meanwhile: in the first of them, the end of a burst may have as well."""
        return min((pace for _, _, pace in self.losing), default=0.0)

    @property
    def is_policed(self) -> bool:
        """Whether it looks so."""
        few = self.few_missed / self.few_seen if self.few_seen >= FEW_KNOWN else 0.0
        return len(self.losing) >= PIECES and few * LESS <= self.share


@attrs.frozen
class Policed:
    """A path that lets no more than so much pass."""

    pace: float
    """Datagrams a second."""
    share: float
    """That was lost of what was more."""
    wait: float
    until: float
    """Seconds for which it is gone by this, and when it is tried again: from then on all goes by UDP."""
    by_tcp: bool = True
    """What is much goes by TCP; if not, that has lost as much."""
    size: float = 0.0
    """Bytes of the datagrams that were so many, on average."""

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.pace * self.size


@attrs.frozen
class Policing:
    """One path, of which `looked` is asked now and then. `policed` is what was found."""

    at: float = 0.0
    up: OneWayLosses = OneWayLosses()
    down: OneWayLosses = OneWayLosses()
    policed: Policed | None = None

    def looked(self, gauge: Gauge, now: float) -> "Policing":
        """With what *gauge* has counted until *now*."""
        seconds, pace = now - self.at, 0.0 if self.policed is None else self.policed.pace
        if seconds < PIECE:
            return self
        if seconds > WITHIN:  # nobody has looked: when it was lost is not known
            return attrs.evolve(self.begun_anew(), at=now, up=_from(gauge.up), down=_from(gauge.down))
        up, down = self.up.told(gauge.up, seconds, pace, now), self.down.told(gauge.down, seconds, pace, now)
        return Policing(now, up, down, self._judged(up, down, now))

    def _judged(self, up: OneWayLosses, down: OneWayLosses, now: float) -> Policed | None:
        known = self.policed
        if known is not None and now < known.until:
            return known
        found = max((one for one in (up, down) if one.is_policed), key=lambda one: one.share, default=None)
        if found is not None:
            wait = FIRST_WAIT if known is None else min(2 * known.wait, MOST_WAIT)
            return Policed(found.pace, found.share, wait, now + wait)
        is_free = known is None or max(up.fast_for, down.fast_for) >= HEALED or now - known.until > MOST_WAIT
        return None if is_free else known

    def is_avoided(self, now: float) -> bool:
        """Whether what is much should not go by UDP now."""
        return self.policed is not None and self.policed.by_tcp and now < self.policed.until

    def begun_anew(self) -> "Policing":
        """What was lost until now is not held against it any more: what is much goes another way, or comes back."""
        up, down = (OneWayLosses(one.expected, one.received) for one in (self.up, self.down))
        return attrs.evolve(self, up=up, down=down)

    def not_better(self, now: float) -> "Policing":
        """TCP has lost as much: all goes by UDP, for as long as by TCP."""
        known = self.policed
        until = None if known is None else attrs.evolve(known, until=now + known.wait, by_tcp=False)
        return attrs.evolve(self.begun_anew(), policed=until)


def _from(loss: Loss) -> OneWayLosses:
    return OneWayLosses(loss.expected, loss.received)
