"""The pings of one path or prefix: which are on their way, and what the answers say.

A ping is answered, late, or abandoned with its carrier, and counted once. What our own bulk or our own
loop delayed is shown, but never taken for the weather of the path.
"""

from collections import deque
from itertools import islice

import attrs

from ingress.measure.estimators import (
    FIRST_GUESS,
    RECENT,
    WINDOW,
    Lateness,
    Level,
    Minimum,
    Smoothed,
    median,
    quantile,
)

MINIMUM_SPAN = 60.0
"""Seconds whose least round trip is the path's own, whatever stood in its queues."""
LOADED_SAMPLES = 16
"""Round trips whose least stands for a path that we load ourselves: 4 s of them. Windows keep our queue short and it is
not always full, so that this is near the path's own; of four, one in seven was not, and streams went to and fro."""
SURE_SAMPLES = 12
MUCH_LONGER = 0.02
"""Round trips that are enough if the least of them lies so many seconds above what the path took: our queue is seldom
that long for that long, and a path that became 30 ms longer has to be left within 4 s."""
QUEUE_LEAST = 0.015
"""Seconds that all of LOADED_SAMPLES may have stood in our own queue."""
QUEUE_MOST = 0.5
"""Seconds by which our own queue may delay a ping before it counts as late all the same."""
DEVIATION_MOST = 0.15
"""Seconds of deviation that the stall rule allows for at most: on a line that loses a fifth of its segments the
deviation grows to half a second, and the patience with it."""
LOAD_LINGER = 1.0
"""Seconds for which a queue that we have built ourselves may still delay pings."""
MUCH = 16 * 1024
"""Bytes that a carrier moves between a ping and its answer, or the ping before, and more than which may be a queue: a
page load long before its streams are bulk. 6 ms of a line of 20 Mbit/s; keystrokes are a thousandth of it."""
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
HELD_GAP = 0.03
"""Seconds behind a late answer within which those come that were held up behind it: TCP gives them on together."""
LASTING = 3
"""Late answers in a row, none held up behind another, that are no accident: the path has become that long."""
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
    """What costs are made of: the present level; or the least of late, if that is another while we load the way."""
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
        """Sent, or answered, under our own load: its round trip is not the path's."""
        self.excused = False
        """Held up by our own loop: says nothing about the path."""
        self.is_late = False

    def overtaken(self, patience: float) -> None:
        """What we asked for came before its answer: it is late only after *patience* seconds."""
        self.loaded, self.due = True, max(self.due, self.since + patience)


