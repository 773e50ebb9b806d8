"""The pings of one path or prefix: which are on their way, and what the answers say.

A ping is answered, late, or abandoned with its carrier, and counted once. What our own bulk or our own
loop delayed is shown, but never taken for the weather of the path.
"""

from collections import deque

import attrs

from ingress.measure.estimators import FIRST_GUESS, Minimum, Share, Smoothed, median, quantile

CALM_GAIN = 1 / 8
"""Weight of a new sample in the deviation that costs are made of: half of RFC 6298's, for half of its noise."""
RECENT = 5
"""Round trips behind the median that costs are made of: two wild ones in a row do not move it."""
WINDOW = 100
"""Round trips behind p95, and pings behind the late share: 25 s at the fastest interval."""
MINIMUM_SPAN = 60.0
"""Seconds whose least round trip is the path's own, whatever stood in its queues."""
LOADED_SPAN = 2.0
"""Seconds whose least round trip stands for a path that we load ourselves. Windows keep our queue short and it is not
always full, so that this is near the path's own; at 60 s, weather that came under our load was seen a minute later."""
QUEUE_MOST = 0.5
"""Seconds by which our own queue may delay a ping before it counts as late all the same."""
DEVIATION_MOST = 0.15
"""Seconds of deviation that the stall rule allows for at most: on a line that loses a fifth of its segments the
deviation grows to half a second, and the patience with it."""
LOAD_LINGER = 1.0
"""Seconds for which a queue that our bulk has built may still delay pings."""
STALL_ROUND_TRIPS = 2.25
"""A lost ping is answered 2.25 round trips and an interval after it was sent: the next ping's acknowledgement (an
interval, and one), RACK's wait of a quarter for reordering (RFC 8985 section 6.2), the retransmission (one). With
2, nearly every lost segment on a quiet line is a stall: modelled at 1 % loss each way 175 an hour, with 2.25 six."""
STALL_FLOOR = 0.4
"""Seconds a ping may wait at least before its path is stalled: a lost segment within 100 ms is mended by then."""
STALL_INTERVAL_MOST = 0.5
"""Longest ping interval that the stall rule waits for. The interval is there because the next ping makes TCP
notice that the last one was lost; on a path asked every 5 s TCP's own timer is faster than that."""
BULK_GRACE = 0.3
"""Seconds more that a ping may wait at most while our bulk on the same path still gets bytes. A queue of our own is
seldom longer, and before a line that is black one way only, all of it is pause."""
SILENCE = 3.0
"""Seconds without a byte, while one is due, after which a carrier is dead. At 1 % loss 0.75 gives over a hundred
false deaths an hour, 3 none."""
MOST_WAITING = 100
"""Pings followed at once; more would only be a leak."""


def stall_after(srtt: float | None, deviation: float, interval: float) -> float:
    """Seconds the oldest unanswered frame may wait before its carrier counts as stalled."""
    if srtt is None:
        return FIRST_GUESS
    return max(STALL_FLOOR, STALL_ROUND_TRIPS * srtt + min(interval, STALL_INTERVAL_MOST) + 4 * deviation)


def stall_deadline(pings: "Pings", interval: float, bulk_byte: float = float("-inf")) -> float | None:
    """The moment at which *pings* becomes stalled unless an answer comes before; None while no ping waits.

    *bulk_byte* is when a byte last came over another carrier of the same path: as long as any do, the pings may
    stand in the queue of our own bulk, and get BULK_GRACE more.
    """
    oldest = pings.oldest_unanswered
    if oldest is None:
        return None
    since = min(max(oldest, bulk_byte), oldest + BULK_GRACE)
    return since + stall_after(pings.calm_srtt(oldest), min(pings.live_deviation, DEVIATION_MOST), interval)


def death_deadline(pings: "Pings", last_byte: float) -> float | None:
    """The moment at which a carrier last heard at *last_byte* is dead of silence; None while nothing is due."""
    oldest = pings.oldest_unanswered
    return None if oldest is None else max(oldest, last_byte) + SILENCE


@attrs.frozen
class Figures:
    """What a pings knows at one moment. Times in seconds, shares from 0 to 1; None where nothing was measured."""

    samples: int
    round_trip: float | None
    """What costs are made of: the median of five, or the least of 2 s while our bulk loads the way."""
    median: float | None
    p95: float | None
    srtt: float | None
    deviation: float
    late: float
    least: float | None
    age: float | None
    """Seconds since the last answer."""
    loaded: bool


class _Ping:
    __slots__ = ("due", "excused", "is_late", "loaded", "sent", "since")

    def __init__(self, sent: float, due: float, loaded: bool) -> None:
        self.sent = sent
        self.since = sent
        """Where the stall clock starts; later than `sent` if our own loop stood still."""
        self.due = due
        self.loaded = loaded
        """Sent under our own load: its round trip is not the path's."""
        self.excused = False
        """Held up by our own loop: says nothing about the path."""
        self.is_late = False


