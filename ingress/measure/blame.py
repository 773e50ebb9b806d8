"""What is broken, in sentences: the gravest first, and together they explain every walk that is not up.

Which case a walk is, `ingress/measure/evidence.py` knows; here are its words. What is missing is told by the node at
its end: the line, if the node answers over another one; the node, if several lines into it are accused and none
answers; either of them, if no other line leads there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from ingress.measure.evidence import Case, Evidence, Key, Planned, Witness
from ingress.measure.faults import OF_THE_LINE, FaultKind, SetupFault
from ingress.measure.health import PathState
from relay.model.walk import Hop, Path

SHOWN = 4
"""Names in one sentence at most."""


@attrs.frozen
class Blame:
    """One finding. `lines` and `node` are what is broken, or one of them is if `is_sure` is false; of what is planned,
    on trial or at its start, nothing is."""

    sentence: str
    lines: tuple[str, ...] = ()
    node: str | None = None
    is_sure: bool = True
    walks: tuple[str, ...] = ()
    """Names of the paths and prefixes that are not up for this."""


EVERYTHING = "nothing answers, on any line: it is the connection of this machine, or this process was held up"


def find_blame(witnesses: Iterable[Witness], exits: frozenset[str], planned: Iterable[Planned] = ()) -> list[Blame]:
    """Findings, the gravest first; together they explain every walk that is not up. *exits* are the nodes that are."""
    seen = Evidence(witnesses, planned)
    found: dict[Key, list[Witness]] = {}
    for one in seen.heard.values():
        if one.state is not PathState.UP:
            found.setdefault(seen.explain(one), []).append(one)
    if seen.is_cut_off(found):
        found = {(Case.EVERYTHING, ""): [one for some in found.values() for one in some]}
    teller = _Teller(seen, exits)
    return [teller.tell(key, some) for key, some in sorted(found.items(), key=lambda item: item[0][0])]


class _Teller:
    """Puts findings into words."""

    def __init__(self, seen: Evidence, exits: frozenset[str]) -> None:
        self._seen = seen
        self._exits = exits

    def tell(self, key: Key, some: Sequence[Witness]) -> Blame:
        case, whom = key
        match case:
            case Case.EVERYTHING:
                blame = Blame(EVERYTHING)
            case Case.PLANNED:
                blame = Blame(self._seen.planned[whom].sentence)
            case Case.MISSING:
                blame = self._missing(whom, some)
            case Case.TOLD:
                blame = self._told(some)
            case Case.ALONE:
                blame = Blame(f"path {whom} alone does not answer: over each of its lines something else does")
            case Case.TRIAL:
                blame = Blame(_trial(whom, some))
            case Case.START:
                blame = Blame(f"being set up: {listed(one.path.name for one in some)}")
        return attrs.evolve(blame, walks=tuple(one.path.name for one in some))

    def _missing(self, node: str, some: Sequence[Witness]) -> Blame:
        """Nothing answers over one or several lines into *node*."""
        faults = {one.path.hops[-1].line.name: one.fault for one in some if one.path.end == node}
        hops = {one.path.hops[-1].line.name: one.path.hops[-1] for one in some if one.path.end == node}
        kind = "exit" if node in self._exits else "node"
        names = listed(hops)
        is_down = all(fault is not None and fault.kind is FaultKind.REFUSED for fault in faults.values())
        if node in self._seen.reached:
            why = _why(faults.values())
            starts = listed(dict.fromkeys(one.path.hops[-1].start for one in some if len(one.path.hops) > 1))
            well = f"{starts} {'are' if ',' in starts else 'is'} well and " if starts else ""
            sentence = f"{_lines(hops)}: {well}{node} answers over other lines, not over {_this(hops)}{why}"
            return Blame(sentence, tuple(hops))
        if is_down:
            return Blame(
                f"{kind} {node}: nothing listens where {_lines(hops)} {_leads(hops)}: is it running?", (), node
            )
        if len(hops) > 1:
            return Blame(f"{kind} {node}: no line into it answers ({names}), all that lies before it does", (), node)
        (hop,) = hops.values()
        before = (
            "" if all(len(one.path.hops) == 1 for one in some if one.path.end == node) else f"{hop.start} is well, and "
        )
        sentence = f"line {names} or {kind} {node}: {before}{node} is reached over no other line{_why(faults.values())}"
        return Blame(sentence, tuple(hops), node, is_sure=False)

    def _told(self, some: Sequence[Witness]) -> Blame:
        told = [one for one in some if one.tells]
        fault, hop = _fault(told[0])
        lines = {_fault(one)[1].line.name: None for one in told}
        if fault.kind is FaultKind.WRONG_NODE:
            return self._wrong_node(hop, fault.shown or "somebody else", lines)
        if fault.kind in OF_THE_LINE:
            what = "other keys" if fault.kind is FaultKind.UNTRUSTED else "another program at that port"
            sentence = f"line {hop.line.name} does not lead to {hop.end}, or {hop.end} has {what}: {fault.text}"
            return Blame(sentence, (hop.line.name,), hop.end, is_sure=False)
        return Blame(fault.text if hop.end in fault.text else f"{hop.end}: {fault.text}", (), hop.end)

    def _wrong_node(self, hop: Hop, shown: str, lines: Collection[str]) -> Blame:
        """A line that leads elsewhere; if lines to there lead here, the two addresses stand the wrong way round."""
        if (shown, hop.end) in self._seen.strayed:
            nodes = " and ".join(sorted((hop.end, shown)))
            sentence = (
                f"{nodes}: addresses swapped? both are up, but each answers where the other should "
                f"(lines {listed(sorted(lines))})"
            )
            return Blame(sentence, tuple(sorted(lines)))
        sentence = (
            f"line {hop.line.name} leads to {shown}, not to {hop.end}: correct {hop.address}, or the forward there"
        )
        return Blame(sentence, (hop.line.name,))


def _fault(one: Witness) -> tuple[SetupFault, Hop]:
    """Of a walk that told: what, and where."""
    fault = one.fault
    assert fault is not None, one
    return fault, one.path.hops[fault.hop]


def _trial(node: str, some: Sequence[Witness]) -> str:
    age = min(one.age for one in some)
    if node:
        return f"{node} came back {age:.0f} s ago, and has to prove itself for some seconds"
    return f"back for {age:.0f} s after a death, and not trusted yet: {listed(one.path.name for one in some)}"


def _why(faults: Iterable[SetupFault | None]) -> str:
    """What set-ups say of it, if they say anything."""
    texts = {fault.text: None for fault in faults if fault is not None}
    return f" ({'; '.join(list(texts)[:2])})" if texts else ""


def _lines(hops: Mapping[str, Hop]) -> str:
    return f"line{'s' if len(hops) > 1 else ''} {listed(hops)}"


def _this(hops: Mapping[str, Hop]) -> str:
    return "these" if len(hops) > 1 else "this one"


def _leads(hops: Mapping[str, Hop]) -> str:
    return "lead" if len(hops) > 1 else "leads"


def listed(names: Iterable[str]) -> str:
    """*names*, of which SHOWN are named and the others counted."""
    every = list(names)
    more = len(every) - SHOWN
    return ", ".join(every[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def suspects(path: Path, proven: Collection[str]) -> frozenset[str]:
    """Lines of a silent *path* that may be broken: all behind its longest beginning that is *proven* to answer."""
    for count in range(len(path.hops) - 1, 0, -1):
        if path.prefix(count).name in proven:
            return frozenset(hop.line.name for hop in path.hops[count:])
    return path.lines
