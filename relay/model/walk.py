"""Walks over lines: a path leads from an ingress to an exit, a prefix is the beginning of one."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

import attrs

from relay.model.network import Address, Line, Network, digest_of_walk

MOST_LINES = 4
"""Lines in a path at most: every one adds a round trip to a carrier's set-up and a machine that can fail."""
MOST_PATHS = 64
"""Paths that are measured; above it, only the shortest are, so that a new line never makes the file unusable."""
MOST_FOUND = 1000
"""Paths that are known at all, the spare ones included: two layers of 1,000 lines each make a million."""
MOST_STEPS = 200_000
"""Lines that are tried while they are looked for, a tenth of a second: where many lead nowhere, few paths take long."""


@attrs.frozen
class Hop:
    """One line, walked in one direction."""

    line: Line
    start: str
    end: str
    address: Address
    """What `start` dials to get to `end` over this line."""

    @property
    def udp(self) -> Address | bool:
        """Where its datagrams go: to that address, to the one that is dialled (True), or nowhere."""
        if self.start == self.line.start:
            return self.line.udp
        return self.line.udp is not False

    @cached_property
    def digest(self) -> bytes:
        """What TRANSIT says, so that nothing is dialled but what both ends mean."""
        return digest_of_walk(self.line, self.start, self.end, self.address)


@attrs.frozen
class Path:
    """Hops one after another, from an ingress to `end`. Its name is the names of its lines, joined by a slash."""

    hops: tuple[Hop, ...]

    @cached_property
    def name(self) -> str:
        """Its lines in order, joined by a slash: unique among the paths of one ingress."""
        return "/".join(hop.line.name for hop in self.hops)

    @cached_property
    def end(self) -> str:
        """The node at which the path ends: the exit, if it is a whole path."""
        return self.hops[-1].end

    @cached_property
    def lines(self) -> frozenset[str]:
        """Their names; no line stands twice in one path."""
        return frozenset(hop.line.name for hop in self.hops)

    @cached_property
    def providers(self) -> frozenset[str]:
        """Who sells its lines, as far as the file says: two paths that share one may fail together."""
        return frozenset(hop.line.provider for hop in self.hops if hop.line.provider is not None)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The nodes it touches after the ingress, the end included."""
        return tuple(hop.end for hop in self.hops)

    @cached_property
    def rate(self) -> float | None:
        """Bytes per second of the narrowest line that tells its rate."""
        return min((hop.line.rate for hop in self.hops if hop.line.rate is not None), default=None)

    @cached_property
    def cost(self) -> float:
        """Money per GB over the whole path."""
        return sum(hop.line.cost for hop in self.hops)

    @cached_property
    def backup(self) -> bool:
        """Whether any of its lines is for emergencies only."""
        return any(hop.line.backup for hop in self.hops)

    @cached_property
    def is_lean(self) -> bool:
        """Whether any of its lines is to be probed no more than needed."""
        return any(hop.line.is_lean for hop in self.hops)

    @cached_property
    def beginnings(self) -> tuple[str, ...]:
        """The names of its prefixes, the shortest first."""
        return tuple(self.prefix(lines).name for lines in range(1, len(self.hops)))

    def prefix(self, lines: int) -> "Path":
        """The first *lines* hops."""
        return Path(self.hops[:lines])

    def __str__(self) -> str:
        return self.name


@attrs.frozen
class Paths:
    """What path finding found: `used` are measured and chosen from, `spare` are only shown."""

    used: tuple[Path, ...]
    spare: tuple[Path, ...] = ()
    is_cut: bool = False
    """There are more, with as many lines as the last one or more: these were not looked for any further."""


def cut(found: Iterator[Path]) -> Paths:
    """The first of *found*, in its order."""
    paths = tuple(islice(found, MOST_FOUND + 1))
    return Paths(paths[:MOST_PATHS], paths[MOST_PATHS:MOST_FOUND], len(paths) > MOST_FOUND)


def find_paths(network: Network, ingress: str) -> Paths:
    """Every simple walk from *ingress* to an exit, at most MOST_LINES long: fewest lines first, then file order."""
    away = _hops_by_start(network)
    far = _lines_to_exits(network, away)
    steps = (step for lines in range(1, MOST_LINES + 1) for step in _walks(away, far, ingress, (), lines))
    found = cut(Path(hops) for hops in islice(steps, MOST_STEPS) if hops)
    return found if next(steps, None) is None else attrs.evolve(found, is_cut=True)


def find_prefixes(paths: Paths) -> tuple[Path, ...]:
    """Every beginning of a used path that is not itself a used path; one carrier ends at each."""
    whole = {path.name for path in paths.used}
    prefixes = {
        prefix.name: prefix
        for path in paths.used
        for count in range(1, len(path.hops))
        if (prefix := path.prefix(count)).name not in whole
    }
    return tuple(sorted(prefixes.values(), key=lambda path: len(path.hops)))


def _walks(
    away: Mapping[str, Sequence[Hop]], far: Mapping[str, int], at: str, walked: tuple[Hop, ...], left: int
) -> Iterator[tuple[Hop, ...]]:
    """The walks to an exit that go on from *walked*, which has come to *at*, by *left* lines; and nothing for each line
    that was tried on the way. *away* has the hops that lead away from each node, *far* how far it is to an exit."""
    if not left:
        if far[at] == 0:
            yield walked
        return
    seen = {hop.start for hop in walked} | {at}
    for hop in away.get(at, ()):
        yield ()
        if hop.end not in seen and far.get(hop.end, MOST_LINES) < left:
            yield from _walks(away, far, hop.end, (*walked, hop), left - 1)


def _lines_to_exits(network: Network, away: Mapping[str, Sequence[Hop]]) -> Mapping[str, int]:
    """The fewest lines from each node to an exit, of those that are not too far from one."""
    far = {name: 0 for name, node in network.nodes.items() if node.exit}
    for lines in range(1, MOST_LINES):
        nearer = [start for start, hops in away.items() if start not in far and any(hop.end in far for hop in hops)]
        far |= dict.fromkeys(nearer, lines)
    return far


def _hops_by_start(network: Network) -> Mapping[str, Sequence[Hop]]:
    """The lines that can be walked away from each node, in file order."""
    found: dict[str, list[Hop]] = {}
    for line in network.lines.values():
        for hop in _directions(network, line):
            found.setdefault(hop.start, []).append(hop)
    return found


def _directions(network: Network, line: Line) -> Iterator[Hop]:
    yield Hop(line, line.start, line.end, line.address)
    if line.both and line.start in network.nodes:
        yield Hop(line, line.end, line.start, network.nodes[line.start].address)


def hops_from(network: Network, node: str) -> Iterator[Hop]:
    """The lines that can be walked away from *node*."""
    return (hop for line in network.lines.values() for hop in _directions(network, line) if hop.start == node)
