"""Estimates over a stream of samples. Each knows samples and moments only; reading one never changes it."""

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

SRTT_GAIN = 1 / 8
DEVIATION_GAIN = 1 / 4
"""Weight of a new sample (RFC 6298 section 2.3), once there are enough; before that the plain mean."""
LATE_FLOOR = 0.1
"""Seconds behind srtt before a ping can be late. Below it, a scheduler's hiccup at either end would be weather."""
FIRST_GUESS = 1.0
"""Seconds allowed while nothing was ever measured (RFC 6298 section 2.1 starts with the same second)."""

RECENT = 5
"""Samples whose median shows a change: two wild ones in a row do not move it."""
REMEMBERED = 20.0
"""Seconds after which a sample counts for a third. Lengths wander: where by a millisecond in minutes, the best memory
is a quarter of a minute. A longer one knows what was, and what it is wrong by lasts for longer than a switch waits."""
SPREAD_REMEMBERED = 300.0
"""The same of how far samples lie from the mean: a line's noise changes less often than its length, and to know it to
a tenth takes a hundred samples. Half the doubt about a cost was this."""
WINDOW = 100
"""Pings behind a late share: 25 s at the fastest interval."""
WEATHERS = (0.001, 0.02, 0.06, 0.2)
"""Shares of pings that are late: on a line that is well, and in weathers of which each is three times as bad."""
ILL_FOR = 60.0
WELL_FOR = 1200.0
"""Seconds that bad weather lasts, and good one, on average. Bursts pass in ten, a full line in some minutes; who comes
back too soon pays twenty times what who comes back late does."""
NO_SHARE = 0.01
"""Share that pings cannot tell from none: a hundred of them would not show it."""
STEP_FLOOR = 0.001
STEP_DEVIATIONS = 2.2
"""Seconds, and deviations, together, by which the median of the last few lies off the mean when a path has changed. The
median of five lies within 0.67 deviations for two thirds of the time: this is more than three times that."""
SPREAD = 10
EVEN = 20
"""Samples whose spread shows that a path has become uneven, and even: that ten lie as near to each other by chance
happens every some minutes to one of sixteen uneven paths, and then it seemed to be the best of them."""
UNEVEN = 2.5
SPREAD_FLOOR = 0.0005
"""Times, and seconds more, by which they deviate more than they used to, or less, when it has."""
PLAIN = 2
PLAIN_DEVIATIONS = 8.0
"""Samples on end, and deviations by which they lie off on the same side, that need no third one to be believed."""
FAR_OFF = 2.5
"""Deviations by which a sample lies off the mean when it may be the first of a change."""
BACK = 3
"""Samples on end that are as they were before a path became another, after which it is what it was."""
WILD = 4.0
"""Deviations that one sample may raise the deviation by: what lies farther off is a change, or an accident."""
FIRST_DEVIATION = 0.05
"""Share of the first sample that stands for the deviation until there is a second."""
ERROR_OF_MEAN = 1.25
ERROR_OF_SPREAD = 1.5
"""Deviations by which one sample's worth of a mean, and of twice a deviation, is uncertain: those of a normal
distribution, where both are independent."""


def median(samples: Sequence[float]) -> float:
    """The middle of *samples* (at least one), or the mean of the two in the middle."""
    ordered = sorted(samples)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def quantile(samples: Sequence[float], share: float) -> float:
    """The sample (of at least one) that *share* of them do not exceed; nearest rank."""
    ordered = sorted(samples)
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


class Smoothed:
    """Smoothed mean and mean absolute deviation of the round trip, after RFC 6298 section 2.

    Differs from it in two points: the first samples are averaged plainly, so that one path is not called
    uneven for being new; and a late sample raises the deviation only as far as the late line, because the
    late share counts it already.
    """

    __slots__ = ("count", "deviation", "srtt")

    def __init__(self) -> None:
        self.count = 0
        self.srtt = 0.0
        self.deviation = 0.0

    def add(self, sample: float) -> None:
        """One more *sample*, in seconds."""
        self.count += 1
        if self.count == 1:
            self.srtt, self.deviation = sample, sample / 2
            return
        error = abs(sample - self.srtt)
        if self.count > 2:
            error = min(error, late_slack(self.deviation))
        gain = max(DEVIATION_GAIN, 1 / (self.count - 1))  # the second sample replaces the guess of the first
        self.deviation += gain * (error - self.deviation)
        self.srtt += max(SRTT_GAIN, 1 / self.count) * (sample - self.srtt)

    @property
    def late_after(self) -> float:
        """Seconds after which an answer is late."""
        return self.srtt + late_slack(self.deviation) if self.count else FIRST_GUESS


def late_slack(deviation: float) -> float:
    """Seconds behind the smoothed round trip at which a ping is late."""
    return max(4 * deviation, LATE_FLOOR)


class _Known(NamedTuple):
    mean: float
    deviation: float
    weight: float
    spread_weight: float
    at: float


