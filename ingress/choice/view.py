"""A ranking and what follows from it for running streams: of all paths, or of those alone that some may ride on."""

from ingress.choice import disjoint, moves
from ingress.choice.entry import Entry, Tier
from ingress.choice.moves import Move, Mover
from ingress.choice.ranking import Ranking, restrict


class View:
    """*within* are the names of its paths; None: all there are. `use` or `follow` brings it up to date."""

    __slots__ = ("_mover", "_pairs", "_whole", "ranking", "within")

    def __init__(self, within: frozenset[str] | None = None) -> None:
        self.within = within
        self.ranking = Ranking()
        self._whole = self.ranking
        self._mover = Mover(within)
        self._pairs: dict[str, tuple[Entry, Entry] | None] = {}

    def use(self, ranking: Ranking) -> None:
        """Go by *ranking*, which is of its paths."""
        self.ranking = ranking
        self._pairs.clear()

    def follow(self, whole: Ranking, *, lagged: bool) -> None:
        """Go by *whole*, which is of all paths."""
        if whole is not self._whole and self.within is not None:
            self._whole = whole
            self.use(restrict(self.ranking, whole, self.within, lagged=lagged))

    def moves(self, now: float) -> list[Move]:
        """Which streams should leave which path; to be asked right after it was brought up to date, and to be done."""
        return self._mover.moves(self.ranking, now)

    def rescue(self, path: str) -> str | None:
        """Where the streams of a silent or dead path go now; None while nothing is known to be better."""
        entry = self.ranking.by_name.get(path)
        to = None if entry is None else moves.rescue(self.ranking, entry)
        return None if to is None else to.name

    def order(self, exit_: str) -> tuple[Entry, ...]:
        """Its paths to *exit_*, the best first."""
        group = self.ranking.exits.get(exit_)
        return () if group is None else group.order

    def works(self, exit_: str) -> bool:
        """Whether any of them carries something now, as far as is known."""
        return any(entry.tier < Tier.STALLED for entry in self.order(exit_))

    def entries(self, exit_: str) -> tuple[Entry, Entry] | None:
        """The two best disjoint paths to *exit_*; None if there are none."""
        if exit_ not in self._pairs:
            self._pairs[exit_] = disjoint.pair(self.order(exit_))
        return self._pairs[exit_]

    def pair(self, exit_: str) -> tuple[str, str] | None:
        """Their names."""
        found = self.entries(exit_)
        return None if found is None else (found[0].name, found[1].name)

    def partner(self, path: str) -> str | None:
        """The path that joins *path* as the second leg of a redundant stream; None if none shares no line with it."""
        leg = self.ranking.by_name.get(path)
        other = None if leg is None else disjoint.partner(self.order(leg.exit), leg)
        return None if other is None else other.name

    def __repr__(self) -> str:
        which = "all" if self.within is None else len(self.within)
        return f"<View of {which} paths, {len(self.ranking.order)} ranked>"
