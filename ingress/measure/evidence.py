"""What paths and prefixes say of themselves, and which case explains one that is not up.

The first case that fits holds, and there is one for every walk:

| case | what is seen | what is said |
| --- | --- | --- |
| planned | a node on it has said that it drains, or has come back from that a moment ago | the node, and since when |
| planned | nothing answers over a line of it that an operator holds | the line, and since when |
| trial | it answers, but has not proven itself yet | the node that came back, or the paths |
| told | its set-up failed with words: another node answered, a foreign certificate, an old version … | the words |
| beginning | its beginning is not up either | what is said of the beginning |
| start | it was never tried | that it is being set up |
| alone | its beginning is up, and others answer over its last line | the path |
| missing | its beginning is up, and nothing answers over its last line | the line, or the node at its end |
| everything | nothing at all answers, and nothing tells why | this machine: nobody out there is accused |
"""

import enum
from collections.abc import Iterable, Mapping, Sequence

import attrs

from ingress.measure.faults import MUTE, OF_THE_LINE, FaultKind, SetupFault
from ingress.measure.health import PathState
from ingress.messages.message import Message
from relay.model.walk import Path


@attrs.frozen
class Witness:
    """What one path or prefix says of itself."""

    path: Path
    state: PathState
    was_tried: bool = True
    """Whether anything was heard of it yet, good or bad."""
    fault: SetupFault | None = None
    """Of the last set-up, if that failed."""
    age: float = 0.0
    """Seconds since it came to its state."""
    tried_age: float = 0.0
    """Seconds since its last set-up failed or its carrier was lost: what it says is that old."""
    is_on_trial: bool = False
    """It died a short while ago."""

    @property
    def answers(self) -> bool:
        """Whether its pings are answered now."""
        return self.state in (PathState.UP, PathState.HELD)

    @property
    def tells(self) -> bool:
        """Whether its last set-up failed in a way that names what is wrong."""
        return self.state is PathState.DOWN and self.fault is not None and self.fault.kind not in MUTE


@attrs.frozen
class Planned:
    """A node that has said it drains."""

    node: str
    age: float
    """Seconds since it said so, or since it came back."""
    is_back: bool = False

    @property
    def sentence(self) -> Message:
        """What an operator is told."""
        return Message("blame.back" if self.is_back else "blame.drains", node=self.node, age=self.age)


@attrs.frozen
class HeldLine:
    """A line that an operator holds: that nothing answers over it is no news."""

    line: str
    since: str
    """As an operator reads it."""

    @property
    def sentence(self) -> Message:
        """What an operator is told."""
        return Message("blame.held", line=self.line, since=self.since)


class Case(enum.IntEnum):
    """In the order in which findings are shown: what is to be mended first."""

    EVERYTHING = 0
    MISSING = 1
    TOLD = 2
    ALONE = 3
    TRIAL = 4
    PLANNED = 5
    START = 6


Key = tuple[Case, str]
"""What one finding is about: its case, and the node, line or path that it names."""


class Evidence:
    """All witnesses, and what follows from those that answer."""

    def __init__(self, witnesses: Iterable[Witness], planned: Iterable[Planned], held: Iterable[HeldLine] = ()) -> None:
        self.heard = {one.path.name: one for one in witnesses}
        self.planned = {one.node: one for one in planned}
        self.held = {one.line: one for one in held}
        well = [one for one in self.heard.values() if one.answers]
        self.acquitted = {hop.line.name for one in well for hop in one.path.hops}
        """Lines over which something answers."""
        self.reached = {node for one in well for node in one.path.nodes}
        """Nodes that are passed, or that answer."""
        self.strayed = {
            (one.path.hops[one.fault.hop].end, one.fault.shown)
            for one in self.heard.values()
            if one.fault is not None and one.tells and one.fault.shown is not None
        }
        """Whom a line should lead to, and who was found at its end."""

    def explain(self, one: Witness) -> Key:
        """The case of a walk that is not up, and whom it is about; every such walk has one."""
        path, fault = one.path, one.fault
        for node in path.nodes:
            if node in self.planned and not self._has_said_more(one, self.planned[node]):
                return Case.PLANNED, node
        if not one.answers:
            for hop in path.hops:
                if hop.line.name in self.held and hop.line.name not in self.acquitted:
                    return Case.PLANNED, hop.line.name
        if one.state is PathState.HELD:
            return (Case.TRIAL, self._came_back(path.end)) if one.is_on_trial else (Case.START, "")
        if fault is not None and one.tells:
            return Case.TOLD, self._whom(one, fault)
        beginning = self._beginning(path)
        if beginning is not None and not beginning.answers and (beginning.was_tried or not one.was_tried):
            return self.explain(beginning)
        if not one.was_tried:
            return Case.START, ""
        last = path.hops[-1]
        if one.state is PathState.DOWN and self._is_outdated(one):
            return Case.START, ""
        if last.line.name in self.acquitted:
            return Case.ALONE, path.name
        return Case.MISSING, last.end

    def sentence(self, whom: str) -> Message:
        """Of what is planned, be it a node's or a line's."""
        return self.planned[whom].sentence if whom in self.planned else self.held[whom].sentence

    def _has_said_more(self, one: Witness, stop: Planned) -> bool:
        """Whether something was found at the node since it said that it would stop: it is back, and wrong."""
        fault = one.fault
        if fault is None or not one.tells or fault.kind is FaultKind.OTHER or stop.is_back:
            return False
        return one.path.hops[fault.hop].end == stop.node and one.tried_age < stop.age

    def _is_outdated(self, one: Witness) -> bool:
        """Whether the node at its end has come back since it was tried: then it accuses nobody, until it is tried."""
        ages = [other.age for other in self.heard.values() if other.answers and other.path.end == one.path.end]
        return bool(ages) and max(ages) < one.tried_age

    def is_cut_off(self, found: Mapping[Key, Sequence[Witness]]) -> bool:
        """Whether nothing at all answers, and not one walk tells more than that."""
        missing = [one for (case, _), some in found.items() if case is Case.MISSING for one in some]
        told = any(one.fault is not None and one.fault.kind is FaultKind.REFUSED for one in missing)
        return bool(missing) and not self.acquitted and not told and all(key[0] is Case.MISSING for key in found)

    def _beginning(self, path: Path) -> Witness | None:
        return None if len(path.hops) == 1 else self.heard.get(path.prefix(len(path.hops) - 1).name)

    def _came_back(self, node: str) -> str:
        """*node*, if it was away altogether: all that ends there is on trial."""
        ending = [one for one in self.heard.values() if one.path.end == node and one.was_tried]
        return node if all(one.state is PathState.HELD and one.is_on_trial for one in ending) else ""

    def _whom(self, one: Witness, fault: SetupFault) -> str:
        """One finding for what is the line's, one for what is the node's, whichever walks met it."""
        hop = one.path.hops[fault.hop]
        if fault.kind is FaultKind.WRONG_NODE and (fault.shown, hop.end) in self.strayed:
            return " ".join(sorted((hop.end, fault.shown or "")))
        if fault.kind is FaultKind.WRONG_NODE:
            return f"{hop.line.name} {fault.shown}"
        return f"{hop.line.name} {fault.kind.name}" if fault.kind in OF_THE_LINE else f"{hop.end} {fault.text}"
