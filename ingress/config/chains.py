"""`[[chain]]`: paths that are written down. If any stands in the file, only such paths exist."""

from collections.abc import Iterator, Sequence

import attrs

from relay.config import values
from relay.config.mistakes import nearest
from relay.config.table import Table
from relay.model.network import Network
from relay.model.walk import MOST_LINES, Hop, Path, Paths, cut, hops_from


@attrs.frozen
class Chain:
    """One line after another, each by one of `via`: its name, its group, the node it ends at, or that node's group."""

    place: str = attrs.field(eq=False)
    via: tuple[str, ...]


def read_chains(document: Table, network: Network) -> tuple[Chain, ...]:
    """The chains, in the order of the file. What is wrong stands in the document's mistakes."""
    known = set() if document.mistakes.any_under("node", "line") else _names(network)
    found = []
    for table in document.array("chain"):
        via = table.need_many("via", values.name, 'write what each line is, as ["sh-jp-ix", "us-dmit"]')
        for name in via:
            if known and name not in known:
                table.wrong("via", f'"{name}" is no line, node or group of either', nearest(name, known))
        if len(via) > MOST_LINES:
            table.wrong("via", f"{len(via)} lines are too many", f"a path has {MOST_LINES} at most")
        found.append(Chain(table.mistakes.place_of(table.key), via))
        table.finish()
    return tuple(found)


def _names(network: Network) -> set[str]:
    groups = {line.group for line in network.lines.values()} | {node.group for node in network.nodes.values()}
    return {*network.lines, *network.nodes, *(group for group in groups if group is not None)}


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


def _names_of(network: Network, hop: Hop) -> tuple[str | None, ...]:
    """What a chain may call *hop* by."""
    return hop.line.name, hop.line.group, hop.end, network.nodes[hop.end].group
