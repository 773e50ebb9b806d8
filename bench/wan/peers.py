"""Other programs on the bed, each as one chain of nodes over the best path; and no proxy at all, over one long line.

They are configured as on the loopback, but for the addresses of their nodes. None of them has a second path.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import attrs
import trio

from bench.load import Failed
from bench.peers import Peer
from bench.peers.haproxy import HaproxyTls
from bench.peers.singbox import SingBox, SingBoxSmux
from bench.peers.xray import XrayMux
from bench.survive.route import Route, answers
from bench.survive.target import Target
from bench.topology import HOST, Hop, Place, make_certificate
from bench.wan.bed import Bed
from bench.wan.network import CLIENT, DOOR, LINES, PORT, READY, UPSTREAM, WEB, WanLine, heal, target_at_web
from bench.wan.speed import leg, legs, trip_of
from ingress.demo.processes import Processes, open_processes

CHAIN = tuple(line for line in LINES if line.name in ("sh-jpd", "jpd-usd"))
HOPS = {"hop1": "jpd", "exit": "usd"}
"""Where each node behind the ingress runs."""
LONG = WanLine(CLIENT, WEB, sum(line.round_trip for line in (*CHAIN, UPSTREAM[0])), 0.7)
"""As long as the chain and the way from its exit to the target, with as much jitter; no quicker than its lines."""
LOOK = 0.1
PEERS: tuple[Peer, ...] = (SingBoxSmux(), XrayMux(), SingBox(), HaproxyTls())


@attrs.frozen
class Running:
    """What its clients need of it."""

    route: Route


class PeerOnTheBed:
    """One program: its ingress beside the clients, a relay in Japan, an exit in the US."""

    lines: Sequence[WanLine] = CHAIN

    def __init__(self, bed: Bed, peer: Peer) -> None:
        self.name, self.how = peer.name, peer.how
        self._bed = bed
        self._peer = peer

    def missing(self) -> str | None:
        """See Peer."""
        return self._peer.missing()

    def version(self) -> str:
        """See Peer."""
        return self._peer.version()

    def trip(self, target: tuple[str, int]) -> float:
        """See OneWay."""
        found = legs(self._bed, target, self.lines, [HOPS["exit"]])
        return trip_of(found, "/".join(line.name for line in self.lines), HOPS["exit"])

    def target(self) -> AbstractAsyncContextManager[Target]:
        """See System."""
        return target_at_web(self._bed)

    @asynccontextmanager
    async def scene(self, target: Target) -> AsyncIterator[Running]:
        """See System."""
        heal(self._bed, self.lines)
        async with open_processes() as processes:
            nodes = self._start(processes, target.addresses[0])
            route = Route(HOST, DOOR, self._peer.speaks)
            with trio.move_on_after(READY) as scope:
                while not await answers(route, target.addresses[0]):  # noqa: ASYNC110 - it is another process
                    await trio.sleep(LOOK)
            if scope.cancelled_caught:
                words = {node: processes[node].last_lines()[-200:] for node in nodes}
                raise Failed(f"does not answer within {READY:.0f} s: {words}")
            yield Running(route)

    def _start(self, processes: Processes, target: tuple[str, int]) -> list[str]:
        place = place_on(self._bed, processes, target)
        nodes = {"ingress": CLIENT} | HOPS
        for command in self._peer.commands(place):
            node = nodes[command.role]
            processes.start(node, self._bed.command(node, command.argv))
        return list(nodes.values())


def place_on(bed: Bed, processes: Processes, target: tuple[str, int]) -> Place:
    """Where a program's nodes are, as its configuration names them."""
    hops = [Hop(role, PORT, PORT, bed.address(node)) for role, node in HOPS.items()]
    host, port = target
    return Place(processes.folder, make_certificate(processes.folder), DOOR, hops, f"{host}:{port}")


class DirectOnTheBed:
    """No proxy: clients connect to the target themselves, over one line that is there for them only."""

    name, how = "direct", "no proxy: client to target, over one line as long as the chain"
    lines: Sequence[WanLine] = (LONG,)

    def __init__(self, bed: Bed) -> None:
        self._bed = bed

    def missing(self) -> None:
        """Never."""

    def version(self) -> str:
        """None."""
        return ""

    def trip(self, target: tuple[str, int]) -> float:
        """See OneWay."""
        return leg(self._bed, CLIENT, *target)

    def target(self) -> AbstractAsyncContextManager[Target]:
        """See System."""
        return target_at_web(self._bed)

    @asynccontextmanager
    async def scene(self, target: Target) -> AsyncIterator[Running]:
        """See System."""
        heal(self._bed, self.lines)
        try:
            yield Running(Route(*target.addresses[0], "direct"))
        finally:
            self._bed.order("down", LONG.start, LONG.end)  # nobody else's packets may take it
