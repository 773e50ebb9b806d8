"""Which exits lack a family of addresses, and which targets have addresses of one family alone.

Exits tell of themselves. Of a literal address its family is plain; a name's is learnt from an exit that lacks one
family and found no route to it, until another without that family reaches it: then the first has lost its way out.
"""

from collections.abc import Iterable, Mapping

import attrs

from ingress.choice.demand import Demand
from ingress.lru import Lru
from relay.model.families import ALL_FAMILIES, Families

BELIEVED = 600.0
"""Seconds for which a name is believed to have one family alone: it may be given the other."""
MOST_NAMES = 4096


@attrs.frozen
class Belief:
    """What a name seems to need, and by whose word."""

    needed: Families | None
    """None: an exit without the family that seemed to be needed has reached it."""
    at: float
    demand: Demand
    exit: str


class FamilyNeeds:
    """What targets need and exits lack. While no exit lacks a family, it costs a look at an empty mapping."""

    __slots__ = ("_lacking", "_names")

    def __init__(self) -> None:
        self._lacking: dict[str, Families] = {}
        self._names: Lru[str, Belief] = Lru(MOST_NAMES)

    def tell(self, families: Mapping[str, Families]) -> None:
        """By exit, what each of them reaches the world by; one that is not here reaches it by both."""
        self._lacking = {name: ALL_FAMILIES & ~one for name, one in families.items() if one != ALL_FAMILIES}

    def is_lacking(self, exit_: str) -> bool:
        """Whether *exit_* lacks a family."""
        return exit_ in self._lacking

    def refused(self, demand: Demand, exit_: str, now: float) -> None:
        """*exit_* has no route to the target of *demand*. If it lacks a family, that is the one which is needed."""
        lacking = self._lacking.get(exit_)
        known = self._names.get(demand.host)
        is_refuted = known is not None and known.needed is None and now - known.at < BELIEVED
        if demand.family is None and lacking is not None and not is_refuted:
            self._names.put(demand.host, Belief(lacking, now, demand, exit_))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is believed of any name."""
        return not self._names

    def reached(self, demand: Demand, exit_: str, now: float) -> Belief | None:
        """*exit_* has connected the target of *demand*: a family that it lacks is not needed there. Returns what was
        believed, if that was wrong."""
        known = self._names.get(demand.host)
        if known is None or known.needed is None or exit_ not in self._without(known.needed):
            return None
        self._names.put(demand.host, attrs.evolve(known, needed=None, at=now))
        return known

    def needed(self, demand: Demand, now: float) -> Families | None:
        """The family without which an exit cannot reach the target; None if either may do."""
        if demand.family is not None:
            return demand.needs
        known = self._names.get(demand.host)
        return known.needed if known is not None and now - known.at < BELIEVED else None

    def exits(self, demand: Demand, everyone: Iterable[str], now: float) -> frozenset[str] | None:
        """The exits that may take the stream of *demand* and have what it needs; None for all.

        If none has it, those that may take it are to say so themselves: what they told may be out of date.
        """
        needed = self.needed(demand, now) if self._lacking else None
        if needed is None:
            return demand.exits
        may, cannot = frozenset(everyone) if demand.exits is None else demand.exits, self._without(needed)
        return demand.exits if may <= cannot or cannot.isdisjoint(may) else may - cannot

    def are_at(self, demand: Demand, exits: Iterable[str], now: float) -> bool:
        """Whether one of *exits* has what *demand* needs."""
        needed = self.needed(demand, now) if self._lacking else None
        return needed is None or bool(frozenset(exits) - self._without(needed))

    def lacks(self, exit_: str, demand: Demand, now: float) -> str | None:
        """What *demand* needs and *exit_* has not, by its name; None if it has."""
        needed = self.needed(demand, now) if self._lacking else None
        return None if needed is None or exit_ not in self._without(needed) else needed.label

    def _without(self, needed: Families) -> frozenset[str]:
        return frozenset(name for name, lacking in self._lacking.items() if needed in lacking)

    def __len__(self) -> int:
        return len(self._names)
