"""Which path, of those a ranking holds, one stream takes: a choice and its reason, pairs, alternatives.

Functions over a ranking that is settled; on the way of every new connection, so nothing here is slow.
"""

from collections.abc import Iterable

from ingress.choice.ranking import Entry, Ranking, Tier


class Choice:
    """What one stream was given. `paths` are names, normally one; two for a redundant stream."""

    __slots__ = ("entry", "exit", "paths", "why")

    def __init__(self, entry: Entry, why: str, second: Entry | None = None) -> None:
        name = entry.figures.path.name
        self.entry = entry
        self.exit = entry.figures.path.end
        self.paths: tuple[str, ...] = (name,) if second is None else (name, second.figures.path.name)
        self.why = why

    @property
    def reason(self) -> str:
        """For the log and `--why`: what decided, and how the path stood then."""
        return f"{self.why} ({self.entry.reason})"

    def __repr__(self) -> str:
        return f"<Choice {' + '.join(self.paths)} to {self.exit}: {self.reason}>"


def pair(order: Iterable[Entry]) -> tuple[Entry, Entry] | None:
    """The two paths of one exit for a redundant stream: they share no line and, if possible, no provider.

    *order* is the exit's, best first; None if there is no such pair.
    """
    works = [entry for entry in order if entry.tier < Tier.STALLED]
    pairs = [
        (bool(one.figures.path.providers & other.figures.path.providers), first, second)
        for first, one in enumerate(works)
        for second, other in enumerate(works[first + 1 :], first + 1)
        if not one.figures.path.lines & other.figures.path.lines
    ]
    if not pairs:
        return None
    _, first, second = min(pairs)
    return works[first], works[second]


def partner(order: Iterable[Entry], leg: Entry) -> Entry | None:
    """The best path of *order* that shares no line with *leg*, without its providers if possible."""
    lines, providers = leg.figures.path.lines, leg.figures.path.providers
    apart = [entry for entry in order if entry.tier < Tier.STALLED and not entry.figures.path.lines & lines]
    return min(apart, key=lambda entry: bool(entry.figures.path.providers & providers), default=None)


def alternatives(ranking: Ranking, choice: Choice) -> tuple[Choice, ...]:
    """Where to open a stream that *choice* did not open in time, in order.

    First the same exit over paths that share no line with what was tried, then over others, then each
    other exit's best (only while no byte of the client was sent).
    """
    tried = [entry for name in choice.paths if (entry := ranking.by_name.get(name)) is not None]
    lines = frozenset[str]().union(*(entry.figures.path.lines for entry in tried))
    group = ranking.exits.get(choice.exit)
    same = [
        entry
        for entry in (group.order if group is not None else ())
        if entry.tier < Tier.STALLED and entry.name not in choice.paths
    ]
    apart = [entry for entry in same if not entry.figures.path.lines & lines]
    shared = [entry for entry in same if entry.figures.path.lines & lines]
    elsewhere = sorted(
        (other.band[0] for name, other in ranking.exits.items() if name != choice.exit and other.band),
        key=lambda entry: entry.rank,
    )
    return (
        *(Choice(entry, "another path to the same exit") for entry in (*apart, *shared)),
        *(Choice(entry, "another exit") for entry in elsewhere if entry.tier < Tier.STALLED),
    )
