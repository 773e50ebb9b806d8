"""The paths from best to worst, held steady: one ranking of all, and one for each exit.

A ranking is a permutation of the paths it was given. A leader keeps its place until another has been so much cheaper
for so long that a switch was worth it, or until it stops working: noise may delay a switch, never admit a worse path.
Nothing leads that was not measured while something that was can. Nothing is ever excluded but what is down, or closed.
"""

import math
from collections.abc import Mapping, Sequence

import attrs

from ingress.choice.cost import ERRORS, TOLD_APART, equal
from ingress.choice.entry import Entry, Tier
from ingress.measure.figures import PathFigures
from ingress.messages.message import Message

ENOUGH = 0.080
"""What a switch has to be worth before it is made, in seconds of cost times seconds of time: 10 ms for a second,
1 ms for 80. It is what is paid for being slow. Of 16 paths, 0.03 had a seventh less regret and an eighth more switches;
but equal paths traded places."""
PLAIN = 0.0015
"""Seconds of advantage from which on it counts for more than itself: what is plain need not be waited for."""
FOR_A_SECOND = math.sqrt(ENOUGH * PLAIN)
"""Seconds of advantage that are enough after one second."""
SURE = 1.5
"""Times what two paths must differ by to be told apart, from which on the whole difference counts; below, what is more
than the doubt. At once the whole, and of 16 equals some changed places; never, and of a millisecond's advantage a half
was waited for in vain."""
LONGEST_ROUND = 1.0
"""Seconds that one round counts for at most."""
LEAVE_BAND = 2.0
"""Times what lets a path into the band, at which it leaves it."""
DOUBT = 0.015
"""Seconds that a new stream may cost more than on the leader while it is in doubt: a lost segment costs twenty times
as much, and one late ping on a line that was well has a chance of one in three to be followed by others."""
MOST_SWITCHES = 20
NOBODY: Mapping[str, str] = {}


@attrs.frozen
class Settled:
    """Who leads a group of paths, how far others have come to taking its place, and which are as good as it."""

    leader: str
    ahead: Mapping[str, float]
    """By challenger, what it has been cheaper by so far, as far as that is sure; s times s, up to ENOUGH."""
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
    """The paths of one exit, or all: best first, and those that are as good as the best."""

    order: tuple[Entry, ...]
    band: tuple[Entry, ...]
    """Empty only if all are down, or closed."""
    settled: Settled
    meanwhile: Entry | None = None
    """While the leader is in doubt: a path that is not, and costs little more."""

    @property
    def first(self) -> Entry:
        """The path that new streams take: the leader, while no line of it is full; then, of those that are as good,
        the emptiest that has room."""
        if self.meanwhile is not None:
            return self.meanwhile
        leader = self.band[0]
        return min(self.band, key=_crowd) if leader.figures.is_full else leader

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
    """By exit, the paths of those to which at least one can carry a stream."""

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
    lagged: bool = False,
    sick: Mapping[str, str] = NOBODY,
) -> Ranking:
    """Order the paths; who led in *previous* keeps its place until `settle` says otherwise. *sick* says of exits why
    they reach no targets.

    With *lagged* (our own loop stood still), or when every path misses at once, the order stays what it was.
    """
    found = _ranked(previous, [Entry(one, sick.get(one.exit, "")) for one in figures], now, lagged)
    if found.group is not None:
        _number(found.group)
    return found


def restrict(previous: Ranking, whole: Ranking, paths: frozenset[str], *, lagged: bool = False) -> Ranking:
    """The same of some *paths* alone, after their *previous* ranking: the entries are those of *whole*, and stand at
    its moment."""
    return _ranked(previous, [entry for entry in whole.order if entry.name in paths], whole.at, lagged)


def _ranked(previous: Ranking, entries: list[Entry], now: float, lagged: bool) -> Ranking:
    if not entries:
        return Ranking(now, switches=previous.switches)
    upset = lagged or all(entry.tier >= Tier.STALLED for entry in entries)
    places = {entry.name: place for place, entry in enumerate(previous.order, 1)}
    if upset and places:
        entries.sort(key=lambda entry: places.get(entry.name, len(places) + 1))
    else:
        entries.sort(key=lambda entry: (entry.grade, not entry.is_measured, entry.cost, entry.name))
    elapsed = min(now - previous.at, LONGEST_ROUND) if places else 0.0
    group = _group(previous.group, entries, elapsed, upset)
    apart: dict[str, list[Entry]] = {}
    for entry in entries:
        apart.setdefault(entry.exit, []).append(entry)
    exits = {name: _group(previous.exits.get(name), some, elapsed, upset) for name, some in apart.items()}
    return Ranking(now, group, exits, {entry.name: entry for entry in entries}, _switches(previous, group, now))


