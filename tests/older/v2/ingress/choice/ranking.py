"""The paths from best to worst, held steady: one ranking of all, and one for each exit.

A ranking is a permutation of the paths it was given. A leader keeps its place until another was cheaper by
the margin for a while, or until it stops working. Nothing is ever excluded but what is down.
"""

from collections.abc import Mapping, Sequence

import attrs

from ingress.choice.cost import margin
from ingress.choice.entry import Entry, Tier
from ingress.choice.spread import Spread
from ingress.measure.figures import PathFigures

SWITCH_AFTER = 3.0
"""Seconds on end for which the leader must be beaten by the margin."""
LEAVE_BAND = 2.0
"""Margins from the leader at which a path leaves the band; it enters within one."""
MOST_SWITCHES = 20


@attrs.frozen
class Settled:
    """Who leads a group of paths, since when the leader is beaten, and which are as good as it."""

    leader: str
    beaten_since: float | None
    band: frozenset[str]


@attrs.frozen
class Switch:
    """New streams left one path for another; at `at`, on the clock of `now`."""

    at: float
    old: str
    new: str
    reason: str


@attrs.frozen
class Group:
    """The paths of one exit, or all: best first, and those that new streams are spread over."""

    order: tuple[Entry, ...]
    band: tuple[Entry, ...]
    """Empty only if all are down."""
    settled: Settled
    spread: Spread = attrs.field(init=False, repr=False, eq=False)
    """Its band, as new streams are spread over it."""

    @spread.default
    def _spread(self) -> Spread:
        return Spread(self.band)

    @property
    def leader(self) -> Entry:
        """Who stands first."""
        return self.order[0]


@attrs.frozen
class Ranking:
    """All paths, best first, at one moment; empty before the first round."""

    at: float = float("-inf")
    group: Group | None = None
    exits: Mapping[str, Group] = {}
    by_name: Mapping[str, Entry] = {}
    switches: tuple[Switch, ...] = ()
    """The last changes of the leader, newest last."""

    order: tuple[Entry, ...] = attrs.field(init=False, repr=False, eq=False)
    """All paths, best first."""

    usable: Mapping[str, Group] = attrs.field(init=False, repr=False, eq=False)
    """By exit, the paths of those to which at least one is not down."""

    @usable.default
    def _usable(self) -> dict[str, Group]:
        return {name: group for name, group in self.exits.items() if group.band}

    @order.default
    def _order(self) -> tuple[Entry, ...]:
        return () if self.group is None else self.group.order


def rank(
    previous: Ranking,
    figures: Sequence[PathFigures],
    now: float,
    *,
    assumed: Mapping[str, float] = {},
    lagged: bool = False,
) -> Ranking:
    """Order the paths; what *previous* held is kept while the margin is small.

    *assumed* is the target's share by exit for unknown targets. With *lagged* (our own loop stood still), or
    when every path misses at once, the order stays what it was.
    """
    entries = [Entry(one, assumed.get(one.path.end, 0.0)) for one in figures]
    if not entries:
        return Ranking(now, switches=previous.switches)
    upset = lagged or all(entry.tier >= Tier.STALLED for entry in entries)
    places = {entry.name: entry.rank for entry in previous.order}
    if upset and places:
        entries.sort(key=lambda entry: places.get(entry.name, len(places) + 1))
    else:
        entries.sort(key=lambda entry: (entry.tier, entry.total, entry.name))
    group = _group(previous.group, entries, now, upset)
    _number(group)
    apart: dict[str, list[Entry]] = {}
    for entry in entries:
        apart.setdefault(entry.exit, []).append(entry)
    exits = {name: _group(previous.exits.get(name), some, now, upset) for name, some in apart.items()}
    return Ranking(now, group, exits, {entry.name: entry for entry in entries}, _switches(previous, group, now))


def _group(previous: Group | None, ordered: list[Entry], now: float, upset: bool) -> Group:
    """*ordered* has the cheapest first."""
    settled = settle(None if previous is None else previous.settled, ordered, now, upset)
    leader = next(entry for entry in ordered if entry.name == settled.leader)
    order = (leader, *(entry for entry in ordered if entry is not leader))
    usable = [entry for entry in order if entry.tier is not Tier.DOWN]
    band = [entry for entry in usable if entry.name in settled.band] or usable[:1]
    return Group(order, tuple(band), settled)


def settle(previous: Settled | None, ordered: Sequence[Entry], now: float, upset: bool) -> Settled:
    """Who leads now. *ordered* has at least one entry, the cheapest first."""
    best = ordered[0]
    leader = next((entry for entry in ordered if previous is not None and entry.name == previous.leader), None)
    if previous is None or leader is None:
        return _led_by(best, ordered, frozenset())
    if upset:
        return attrs.evolve(previous, band=previous.band & {entry.name for entry in ordered})
    if best.tier < leader.tier:
        return _led_by(best, ordered, frozenset())
    if leader.total - best.total <= _margin(leader, best):
        return _led_by(leader, ordered, previous.band)
    since = now if previous.beaten_since is None else previous.beaten_since
    if now - since >= SWITCH_AFTER:
        return _led_by(best, ordered, frozenset())
    return attrs.evolve(_led_by(leader, ordered, previous.band), beaten_since=since)


def _led_by(leader: Entry, ordered: Sequence[Entry], members: frozenset[str]) -> Settled:
    """The band around *leader*; *members* were in it before, and leave it later than others enter."""
    band = {
        entry.name
        for entry in ordered
        if entry.tier is leader.tier
        and abs(entry.total - leader.total) <= _margin(leader, entry) * (LEAVE_BAND if entry.name in members else 1.0)
    }
    return Settled(leader.name, None, frozenset(band))


def _margin(one: Entry, other: Entry) -> float:
    return margin(one.total, one.figures.deviation, other.figures.deviation)


def _number(group: Group) -> None:
    band = frozenset(group.band)
    for place, entry in enumerate(group.order, 1):
        entry.place(place, in_band=entry in band)


def _switches(previous: Ranking, group: Group, now: float) -> tuple[Switch, ...]:
    if previous.group is None or previous.group.settled.leader == group.settled.leader:
        return previous.switches
    left = previous.group.settled.leader
    old = next((entry for entry in group.order if entry.name == left), None)
    switch = Switch(now, left, group.leader.name, _why_left(old, group.leader))
    return (*previous.switches, switch)[-MOST_SWITCHES:]


def _why_left(old: Entry | None, new: Entry) -> str:
    if old is None:
        return "no longer in the network"
    if old.tier is not new.tier:
        return old.reason
    return f"{(old.total - new.total) * 1000:.1f} ms cheaper for {SWITCH_AFTER:g} s"
