"""Which paths carry datagrams to one exit: a primary, a spare that takes over, and whether both carry copies.

Pure. The exit of an association is chosen like that of a stream, and kept. Of its paths the primary is the one that is
best by round trip, jitter and loss; a better one takes its place only after it was better for a while, a lost one is
left at once. The spare shares no line with it if that can be.
"""

import enum
from collections.abc import Iterable

import attrs

from ingress.measure.gauge import Gauge

MARGIN = 0.005
MARGIN_SHARE = 0.1
"""Seconds, or share of the cost, whichever is more, by which a path must be better to become the primary."""
DWELL = 5.0
"""Seconds for which it must have been so, without a break."""
SPARE_WITHIN = 0.04
"""Seconds by which the spare's round trip may be longer for copies to be of use: what comes later is late anyway."""
JITTERY = 0.008
"""Seconds of jitter from which on thin flows are copied."""
YOUNG = 2.0
"""Seconds at the beginning of an association in which it is copied: nothing is known of it, and a game's first words
decide whether it starts."""
THIN_BYTES = 64_000
THIN_DATAGRAMS = 200
"""A second, either way: what a game or a voice sends. More is not copied by itself."""


class State(enum.IntEnum):
    """How a path stands for datagrams; the lower one always goes first."""

    WELL = 0
    UNKNOWN = 1
    """Never measured."""
    SUSPECT = 2
    LOST = 3


@attrs.frozen
class Candidate:
    """One path to the exit that takes datagrams."""

    name: str
    lines: frozenset[str]
    state: State
    cost: float
    """Seconds: its gauge's, or if that knows nothing, its streams'."""
    trip: float = 0.0
    is_backup: bool = False
    """Only when nothing else is there."""
    is_leaving: bool = False
    """A node on it is about to stop: it works, and is to be left before it does not."""

    @property
    def rank(self) -> tuple[bool, bool, bool, State, float]:
        """Lower is better."""
        return self.state is State.LOST, self.is_leaving, self.is_backup, self.state, self.cost


@attrs.frozen
class Route:
    """What carries datagrams to one exit now."""

    primary: str | None = None
    spare: str | None = None
    is_disjoint: bool = False
    """Primary and spare share no line."""
    is_near: bool = False
    """The spare is near enough for copies."""
    is_suspect: bool = False
    """The primary is: all that may be is sent over both."""
    generation: int = 0
    """Counts the primaries, modulo 256."""
    challenger: str | None = None
    since: float = 0.0
    """A path that is better than the primary, and since when."""


def route(before: Route, candidates: Iterable[Candidate], now: float) -> Route:
    """What carries datagrams from now on."""
    order = sorted(candidates, key=lambda one: one.rank)
    if not order:
        number = (before.generation + (before.primary is not None)) % 256
        return attrs.evolve(before, primary=None, spare=None, is_suspect=False, generation=number, challenger=None)
    known = {one.name: one for one in order}
    held = known.get(before.primary or "")
    primary, challenger, since = _primary(before, held, order[0], now)
    moved = primary.name != before.primary and before.primary is not None
    spare = _spare(primary, order)
    return Route(
        primary.name,
        None if spare is None else spare.name,
        spare is not None and not spare.lines & primary.lines,
        spare is not None and spare.trip - primary.trip <= SPARE_WITHIN,
        primary.state >= State.SUSPECT,
        (before.generation + moved) % 256,
        challenger,
        since,
    )


def _primary(before: Route, held: Candidate | None, best: Candidate, now: float) -> tuple[Candidate, str | None, float]:
    """The primary, and who is about to take its place since when."""
    if held is None or held is best:
        return best, None, now
    if held.state is State.LOST and best.state is not State.LOST:
        return best, None, now
    if held.is_leaving and not best.is_leaving and best.state <= State.UNKNOWN:
        return best, None, now
    is_better = best.rank[:3] < held.rank[:3] or (
        best.state is State.WELL and held.cost - best.cost > max(MARGIN, MARGIN_SHARE * held.cost)
    )
    if not is_better or held.state is State.SUSPECT:  # it comes back, or is lost, within a round trip
        return held, None, now
    since = before.since if before.challenger == best.name else now
    return (best, None, now) if now - since >= DWELL else (held, best.name, since)


def _spare(primary: Candidate, order: Iterable[Candidate]) -> Candidate | None:
    """The best path beside *primary*: one that shares no line with it, if any works. A backup line only stands in for
    one."""
    others = [
        one
        for one in order
        if one is not primary and one.state is not State.LOST and (primary.is_backup or not one.is_backup)
    ]
    return min(
        others,
        key=lambda one: (one.is_leaving, one.state is State.SUSPECT, bool(one.lines & primary.lines)),
        default=None,
    )


# ---- copies


class Rate:
    """What one flow sends in one direction. Whoever sends adds to `count` and `size` for every datagram; it is looked
    at when that matters."""

    __slots__ = ("_last", "_since", "_was_thin", "count", "size")

    def __init__(self, now: float) -> None:
        self.count = self.size = 0
        self._last = 0, 0
        """Of the last second, or what there was since somebody looked."""
        self._since = now
        self._was_thin = True

    def is_thin(self, now: float) -> bool:
        """Whether it is little, and was over the last whole second, or for as long as nobody has looked."""
        passed = now - self._since
        if passed >= 1.0:
            self._was_thin = self.count <= THIN_DATAGRAMS * passed and self.size <= THIN_BYTES * passed
            self._last = self.count, self.size
            self._since, self.count, self.size = now, 0, 0
        return self._was_thin and self.count <= THIN_DATAGRAMS and self.size <= THIN_BYTES

    @property
    def lately(self) -> tuple[int, int]:
        """Datagrams and bytes of the last second or two."""
        return self.count + self._last[0], self.size + self._last[1]


def wants_copies(wish: bool | None, way: Route, gauge: Gauge, began: float, *, are_on: bool, now: float) -> bool:
    """Whether a thin flow, that began at *began*, is to be copied; *wish* is a rule's, None if it says nothing, and
    *gauge* that of the primary. They are turned on by what is wrong, and off after a while without."""
    if wish is not None:
        return wish
    if not way.is_near:
        return False
    if now - began < YOUNG or gauge.loses(now) or gauge.jitter >= JITTERY:
        return True
    return are_on and not gauge.is_calm(now)