class Pings:
    """Follows the pings of one path or prefix over all the carriers it has in its life."""

    __slots__ = (
        "_all",
        "_calm",
        "_calm_trips",
        "_late",
        "_lately",
        "_least",
        "_live",
        "_loaded_until",
        "_waiting",
        "answered_sent",
        "last_answer",
        "last_is_good",
    )

    def __init__(self) -> None:
        self._waiting: dict[int, _Ping] = {}
        self._live = Smoothed()
        self._calm = Smoothed(CALM_GAIN)
        self._all: deque[float] = deque(maxlen=WINDOW)
        self._calm_trips: deque[float] = deque(maxlen=RECENT)
        self._late = Share(WINDOW)
        self._least = Minimum(MINIMUM_SPAN)
        self._lately = Minimum(LOADED_SPAN)
        self._loaded_until = float("-inf")
        self.last_answer: float | None = None
        self.last_is_good = False
        """Whether the last answer came in time."""
        self.answered_sent: float | None = None
        """When the newest ping that was answered had been sent: proof that all was well behind this moment."""

    def sent(self, number: int, now: float) -> None:
        """Ping *number*, not in use for another that waits, leaves now."""
        if len(self._waiting) < MOST_WAITING:
            loaded = self.is_loaded(now)
            patience = max(self._live.late_after, self._live.srtt + QUEUE_MOST) if loaded else self._live.late_after
            self._waiting[number] = _Ping(now, now + patience, loaded)

    def answered(self, number: int, now: float) -> float | None:
        """Ping *number* came back: its round trip, or None if no such ping waits."""
        ping = self._waiting.pop(number, None)
        if ping is None:
            return None
        trip = max(0.0, now - ping.sent)
        self.last_answer = now
        self.last_is_good = now <= ping.due
        self.answered_sent = max(ping.sent, self.answered_sent or ping.sent)
        if ping.since == ping.sent:
            self._learn(ping, trip, now)
        return trip

    def _learn(self, ping: _Ping, trip: float, now: float) -> None:
        self._live.add(trip)
        self._all.append(trip)
        self._least.add(trip, now)
        self._lately.add(trip, now)
        if not ping.is_late and not ping.excused:
            self._late.add(now > ping.due)
        if not (ping.excused or ping.loaded or self.is_loaded(now)):
            self._calm.add(trip)
            self._calm_trips.append(trip)

    def notice_late(self, now: float) -> bool:
        """Count the pings that became late and are still on their way; True if there is a new one."""
        found = False
        for ping in self._waiting.values():
            if not ping.is_late and now >= ping.due:
                ping.is_late = found = True
                if not ping.excused:
                    self._late.add(True)
        return found

    def abandoned(self) -> None:
        """The carrier is gone: what waits will never be answered, and counts as late."""
        for ping in self._waiting.values():
            if not (ping.is_late or ping.excused):
                self._late.add(True)
        self._waiting.clear()

    def lagged(self, now: float) -> None:
        """Our own loop did not run until *now*: what waits proves nothing about the path, and its clocks start anew."""
        for ping in self._waiting.values():
            ping.due += now - ping.since
            ping.since, ping.excused = now, True

    def load(self, now: float) -> None:
        """Our own bulk uses a line of this path at *now*; to be told again while it does."""
        self._loaded_until = now + LOAD_LINGER

    def is_loaded(self, now: float) -> bool:
        """Whether our own bulk may still stand before a ping that is sent at *now*."""
        return now < self._loaded_until

    @property
    def oldest_unanswered(self) -> float | None:
        """When the stall clock of the oldest waiting ping started; None if none waits."""
        for ping in self._waiting.values():
            return ping.since
        return None

    @property
    def late_deadline(self) -> float | None:
        """When the next waiting ping becomes late; None if none will."""
        return next((ping.due for ping in self._waiting.values() if not ping.is_late), None)

    @property
    def is_late(self) -> bool:
        """Whether a ping that is known to be late is still on its way."""
        return any(ping.is_late for ping in self._waiting.values())

    @property
    def samples(self) -> int:
        """How many round trips were measured, our own load's included."""
        return self._live.count

    @property
    def srtt(self) -> float | None:
        """The smoothed round trip in seconds, with our own load in it; None if none was measured."""
        return self._live.srtt if self._live.count else None

    def least(self, now: float) -> float:
        """The least round trip of a minute, 0 if there was none: the path without queues."""
        return self._least.value(now) or 0.0

    def calm_srtt(self, now: float) -> float | None:
        """The smoothed round trip, up to twice the least of a minute: what lost segments and queues add has an end."""
        least = self._least.value(now)
        return self.srtt if self.srtt is None or least is None else min(self.srtt, 2 * least)

    @property
    def live_deviation(self) -> float:
        """Deviation with our own load in it: what deadlines are made of."""
        return self._live.deviation

    @property
    def deviation(self) -> float:
        """Deviation of the path itself: what costs are made of."""
        return self._calm.deviation

    @property
    def late(self) -> float:
        """Share of the last WINDOW pings that were late, from 0 to 1."""
        return self._late.value

    def round_trip(self, now: float) -> float | None:
        """What costs are made of: the median of five, or the least of 2 s while our bulk loads the way."""
        calm = median(self._calm_trips) if self._calm_trips else None
        if calm is not None and not self.is_loaded(now):
            return calm
        least = self._lately.value(now)
        return calm if least is None else least

    def figures(self, now: float) -> Figures:
        """All of it at once, for reports."""
        return Figures(
            samples=self.samples,
            round_trip=self.round_trip(now),
            median=median(list(self._all)[-RECENT:]) if self._all else None,
            p95=quantile(self._all, 0.95) if self._all else None,
            srtt=self.srtt,
            deviation=self.deviation,
            late=self.late,
            least=self._least.value(now),
            age=None if self.last_answer is None else now - self.last_answer,
            loaded=self.is_loaded(now),
        )

    def __repr__(self) -> str:
        return f"<Pings {self.samples} samples, srtt {self._live.srtt:.4f} s, {len(self._waiting)} pings waiting>"
