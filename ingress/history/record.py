"""What is kept of one path, line or node for one span of time, in small units, and how spans become longer ones."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

MINUTE: Final = 60
QUARTER: Final = 900
DAY: Final = 86_400
"""The spans, in seconds."""
KINDS: Final = ("path", "line", "node", "ingress")
STATES: Final = {
    "path": ("up", "held", "stalled", "down"),
    "line": ("up", "poor", "suspect", "broken"),
    "node": ("up", "held", "stalled", "down"),
    "ingress": ("up", "held", "stalled", "down"),
}
"""What each kind may be, the states in which something does not work last."""
WORKING: Final = 2
"""How many of them work."""
TICK: Final = 1e-4
"""Seconds of round trip in one unit: a line in one house takes three of them."""
SHARE: Final = 20_000
"""Units in the whole: one is 0.005 %."""
STAY: Final = 0.02
"""Seconds in one unit of a state: a quarter of an hour has 45,000."""
UNKNOWN: Final = 0xFFFF
MOST: Final = 0xFFFE
"""A time of more than 6.5 s is kept as that."""
MOST_STREAMS: Final = 65_000.0
TYPICAL: Final = 9
"""Of ten round trips, those that count as the median when spans are joined; the tenth counts as the p95."""


class Series(NamedTuple):
    """Whose records they are."""

    kind: str
    """One of KINDS."""
    name: str


class Record(NamedTuple):
    """One span. Times in TICKs, shares in SHAREs; UNKNOWN where nothing was measured."""

    samples: int
    """Pings that were answered or late."""
    round_trip: int
    """Their median."""
    p95: int
    deviation: int
    """From the median, on average."""
    late: int
    loss_up: int
    """What TCP loses away from the ingress (of a line: from its `from`)."""
    loss_down: int
    in_first: int
    in_second: int
    in_third: int
    in_fourth: int
    """In STAYs: how long each of the STATES was; together, for how long it was watched."""
    streams: float
    """On average."""
    up: float
    down: float
    """Bytes of streams."""
    datagrams_up: float
    datagrams_down: float

    @property
    def stays(self) -> tuple[int, int, int, int]:
        """How long each of the STATES was."""
        return self.in_first, self.in_second, self.in_third, self.in_fourth

    @property
    def is_empty(self) -> bool:
        """Whether nothing was watched in this span."""
        return not (self.samples or any(self.stays))


EMPTY: Final = Record(0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)


def units(value: float | None, of: float) -> int:
    """*value* in units of *of*, as a Record has it."""
    return UNKNOWN if value is None else min(MOST, max(0, round(value / of)))


def value_of(kept: int, of: float) -> float | None:
    """The reverse of `units`."""
    return None if kept == UNKNOWN else kept * of


def combine(records: Sequence[Record]) -> Record:
    """Several spans as one. Medians are weighed by their pings; the p95 is that of a mixture in which nine of ten pings
    took as long as their span's median, and one as long as its p95. Sums may be more than a sheet can hold."""
    if len(records) == 1:
        return records[0]
    columns = list(zip(*records, strict=True))
    weights = columns[0]
    middle = [(trip, TYPICAL * weight) for trip, weight in zip(columns[1], weights, strict=True) if trip != UNKNOWN]
    high = [(trip, weight) for trip, weight in zip(columns[2], weights, strict=True) if trip != UNKNOWN]
    return Record(
        sum(weights),
        _quantile(middle, 0.5),
        _quantile(middle + high, 0.95),
        _mean(columns[3], weights),
        _mean(columns[4], weights),
        _mean(columns[5], None),
        _mean(columns[6], None),
        sum(columns[7]),
        sum(columns[8]),
        sum(columns[9]),
        sum(columns[10]),
        sum(columns[11]) / len(records),
        sum(columns[12]),
        sum(columns[13]),
        sum(columns[14]),
        sum(columns[15]),
    )


def _quantile(pairs: Iterable[tuple[int, int]], share: float) -> int:
    """Of values and their weights."""
    ordered = sorted(pairs)
    left = share * sum(weight for _, weight in ordered)
    for value, weight in ordered:
        left -= weight
        if left <= 0 and weight:
            return value
    return UNKNOWN


def _mean(values: Sequence[int], weights: Sequence[int] | None) -> int:
    """Of what is known."""
    known = [
        (value, weight)
        for value, weight in zip(values, weights or [1] * len(values), strict=True)
        if value != UNKNOWN and weight
    ]
    whole = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / whole) if whole else UNKNOWN