def _group(previous: Group | None, ordered: list[Entry], elapsed: float, upset: bool) -> Group:
    """*ordered* has the cheapest first."""
    settled = settle(None if previous is None else previous.settled, ordered, elapsed, upset)
    leader = next(entry for entry in ordered if entry.name == settled.leader)
    order = (leader, *(entry for entry in ordered if entry is not leader))
    usable = [entry for entry in order if entry.tier < Tier.CLOSED]
    band = [entry for entry in usable if entry.name in settled.band] or usable[:1]
    return Group(order, tuple(band), settled, _meanwhile(leader, usable))


def _meanwhile(leader: Entry, ordered: Sequence[Entry]) -> Entry | None:
    """Where new streams go while *leader* is in doubt: first to what shares no line with it. It still leads, and has
    them back once it has answered for a while."""
    if not leader.figures.is_in_doubt:
        return None
    lines, most = leader.figures.path.lines, leader.cost + DOUBT
    sure = [
        entry
        for entry in ordered
        if entry.tier is leader.tier and entry.is_measured and entry.cost <= most and not entry.figures.is_in_doubt
    ]
    return min(sure, key=lambda entry: (bool(entry.figures.path.lines & lines), entry.cost), default=None)


def settle(previous: Settled | None, ordered: Sequence[Entry], elapsed: float, upset: bool) -> Settled:
    """Who leads now, *elapsed* seconds after *previous*. *ordered* has at least one entry, the cheapest first."""
    best = ordered[0]
    leader = next((entry for entry in ordered if previous is not None and entry.name == previous.leader), None)
    if previous is None or leader is None:
        return _led_by(best, ordered, frozenset(), {})
    if upset:
        return attrs.evolve(previous, band=previous.band & {entry.name for entry in ordered})
    if best.grade < leader.grade:
        return _led_by(best, ordered, frozenset(), {})
    ahead = _ahead(previous.ahead, leader, ordered, elapsed)
    through = [entry for entry in ordered if ahead.get(entry.name, 0.0) >= ENOUGH]
    if through:
        return _led_by(through[0], ordered, frozenset(), {})
    return _led_by(leader, ordered, previous.band, ahead)


def _ahead(before: Mapping[str, float], leader: Entry, ordered: Sequence[Entry], elapsed: float) -> dict[str, float]:
    """How far each challenger has come; those that are not cheaper beyond doubt fall back."""
    found: dict[str, float] = {}
    for entry in ordered:
        if entry is leader or entry.grade != leader.grade or not entry.is_measured:
            continue
        gain, unsure = advantage(entry, leader), doubt(entry, leader)
        gain -= 0.0 if gain > SURE * unsure else unsure
        value = before.get(entry.name, 0.0) + gain * max(1.0, gain / PLAIN) * elapsed
        if value > 0.0:
            found[entry.name] = min(value, ENOUGH)
    return found


def advantage(entry: Entry, leader: Entry) -> float:
    """Seconds by which *entry* is to be preferred; of equals, the one that costs less money."""
    money = leader.figures.path.cost - entry.figures.path.cost
    gain = leader.cost - entry.cost
    return gain if not money else gain + math.copysign(equal(leader.cost), money)


def _led_by(leader: Entry, ordered: Sequence[Entry], members: frozenset[str], ahead: Mapping[str, float]) -> Settled:
    """The band around *leader*; *members* were in it before, and leave it later than others enter."""
    near = equal(leader.cost)
    band = {
        entry.name
        for entry in ordered
        if entry.grade == leader.grade
        and (entry is leader or entry.is_measured)
        and abs(entry.cost - leader.cost) <= near * (LEAVE_BAND if entry.name in members else 1.0)
    }
    return Settled(leader.name, ahead, frozenset(band))


def doubt(one: Entry, other: Entry) -> float:
    """Seconds by which the costs of two paths must differ to be told apart."""
    return max(TOLD_APART, ERRORS * math.hypot(one.figures.error, other.figures.error))


def _crowd(entry: Entry) -> tuple[bool, int, int]:
    return entry.figures.is_full, entry.figures.streams + entry.given, entry.rank


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
        return Message("switch.gone")
    if old.grade != new.grade:
        return old.reason
    return Message("switch.cheaper", gain=old.cost - new.cost)
