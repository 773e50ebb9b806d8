"""Paths for redundant streams: two of one exit that share no line and, if possible, no provider. No copy goes over a
backup: what has nothing else goes single.

Every byte comes by the nearer one, which therefore counts twice; when that dies, the other is what the stream has, and
the difference is felt. What one of them loses the other brings: only that both are late costs anything. (A carrier on
which a stream rides shows more late pings than an idle one over the same line: each segment that is lost holds up what
follows. By the plain cost a stream would go to and fro between two such lines.)
"""

import math
from collections.abc import Iterable, Sequence

from ingress.choice.cost import ERRORS, LATE_PENALTY, calm_cost
from ingress.choice.entry import Entry, Tier
from ingress.choice.moves import least_gain

NEARER = 2.0
"""Times that the nearer path of a pair counts."""


def pair(order: Iterable[Entry]) -> tuple[Entry, Entry] | None:
    """The two paths for a redundant stream. *order* is the exit's, best first; None if there is no such pair."""
    works = [entry for entry in order if _may_copy(entry)]
    pairs = [
        (_shared_providers(one, other), max(one.tier, other.tier), _cost(one, other), first, second)
        for first, one in enumerate(works)
        for second, other in enumerate(works[first + 1 :], first + 1)
        if not one.figures.path.lines & other.figures.path.lines
    ]
    if not pairs:
        return None
    *_, first, second = min(pairs)
    return works[first], works[second]


def is_better(pair: Sequence[Entry], legs: Sequence[Entry]) -> bool:
    """Whether a stream on the two *legs* should have *pair* instead: that costs less, beyond doubt, by what a stream
    leaves a path for; or *legs* share a provider, *pair* does not, and works as well."""
    if {entry.name for entry in pair} == {entry.name for entry in legs}:
        return False
    if _shared_providers(*pair) != _shared_providers(*legs):
        return max(entry.tier for entry in pair) <= max(entry.tier for entry in legs) and _shared_providers(*legs)
    doubt = ERRORS * math.hypot(*(entry.figures.error for entry in (*pair, *legs)))
    return _cost(*legs) - _cost(*pair) - doubt > least_gain(min(entry.cost for entry in legs))


def _cost(one: Entry, other: Entry) -> float:
    near, far = sorted((calm_cost(one.figures), calm_cost(other.figures)))
    return NEARER * near + far + one.figures.late * other.figures.late * (near + LATE_PENALTY)


def _may_copy(entry: Entry) -> bool:
    return entry.tier < Tier.STALLED and not entry.figures.is_backup


def _shared_providers(one: Entry, other: Entry) -> bool:
    return bool(one.figures.path.providers & other.figures.path.providers)


def partner(order: Iterable[Entry], leg: Entry) -> Entry | None:
    """The best path of *order* that shares no line with *leg*, without its providers if possible."""
    lines, providers = leg.figures.path.lines, leg.figures.path.providers
    apart = [entry for entry in order if _may_copy(entry) and not entry.figures.path.lines & lines]
    return min(apart, key=lambda entry: bool(entry.figures.path.providers & providers), default=None)
