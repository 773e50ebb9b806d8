"""Which line or node is broken: read off from which beginnings of paths still answer.

A walk that misses although its beginning answers accuses its last line, unless something else answers over that line.
What is named is then told by the node at its end: the line, if the node answers over another one; the node, if several
lines into it are accused and none answers; either of them, if no other line leads there. When nothing answers at all,
nobody out there is accused.
"""

from collections.abc import Collection, Iterable, Mapping

import attrs

from relay.model.walk import Hop, Path


@attrs.frozen
class Blame:
    """One finding. `lines` and `node` are what is broken, or one of them is if `is_sure` is false."""

    sentence: str
    lines: tuple[str, ...] = ()
    node: str | None = None
    is_sure: bool = True


@attrs.frozen
class Witness:
    """What one path or prefix says: it answers, it misses, or (None) it has not been asked yet."""

    path: Path
    answers: bool | None


EVERYTHING = "nothing answers, on any line: it is the connection of this machine, or this process was held up"


def find_blame(witnesses: Iterable[Witness], exits: frozenset[str]) -> tuple[Blame, ...]:
    """Findings in the order of the walks; *exits* are the names of the nodes that are exits."""
    heard = {one.path.name: one for one in witnesses if one.answers is not None}
    if not any(one.answers for one in heard.values()):
        return (Blame(EVERYTHING),) if heard else ()
    acquitted = {hop.line.name for one in heard.values() if one.answers for hop in one.path.hops}
    reached = {node for one in heard.values() if one.answers for node in one.path.nodes}
    accused: dict[str, dict[str, Hop]] = {}
    for one in heard.values():
        last = one.path.hops[-1]
        if not one.answers and last.line.name not in acquitted and _beginning_answers(one.path, heard):
            accused.setdefault(last.end, {})[last.line.name] = last
    return tuple(
        blame for node, hops in accused.items() for blame in _judge(node, hops, node in reached, node in exits)
    )


def _beginning_answers(path: Path, heard: Mapping[str, Witness]) -> bool:
    if len(path.hops) == 1:
        return True
    beginning = heard.get(path.prefix(len(path.hops) - 1).name)
    return beginning is not None and beginning.answers is True


def _judge(node: str, hops: Mapping[str, Hop], is_reached: bool, is_exit: bool) -> list[Blame]:
    kind = "exit" if is_exit else "node"
    if is_reached:
        return [
            Blame(f"line {name}: {hop.start} is well and {node} answers over other lines, not over this one", (name,))
            for name, hop in hops.items()
        ]
    if len(hops) > 1:
        named = ", ".join(hops)
        return [Blame(f"{kind} {node}: no line into it answers ({named}), all that lies before it does", (), node)]
    (name,) = hops
    sentence = f"line {name} or {kind} {node}: {hops[name].start} is well, and {node} is reached over no other line"
    return [Blame(sentence, (name,), node, is_sure=False)]


def suspects(path: Path, proven: Collection[str]) -> frozenset[str]:
    """Lines of a silent *path* that may be broken: all behind its longest beginning that is *proven* to answer."""
    for count in range(len(path.hops) - 1, 0, -1):
        if path.prefix(count).name in proven:
            return frozenset(hop.line.name for hop in path.hops[count:])
    return path.lines
