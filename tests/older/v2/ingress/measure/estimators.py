"""Estimates over a stream of samples. Each knows samples and moments only; reading one never changes it."""

from collections import deque
from collections.abc import Sequence

SRTT_GAIN = 1 / 8
DEVIATION_GAIN = 1 / 4
"""Weight of a new sample (RFC 6298 section 2.3), once there are enough; before that the plain mean."""
LATE_FLOOR = 0.1
"""Seconds behind srtt before a ping can be late. Below it, a scheduler's hiccup at either end would be weather."""
FIRST_GUESS = 1.0
"""Seconds allowed while nothing was ever measured (RFC 6298 section 2.1 starts with the same second)."""


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

    __slots__ = ("_gain", "count", "deviation", "srtt")

    def __init__(self, deviation_gain: float = DEVIATION_GAIN) -> None:
        self.count = 0
        self._gain = deviation_gain
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
        gain = max(self._gain, 1 / (self.count - 1))  # the second sample replaces the guess of the first
        self.deviation += gain * (error - self.deviation)
        self.srtt += max(SRTT_GAIN, 1 / self.count) * (sample - self.srtt)

    @property
    def late_after(self) -> float:
        """Seconds after which an answer is late."""
        return self.srtt + late_slack(self.deviation) if self.count else FIRST_GUESS


def late_slack(deviation: float) -> float:
    """Seconds behind the smoothed round trip at which a ping is late."""
    return max(4 * deviation, LATE_FLOOR)


class Share:
    """How many of the last `size` outcomes were true, from 0 to 1; 0 while there are none."""

    __slots__ = ("_outcomes", "_true")

    def __init__(self, size: int) -> None:
        self._outcomes: deque[bool] = deque(maxlen=size)
        self._true = 0

    def add(self, outcome: bool) -> None:
        """One more *outcome*; beyond `size` of them the oldest counts no more."""
        if len(self._outcomes) == self._outcomes.maxlen:
            self._true -= self._outcomes[0]
        self._outcomes.append(outcome)
        self._true += outcome

    @property
    def value(self) -> float:
        """From 0 to 1."""
        return self._true / len(self._outcomes) if self._outcomes else 0.0


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