class Level:
    """What a path costs when nothing is wrong: the mean of its round trips since they last changed, how far they lie
    from it, and by how much that mean may be wrong.

    A mean over a minute knows a path to a fraction of its noise; the median of the last few shows at once that it is
    another path now, and then they begin a new mean. So a difference of a millisecond can be told between two paths
    that are steady, and a path that became longer is known as that within a second.
    """

    __slots__ = ("_at", "_before", "_recent", "_spread_weight", "_weight", "deviation", "mean")

    def __init__(self) -> None:
        self._before: _Known | None = None
        """What the path was before it became another: it may come back."""
        self._recent: deque[float] = deque(maxlen=EVEN)
        self._weight = 0.0
        """Samples that the mean stands for."""
        self._spread_weight = 0.0
        """Samples that the deviation stands for."""
        self._at = 0.0
        self.mean = 0.0
        self.deviation = 0.0
        """Mean absolute deviation of one sample."""

    def __bool__(self) -> bool:
        return self._weight > 0

    @property
    def error(self) -> float:
        """Standard error of the mean and of twice the deviation together, in seconds."""
        if not self._weight:
            return FIRST_GUESS
        of_mean = ERROR_OF_MEAN / math.sqrt(self._weight)
        return self.deviation * math.hypot(of_mean, ERROR_OF_SPREAD / math.sqrt(self._spread_weight))

    def add(self, sample: float, now: float) -> None:
        """One more *sample*, in seconds, made at *now*."""
        if not self._weight:
            self.mean, self.deviation = sample, FIRST_DEVIATION * sample
            self._weight, self._spread_weight, self._at = 1.0, 1.0, now
            self._recent.append(sample)
            return
        self._recent.append(sample)
        self._fade(now)
        error = abs(sample - self.mean)
        self.mean += (sample - self.mean) / self._weight
        self.deviation += (min(error, WILD * self.deviation + STEP_FLOOR) - self.deviation) / self._spread_weight
        self._notice_change()

    def _fade(self, now: float) -> None:
        """What was learned long ago counts for less."""
        passed = max(0.0, now - self._at)
        self._weight = 1.0 + self._weight * math.exp(-passed / REMEMBERED)
        self._spread_weight = 1.0 + self._spread_weight * math.exp(-passed / SPREAD_REMEMBERED)
        self._at = now

    def _notice_change(self) -> None:
        last = [*self._recent]
        two, five = last[-PLAIN:], sorted(last[-RECENT:])
        is_one_side = len({one > self.mean for one in two}) == 1
        if self._is_back(last[-BACK:]):
            self._begin(sum(last[-BACK:]) / BACK, BACK, BACK)
        elif len(two) == PLAIN and is_one_side and all(self._is_far_off(one, PLAIN_DEVIATIONS) for one in two):
            self._begin(sum(two) / PLAIN, PLAIN, PLAIN)
        elif len(five) == RECENT and self._is_far_off(five[RECENT // 2], STEP_DEVIATIONS):
            self._begin(sum(five[1:-1]) / (RECENT - 2), RECENT, RECENT // 2 + 1)
        else:
            self._notice_spread(last)

    def _is_back(self, newest: Sequence[float]) -> bool:
        """Whether a path that has just become another is what it was before, which *newest* say."""
        before = self._before
        return (
            before is not None
            and self._weight < EVEN
            and len(newest) == BACK
            and abs(self.mean - before.mean) > STEP_FLOOR + FAR_OFF * before.deviation
            and all(abs(one - before.mean) <= STEP_FLOOR + FAR_OFF * before.deviation for one in newest)
        )

    def _notice_spread(self, last: Sequence[float]) -> None:
        if len(last) >= SPREAD and _spread(last[-SPREAD:]) > self.deviation * UNEVEN + SPREAD_FLOOR:
            self._deviates(_spread(last[-SPREAD:]), SPREAD)
        elif len(last) == EVEN and _spread(last) < self.deviation / UNEVEN - SPREAD_FLOOR:
            self._deviates(_spread(last), EVEN)

    def _deviates(self, spread: float, samples: int) -> None:
        """Otherwise than it did: by *spread*, which so many *samples* say."""
        self.deviation = spread
        self._weight = min(self._weight, float(samples))
        self._spread_weight = min(self._spread_weight, float(samples))

    def _begin(self, mean: float, weight: int, newest: int) -> None:
        """It is another path from here on, of which the *newest* samples are: what was before must not take it back."""
        before = self._before
        self._remember()
        if before is not None and abs(mean - before.mean) <= STEP_FLOOR + FAR_OFF * before.deviation / math.sqrt(BACK):
            self._come_back(before)
        else:
            self.mean, self._weight = mean, float(weight)
        self._spread_weight = min(self._spread_weight, self._weight)  # it may vary otherwise, too
        for _ in range(len(self._recent) - newest):
            self._recent.popleft()

    def _remember(self) -> None:
        if self._weight > SPREAD:
            self._before = _Known(self.mean, self.deviation, self._weight, self._spread_weight, self._at)

    def _come_back(self, known: "_Known") -> None:
        passed = max(0.0, self._at - known.at)
        self.mean, self.deviation = known.mean, known.deviation
        self._weight = RECENT + known.weight * math.exp(-passed / REMEMBERED)
        self._spread_weight = RECENT + known.spread_weight * math.exp(-passed / SPREAD_REMEMBERED)

    @property
    def is_settled(self) -> bool:
        """Whether nothing speaks for a change: enough samples since the last one, and the newest is not far off."""
        return self._weight >= RECENT and not self._is_far_off(self._recent[-1], FAR_OFF)

    def is_near(self, sample: float) -> bool:
        """Whether *sample* is one of those that are to be expected."""
        return not self._is_far_off(sample, FAR_OFF)

    def _is_far_off(self, sample: float, deviations: float) -> bool:
        return abs(sample - self.mean) > STEP_FLOOR + deviations * self.deviation

    def restart(self, samples: Sequence[float], now: float) -> None:
        """What was known is worth nothing: it is what *samples* say."""
        self._remember()
        self._weight = 0.0
        self._recent.clear()
        for sample in samples:
            self.add(sample, now)


def _spread(samples: Sequence[float]) -> float:
    """Mean absolute deviation from the middle; the wildest sample counts as the second wildest: one is an accident."""
    middle = median(samples)
    off = sorted(abs(one - middle) for one in samples)
    return (sum(off[:-1]) + off[-2]) / len(off)


class Weather:
    """What share of the pings to come over one line will be late.

    A line is well, or in one of several weathers in which a certain share is lost; each ping makes some of these more
    likely, and time lets them pass (the forward algorithm of a hidden Markov model). So one late ping among hundreds is
    little evidence, a second one a moment later is much, and what looks clean after bad weather is believed the sooner
    the worse that was.
    """

    __slots__ = ("_at", "_likely", "share")

    def __init__(self) -> None:
        self._likely = [1.0, *(0.0 for _ in WEATHERS[1:])]
        """How likely each of WEATHERS is."""
        self._at: float | None = None
        self.share = WEATHERS[0]
        """Of the pings to come."""

    def add(self, is_late: bool, now: float, elsewhere: float = 0.0) -> None:
        """One more ping. *elsewhere* is the share that the rest of its way is expected to make late: what is likely to
        be late there is little evidence against this line."""
        if self._at is not None and now > self._at:
            self._pass_time(now - self._at)
        self._at = now if self._at is None else max(now, self._at)
        seen = [
            likely * (1.0 - (1.0 - share) * (1.0 - elsewhere) if is_late else 1.0 - share)
            for likely, share in zip(self._likely, WEATHERS, strict=True)
        ]
        whole = sum(seen)
        self._likely = [one / whole for one in seen]
        self.share = sum(likely * share for likely, share in zip(self._likely, WEATHERS, strict=True))

    def _pass_time(self, seconds: float) -> None:
        well = self._likely[0]
        stays, comes = math.exp(-seconds / ILL_FOR), -math.expm1(-seconds / WELL_FOR)
        bad = [one * stays + well * comes / (len(WEATHERS) - 1) for one in self._likely[1:]]
        self._likely = [1.0 - sum(bad), *bad]

    @property
    def expected(self) -> float:
        """The share, or 0 if it is less than can be told."""
        return self.share if self.share > NO_SHARE else 0.0


class Lateness:
    """Which of the last pings were late."""

    __slots__ = ("_late", "_outcomes")

    def __init__(self) -> None:
        self._outcomes: deque[bool] = deque(maxlen=WINDOW)
        self._late = 0
        """How many of them were."""

    def add(self, outcome: bool) -> None:
        """One more; the oldest of more than WINDOW is forgotten."""
        if len(self._outcomes) == WINDOW:
            self._late -= self._outcomes[0]
        self._outcomes.append(outcome)
        self._late += outcome

    @property
    def share(self) -> float:
        """Of those that are remembered, from 0 to 1; 0 while there are none."""
        return self._late / len(self._outcomes) if self._outcomes else 0.0


class Minimum:
    """The least sample of the last `span` seconds. Holds only samples that may still become the least."""

    __slots__ = ("_kept", "_span")

    def __init__(self, span: float) -> None:
        self._span = span
        self._kept: deque[tuple[float, float]] = deque()

    def add(self, sample: float, now: float) -> None:
        """One more *sample*, made at *now*, which never goes back."""
        while self._kept and self._kept[-1][1] >= sample:
            self._kept.pop()
        self._kept.append((now, sample))
        while self._kept[0][0] < now - self._span:
            self._kept.popleft()

    def value(self, now: float) -> float | None:
        """The least of the span before *now*; None when it holds no sample."""
        return next((sample for at, sample in self._kept if at >= now - self._span), None)
