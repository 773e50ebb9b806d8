"""What a demand was given: a path or two, and why; and where its stream may be opened if that fails."""

import enum
from collections.abc import Iterator, Mapping

from ingress.choice.demand import Demand
from ingress.choice.entry import Entry, Tier
from ingress.choice.ranking import Group, Ranking
from ingress.messages.message import Message


class Basis(enum.Enum):
    """What decided; the values are the words of logs and of `--why`."""

    BEST = Message("basis.best")
    SITE = Message("basis.site")
    PERMITTED = Message("basis.permitted")
    RULED = Message("basis.ruled")
    WISHED = Message("basis.wished")
    KEPT = Message("basis.kept")
    FOLLOWED = Message("basis.followed")
    DETOUR = Message("basis.detour")
    TRIAL = Message("basis.trial")
    LEFT = Message("basis.left")
    SAME_EXIT = Message("basis.same-exit")
    OTHER_EXIT = Message("basis.other-exit")


_SAME_EXIT, _OTHER_EXIT = Basis.SAME_EXIT, Basis.OTHER_EXIT  # found once: each look-up in an enum takes a call's time


class Choice:
    """What one stream was given. `paths` are names, normally one; two for a redundant stream."""

    __slots__ = ("basis", "demand", "entry", "exit", "is_repeated", "paths")

    def __init__(self, demand: Demand, entry: Entry, basis: Basis, second: Entry | None = None) -> None:
        self.demand = demand
        self.entry = entry
        """The path, or the better one of two."""
        self.exit = entry.exit
        self.paths: tuple[str, ...] = (entry.name,) if second is None else (entry.name, second.name)
        self.basis = basis
        self.is_repeated = basis is _SAME_EXIT or basis is _OTHER_EXIT
        """Whether the stream was opened before, on a path or at an exit that failed it."""

    @property
    def why(self) -> Message:
        """What decided; of a redundant stream, what became of its second leg."""
        if self.demand.legs == 1 or self.is_repeated:
            return self.basis.value
        if len(self.paths) < self.demand.legs:
            return Message("choice.single")
        return Message("choice.redundant")

    @property
    def reason(self) -> Message:
        """For the log and `--why`: what decided, and how the path stood then."""
        return Message("choice", why=self.why, reason=self.entry.reason)

    def __repr__(self) -> str:
        return f"<Choice {' + '.join(self.paths)} to {self.exit}: {self.reason}>"


def elsewhere_to_the_same_exit(ranking: Ranking, choice: Choice) -> Iterator[Choice]:
    """Other paths to the exit of *choice*, for a stream that was not opened in time: disjoint ones first."""
    tried = [entry for name in choice.paths if (entry := ranking.by_name.get(name)) is not None]
    lines = frozenset[str]().union(*(entry.figures.path.lines for entry in tried))
    group = ranking.exits.get(choice.exit)
    same = [
        entry
        for entry in (group.order if group is not None else ())
        if entry.tier < Tier.STALLED and entry.name not in choice.paths
    ]
    same.sort(key=lambda entry: bool(entry.figures.path.lines & lines))
    return (Choice(choice.demand, entry, Basis.SAME_EXIT) for entry in same)


def at_other_exits(ranking: Ranking, choice: Choice, exits: frozenset[str] | None) -> Iterator[Choice]:
    """The best path to each other one of *exits* (None for all), best first."""
    groups = permitted(ranking, exits)
    firsts = [group.band[0] for name, group in groups.items() if name != choice.exit]
    working = [entry for entry in firsts if entry.tier < Tier.STALLED]
    return (Choice(choice.demand, entry, Basis.OTHER_EXIT) for entry in sorted(working, key=lambda entry: entry.rank))


def permitted(ranking: Ranking, exits: frozenset[str] | None) -> Mapping[str, Group]:
    """Those of *exits* (None for all) to which a path is not down, with their paths."""
    if exits is None:
        return ranking.usable
    return {name: group for name, group in ranking.usable.items() if name in exits}
