"""`[[chain]]`: paths that are written down. If any without a name stands in the file, only such paths exist; one with a
name is for the rules that name it."""

from collections.abc import Iterable, Iterator, Sequence

import attrs

from relay.config import values
from relay.config.mistakes import nearest
from relay.config.table import Table
from relay.model.network import Network
from relay.model.walk import MOST_LINES, MOST_PATHS, Hop, Path, Paths, cut, find_paths, hops_from


@attrs.frozen
class Chain:
    """One line after another, each by one of `via`: its name, its group, the node it ends at, or that node's group."""

    place: str = attrs.field(eq=False)
    via: tuple[str, ...]
    name: str | None = None
    """None: it is for everything."""


@attrs.frozen
class Found:
    """The paths of one ingress."""

    paths: Paths
    usual: frozenset[str] | None = None
    """The names of those that are for what no rule sends over others; None: all."""


def read_chains(document: Table, network: Network) -> tuple[Chain, ...]:
    """The chains, in the order of the file. What is wrong stands in the document's mistakes."""
    found: dict[str, Chain] = {}
    for table in document.array("chain"):
        via = table.need_many("via", values.name, 'write what each line is, as ["sh-jp-ix", "us-dmit"]')
        refuse_bad_via(table, via, network)
        chain = Chain(table.mistakes.place_of(table.key), via, table.get("name", values.name, None))
        if found.setdefault(chain.name or chain.place, chain) is not chain:
            table.wrong("name", f'"{chain.name}" is already the name of another', "call one of them otherwise")
        table.finish()
    return tuple(found.values())


def refuse_bad_via(table: Table, via: Sequence[str], network: Network) -> None:
    """Note what in *via*, which stands in *table*, cannot be followed."""
    known = set() if table.mistakes.any_under("node", "line") else names_of(network)
    for name in via:
        if known and name not in known:
            table.wrong("via", f'"{name}" is no line, node or group of either', nearest(name, known))
    if len(via) > MOST_LINES:
        table.wrong("via", f"{len(via)} lines are too many", f"a path has {MOST_LINES} at most")


def names_of(network: Network) -> set[str]:
    """All lines, nodes, and groups of either."""
    groups = {line.group for line in network.lines.values()} | {node.group for node in network.nodes.values()}
    return {*network.lines, *network.nodes, *(group for group in groups if group is not None)}


def find(network: Network, ingress: str, chains: Sequence[Chain], own: Iterable[Chain]) -> Found:
    """The paths from *ingress*: those of unnamed *chains*, or all if there are none, and those of named ones and of
    rules, which are *own*; what is named is kept when there are too many."""
    unnamed = [chain for chain in chains if chain.name is None]
    base = follow(network, ingress, unnamed) if unnamed else find_paths(network, ingress)
    named = follow(network, ingress, [*(chain for chain in chains if chain.name is not None), *own])
    paths = _joined(base, named.used)
    usual = frozenset(path.name for path in (*base.used, *base.spare))
    is_all = not unnamed or all(path.name in usual for path in paths.used)
    return Found(paths, None if is_all else usual)


def _joined(base: Paths, named: Sequence[Path]) -> Paths:
    """*base* with the *named* ones, of which none becomes spare while others are used."""
    known = {path.name for path in (*base.used, *base.spare)}
    walks = (*base.used, *base.spare, *(path for path in named if path.name not in known))
    names = {path.name for path in named}
    first = sorted(walks, key=lambda path: path.name not in names)[:MOST_PATHS]
    used = {path.name for path in first}
    return Paths(
        tuple(path for path in walks if path.name in used),
        tuple(path for path in walks if path.name not in used),
        base.is_cut,
    )


def follow(network: Network, ingress: str, chains: Sequence[Chain]) -> Paths:
    """The paths from *ingress* that follow one of *chains*: those of the first chain first; MOST_PATHS are used."""
    return cut(_once(path for chain in chains for path in walks(network, ingress, chain)))


def _once(found: Iterator[Path]) -> Iterator[Path]:
    """Each path that several chains lead to, where it comes first."""
    names = set[str]()
    for path in found:
        if path.name not in names:
            names.add(path.name)
            yield path


def walks(network: Network, ingress: str, chain: Chain) -> Iterator[Path]:
    """Every simple walk to an exit that follows *chain*."""
    for hops in _go_on(network, ingress, (), chain.via):
        if len(hops) == len(chain.via) and network.nodes[hops[-1].end].exit:
            yield Path(hops)


def where_it_breaks(network: Network, ingress: str, chain: Chain) -> str:
    """Why no path follows *chain*, for people."""
    longest: tuple[Hop, ...] = max(_go_on(network, ingress, (), chain.via), key=len, default=())
    at = longest[-1].end if longest else ingress
    if len(longest) == len(chain.via):
        return f"{at}, where it ends, is no exit"
    return f"no line leads on from {at} by {chain.via[len(longest)]}"


def _go_on(network: Network, at: str, walked: tuple[Hop, ...], via: tuple[str, ...]) -> Iterator[tuple[Hop, ...]]:
    """All beginnings of walks from *at* that follow *via*, the longest ones last."""
    if walked:
        yield walked
    if not via:
        return
    seen = {hop.start for hop in walked} | {at}
    for hop in hops_from(network, at):
        if hop.end not in seen and via[0] in _names_of(network, hop):
            yield from _go_on(network, hop.end, (*walked, hop), via[1:])


def follows(network: Network, path: Path, via: Sequence[str]) -> bool:
    """Whether *path* is one of a chain of *via*."""
    hops = path.hops
    return len(hops) == len(via) and all(name in _names_of(network, hop) for name, hop in zip(via, hops, strict=True))


def touches(network: Network, path: Path, names: frozenset[str]) -> bool:
    """Whether *path* touches any of *names*: lines, nodes after the ingress, groups of either, providers."""
    return any(names.intersection((*_names_of(network, hop), hop.line.provider)) for hop in path.hops)


def _names_of(network: Network, hop: Hop) -> tuple[str | None, ...]:
    """What a chain may call *hop* by."""
    return hop.line.name, hop.line.group, hop.end, network.nodes[hop.end].group
