"""One path in a ranking: its figures, what they cost, and the tier that comes before cost."""

import enum

from ingress.choice.cost import path_cost
from ingress.measure.figures import PathFigures, Source
from ingress.measure.health import PathState
from ingress.messages.message import Message

BEST, IN_BAND, ONLY_THEN = Message("place.best"), Message("place.band"), Message("place.only-then")


class Tier(enum.IntEnum):
    """What comes before cost: the lower tier always ranks first."""

    UP = 0
    BACKUP = 1
    """Works, but is for when nothing else is up."""
    HELD = 2
    HELD_BACKUP = 3
    LEAVING = 4
    """Works, but a node on it drains, or a line of it was removed."""
    STALLED = 5
    CLOSED = 6
    """Works, and carries nothing new: what rides on it leaves by plan."""
    DOWN = 7
    """Cannot carry a stream."""


def tier_of(figures: PathFigures) -> Tier:
    """The tier of a path with *figures*."""
    if figures.state is PathState.DOWN:
        return Tier.DOWN
    if figures.state is PathState.STALLED:
        return Tier.DOWN if figures.closed else Tier.STALLED
    if figures.closed:
        return Tier.CLOSED
    if figures.leaving:
        return Tier.LEAVING
    if figures.state is PathState.HELD:
        return Tier.HELD_BACKUP if figures.is_backup else Tier.HELD
    return Tier.BACKUP if figures.is_backup else Tier.UP


def grade_of(tier: Tier, *, is_sick: bool) -> int:
    """As the tier, with the paths that work and end at a sick exit behind all others that work."""
    return tier + (2 * len(Tier) if tier >= Tier.STALLED else len(Tier) if is_sick else 0)


class Entry:
    """One path in a ranking. Read-only but for what `place` and `give` do."""

    __slots__ = ("cost", "exit", "figures", "given", "grade", "in_band", "name", "rank", "sickness", "tier")

    def __init__(self, figures: PathFigures, sickness: str = "") -> None:
        """*sickness* says why no new stream should go to its exit, if that is so."""
        self.figures = figures
        self.name = figures.path.name
        self.exit = figures.path.end
        """The node at which the path ends."""
        self.cost = path_cost(figures)
        """Without the target's share."""
        self.tier = tier_of(figures)
        self.sickness = sickness
        self.grade = grade_of(self.tier, is_sick=bool(sickness))
        """Where it stands among paths to all exits, before cost is asked; among those to one, as its tier."""
        self.given = 0
        """Streams that were given to it since the ranking was made."""
        self.rank = 0
        """From 1; 0 until it was placed."""
        self.in_band = False
        """As good as the best of all."""

    def place(self, rank: int, *, in_band: bool) -> None:
        """The ranking of all paths says where it stands."""
        self.rank, self.in_band = rank, in_band

    def give(self) -> None:
        """A stream was opened on it."""
        self.given += 1

    @property
    def is_measured(self) -> bool:
        """Whether its round trip is its own, and not put together of other walks'."""
        return self.figures.source is not Source.ASSUMED

    @property
    def reason(self) -> str:
        """Why it stands where it stands."""
        figures = self.figures
        if self.sickness and self.tier < Tier.STALLED:
            return self.sickness
        if self.tier in (Tier.HELD, Tier.HELD_BACKUP, Tier.STALLED, Tier.DOWN):
            return figures.reason or figures.shown
        if figures.closed or figures.leaving:
            return figures.closed or figures.leaving
        place = BEST if self.rank == 1 else IN_BAND if self.in_band else None
        if self.tier is Tier.BACKUP:
            backup = Message("place.backup", why=figures.stands_in or ONLY_THEN)
            return backup if place is None else Message("joined", parts=(place, backup))
        return place or Message("place.cost", cost=self.cost)

    def __repr__(self) -> str:
        return f"<Entry {self.rank} {self.name} {self.tier.name} {self.cost:.4f} s>"
