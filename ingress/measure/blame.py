"""What is broken, in sentences: the gravest first, and together they explain every walk that is not up.

Which case a walk is, `ingress/measure/evidence.py` knows; here are its words. What is missing is told by the node at
its end: the line, if the node answers over another one; the node, if several lines into it are accused and none
answers; either of them, if no other line leads there.
"""

from collections.abc import Collection, Iterable, Sequence

import attrs

from ingress.measure.evidence import Case, Evidence, HeldLine, Key, Planned, Witness
from ingress.measure.faults import OF_THE_LINE, FaultKind, SetupFault
from ingress.measure.health import PathState
from ingress.messages.message import Message
from relay.model.walk import Hop, Path


@attrs.frozen
class Blame:
    """One finding. `lines` and `node` are what is broken, or one of them is if `is_sure` is false; of what is planned,
    on trial or at its start, nothing is."""

    sentence: Message
    lines: tuple[str, ...] = ()
    node: str | None = None
    is_sure: bool = True
    walks: tuple[str, ...] = ()
    """Names of the paths and prefixes that are not up for this."""


EVERYTHING = Message("blame.everything")


def find_blame(
    witnesses: Iterable[Witness],
    exits: frozenset[str],
    planned: Iterable[Planned] = (),
    held: Iterable[HeldLine] = (),
) -> list[Blame]:
    """Findings, the gravest first; together they explain every walk that is not up. *exits* are the nodes that are."""
    seen = Evidence(witnesses, planned, held)
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
                blame = Blame(self._seen.sentence(whom))
            case Case.MISSING:
                blame = self._missing(whom, some)
            case Case.TOLD:
                blame = self._told(some)
            case Case.ALONE:
                blame = Blame(Message("blame.alone", path=whom))
            case Case.TRIAL:
                blame = Blame(_trial(whom, some))
            case Case.START:
                blame = Blame(Message("blame.start", paths=_names(some)))
        return attrs.evolve(blame, walks=_names(some))

    def _missing(self, node: str, some: Sequence[Witness]) -> Blame:
        """Nothing answers over one or several lines into *node*."""
        faults = {one.path.hops[-1].line.name: one.fault for one in some if one.path.end == node}
        hops = {one.path.hops[-1].line.name: one.path.hops[-1] for one in some if one.path.end == node}
        kind = Message("kind.exit") if node in self._exits else Message("kind.node")
        lines = tuple(hops)
        is_down = all(fault is not None and fault.kind is FaultKind.REFUSED for fault in faults.values())
        if node in self._seen.reached:
            starts = tuple(dict.fromkeys(one.path.hops[-1].start for one in some if len(one.path.hops) > 1))
            before = Message("blame.line.before", nodes=starts) if starts else ""
            why = _why(faults.values())
            return Blame(Message("blame.line", lines=lines, before=before, node=node, why=why), lines)
        if is_down:
            return Blame(Message("blame.nobody", kind=kind, node=node, lines=lines), (), node)
        if len(hops) > 1:
            return Blame(Message("blame.node", kind=kind, node=node, lines=lines), (), node)
        (hop,) = hops.values()
        is_first = all(len(one.path.hops) == 1 for one in some if one.path.end == node)
        before = "" if is_first else Message("blame.either.before", node=hop.start)
        why = _why(faults.values())
        sentence = Message("blame.either", line=hop.line.name, kind=kind, node=node, before=before, why=why)
        return Blame(sentence, lines, node, is_sure=False)

    def _told(self, some: Sequence[Witness]) -> Blame:
        told = [one for one in some if one.tells]
        fault, hop = _fault(told[0])
        lines = {_fault(one)[1].line.name: None for one in told}
        if fault.kind is FaultKind.WRONG_NODE:
            return self._wrong_node(hop, fault.shown or "somebody else", lines)
        if fault.kind in OF_THE_LINE:
            what = Message("blame.keys") if fault.kind is FaultKind.UNTRUSTED else Message("blame.program")
            sentence = Message("blame.elsewhere", line=hop.line.name, node=hop.end, what=what, text=fault.text)
            return Blame(sentence, (hop.line.name,), hop.end, is_sure=False)
        is_named = hop.end in fault.text
        said = Message("said", text=fault.text) if is_named else Message("about", name=hop.end, text=fault.text)
        return Blame(said, (), hop.end)

    def _wrong_node(self, hop: Hop, shown: str, lines: Collection[str]) -> Blame:
        """A line that leads elsewhere; if lines to there lead here, the two addresses stand the wrong way round."""
        if (shown, hop.end) in self._seen.strayed:
            nodes, named = tuple(sorted((hop.end, shown))), tuple(sorted(lines))
            return Blame(Message("blame.swapped", nodes=nodes, lines=named), named)
        line, address = hop.line.name, str(hop.address)
        return Blame(Message("blame.strays", line=line, shown=shown, node=hop.end, address=address), (line,))


def _fault(one: Witness) -> tuple[SetupFault, Hop]:
    """Of a walk that told: what, and where."""
    fault = one.fault
    assert fault is not None, one
    return fault, one.path.hops[fault.hop]


def _trial(node: str, some: Sequence[Witness]) -> Message:
    age = min(one.age for one in some)
    if node:
        return Message("blame.trial.node", node=node, age=age)
    return Message("blame.trial.paths", age=age, paths=_names(some))


def _why(faults: Iterable[SetupFault | None]) -> str:
    """What set-ups say of it, if they say anything."""
    texts = {fault.text: None for fault in faults if fault is not None}
    return Message("blame.because", texts=tuple(texts)[:2]) if texts else ""


def _names(some: Iterable[Witness]) -> tuple[str, ...]:
    return tuple(one.path.name for one in some)


def suspects(path: Path, proven: Collection[str]) -> frozenset[str]:
    """Lines of a silent *path* that may be broken: all behind its longest beginning that is *proven* to answer."""
    for count in range(len(path.hops) - 1, 0, -1):
        if path.prefix(count).name in proven:
            return frozenset(hop.line.name for hop in path.hops[count:])
    return path.lines