class Pings:
    """Follows the pings of one path or prefix over all the carriers it has in its life."""

    __slots__ = (
        "_all",
        "_calm",
        "_late",
        "_late_answer",
        "_late_trips",
        "_lately",
        "_least",
        "_live",
        "_loaded_until",
        "_moved",
        "_moved_much",
        "_waiting",
        "answered_sent",
        "counted",
        "counted_late",
        "heard",
        "is_anew",
        "last_answer",
        "last_is_good",
        "outcomes",
    )

    def __init__(self) -> None:
        self._waiting: dict[int, _Ping] = {}
        self._live = Smoothed()
        self._calm = Level()
        self._all: deque[float] = deque(maxlen=WINDOW)
        self._late = Lateness()
        self.outcomes: deque[tuple[float, bool]] = deque(maxlen=WINDOW)
        """When a ping was in time or late, and whether it was late: for whoever reckons the weather of lines, and takes
        them out."""
        self.is_anew = False
        """A carrier was lost since they were taken out."""
        self._late_answer = float("-inf")
        """When the last late answer came."""
        self._late_trips: list[float] = []
        """Of late answers on end."""
        self._least = Minimum(MINIMUM_SPAN)
        self._lately: deque[float] = deque(maxlen=LOADED_SAMPLES)
        self.heard = 0
        """Round trips that were measured, in the whole life of the path."""
        self.counted = 0
        """Pings that were in time or late, likewise."""
        self.counted_late = 0
        self._loaded_until = float("-inf")
        self._moved = 0, 0
        """Bytes that had come, and gone, over the carrier when it was last looked at."""
        self._moved_much = float("-inf")
        """When those were much more than at the look before."""
        self.last_answer: float | None = None
        self.last_is_good = False
        """Whether the last answer came in time."""
        self.answered_sent: float | None = None
        """When the newest ping that was answered had been sent: proof that all was well behind this moment."""

    def sent(self, number: int, now: float) -> None:
        """Ping *number*, not in use for another that waits, leaves now."""
        if len(self._waiting) < MOST_WAITING:
            loaded = self.is_loaded(now)
            patience = self._patience_with_a_queue if loaded else self._live.late_after
            self._waiting[number] = _Ping(now, now + patience, loaded)

    @property
    def _patience_with_a_queue(self) -> float:
        return max(self._live.late_after, self._live.srtt + QUEUE_MOST)

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
        self._all.append(trip)
        self.heard += 1
        self._least.add(trip, now)
        self._lately.append(trip)
        if now <= ping.due:
            self._in_time(ping, trip, now)
        elif now - self._late_answer >= HELD_GAP:
            self._too_late(ping, trip, now)

    def _in_time(self, ping: _Ping, trip: float, now: float) -> None:
        self._late_trips.clear()
        self._live.add(trip)
        if not ping.excused:
            self._count(False, now)
            if not (ping.loaded or self.is_loaded(now) or now - self._late_answer < HELD_GAP):
                self._calm.add(trip, now)

    def _count(self, is_late: bool, now: float) -> None:
        self._late.add(is_late)
        self.counted += 1
        self.counted_late += is_late
        self.outcomes.append((now, is_late))

    def _too_late(self, ping: _Ping, trip: float, now: float) -> None:
        """A lost segment says nothing of how long the path is, unless it goes on like that; what was held up behind
        another that was late is not asked at all."""
        self._late_answer = now
        if not (ping.is_late or ping.excused):
            self._count(True, now)
        self._late_trips.append(trip)
        if len(self._late_trips) < LASTING:
            return
        for late in self._late_trips:
            self._live.add(late)
        if not (ping.excused or ping.loaded or self.is_loaded(now)):
            self._calm.restart(self._late_trips, now)
        self._late_trips.clear()

    def notice_late(self, now: float) -> bool:
        """Count the pings that became late and are still on their way; True if there is a new one.

        Behind one that is late the others wait for the same segment: they count once.
        """
        found = False
        for ping in self._waiting.values():
            if not ping.is_late and now >= ping.due:
                if not (found or ping.excused or self.is_late):
                    self._count(True, now)
                ping.is_late = found = True
        return found

    def abandoned(self) -> None:
        """The carrier is gone. What waits will never be answered, and what came late before says nothing of the next
        one, which has a trial of its own to pass."""
        self._late = Lateness()
        self.outcomes.clear()
        self.is_anew = True
        self._waiting.clear()
        self._late_trips.clear()

    def lagged(self, now: float) -> None:
        """Our own loop did not run until *now*: what waits proves nothing about the path, and its clocks start anew."""
        for ping in self._waiting.values():
            ping.due += now - ping.since
            ping.since, ping.excused = now, True

    def load(self, now: float) -> None:
        """We load a line of this path ourselves at *now*; to be told again while we do."""
        self._loaded_until = now + LOAD_LINGER

    def carried(self, came: int, went: int, now: float) -> None:
        """So many bytes have come and gone over the carrier in its life; to be told before a ping leaves, and before
        its answer counts. Behind much that comes a ping that waits is no weather; what goes proves nothing of that.
        """
        before, self._moved = self._moved, (came, went)
        if came - before[0] > MUCH:
            for ping in self._waiting.values():
                ping.overtaken(self._patience_with_a_queue)
        elif went - before[1] <= MUCH:
            return
        self._moved_much = now
        self.load(now)

    def moved_much(self, now: float) -> bool:
        """Whether the carrier itself has built a queue of late: then the other paths over its lines stand in it too."""
        return now - self._moved_much < LOAD_LINGER

    def is_loaded(self, now: float) -> bool:
        """Whether what we load it with may still stand before a ping that is sent at *now*."""
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
    def error(self) -> float:
        """By which a cost that is made of these may be wrong: its standard error in seconds."""
        return self._calm.error

    @property
    def is_settled(self) -> bool:
        """Whether nothing speaks for a change of the path's level."""
        return self._calm.is_settled

    @property
    def late(self) -> float:
        """Share of the last WINDOW pings that were late, from 0 to 1."""
        return self._late.share

    def round_trip(self, now: float) -> float | None:
        """What costs are made of: the present level; or the least of late, if that is another while we load the way."""
        least = self._least_of_late()
        if self._calm and (least is None or not self.is_loaded(now) or self._is_queue(least)):
            return self._calm.mean
        return least

    def _least_of_late(self) -> float | None:
        """The least of the last LOADED_SAMPLES; of fewer if that is much."""
        if self._calm and len(self._lately) == LOADED_SAMPLES:
            newest = min(islice(self._lately, LOADED_SAMPLES - SURE_SAMPLES, None))
            if newest > self._calm.mean + MUCH_LONGER:
                return newest
        return min(self._lately, default=None)

    def _is_queue(self, least: float) -> bool:
        """Whether *least*, the least of late under our load, says no more than that there is a queue."""
        mean = self._calm.mean  # all of them lie above it: that is no noise, however uneven the path
        return least < mean + QUEUE_LEAST if least > mean else self._calm.is_near(least)

    def trips_since(self, heard: int) -> list[float]:
        """The round trips behind the first *heard* of all, oldest first; no more than the last WINDOW."""
        new = min(self.heard - heard, len(self._all))
        return list(islice(self._all, len(self._all) - new, None)) if new > 0 else []

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
