"""Paths for redundant streams: two of one exit that share no line and, if possible, no provider."""

from collections.abc import Iterable

from ingress.choice.entry import Entry, Tier


def pair(order: Iterable[Entry]) -> tuple[Entry, Entry] | None:
    """The two paths for a redundant stream. *order* is the exit's, best first; None if there is no such pair.

    Both count the same: when one dies, the other is what the stream has, and the difference is felt as a pause.
    """
    works = [entry for entry in order if entry.tier < Tier.STALLED]
    pairs = [
        (_shared_providers(one, other), max(one.tier, other.tier), one.cost + other.cost, first, second)
        for first, one in enumerate(works)
        for second, other in enumerate(works[first + 1 :], first + 1)
        if not one.figures.path.lines & other.figures.path.lines
    ]
    if not pairs:
        return None
    *_, first, second = min(pairs)
    return works[first], works[second]


def _shared_providers(one: Entry, other: Entry) -> bool:
    return bool(one.figures.path.providers & other.figures.path.providers)


def partner(order: Iterable[Entry], leg: Entry) -> Entry | None:
    """The best path of *order* that shares no line with *leg*, without its providers if possible."""
    lines, providers = leg.figures.path.lines, leg.figures.path.providers
    apart = [entry for entry in order if entry.tier < Tier.STALLED and not entry.figures.path.lines & lines]
    return min(apart, key=lambda entry: bool(entry.figures.path.providers & providers), default=None)
