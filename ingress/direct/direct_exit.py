"""Streams to targets that are dialled from this machine, by the same means as an exit's: resolve, judge, dial, join.

Both ends of their session live here, so that backpressure, half-closes, resets and causes are what they are over any
path, and whoever holds a stream need not know that no line carries it.
"""

import secrets
from collections.abc import Iterable
from pathlib import Path

import trio

from ingress.direct.direct_flow import DirectFlow, DirectOwner
from ingress.direct.own_names import OwnNames
from ingress.direct.wire import Wire
from relay.carrier.link import SessionClock
from relay.engine import Loop
from relay.exit.association import AssociationCounts
from relay.exit.datagram_targets import DatagramTargets
from relay.exit.machine import look
from relay.exit.targets import Targets
from relay.model.addresses import plain
from relay.model.hosts import parse_literal
from relay.model.network import Address, Network, Node
from relay.node.dials import Dials
from relay.node.own import OwnAddress, OwnAddresses
from relay.policy import Policy
from relay.session.acceptor import Acceptor
from relay.session.initiator import Initiator, InitiatorStream
from relay.session.sink import Sink
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire.setup import TOKEN_SIZE

LOOK = 5.0
"""Seconds between looks at the machine: an address that comes up is refused this much later, at most."""
AGAIN = 600.0
"""Seconds between look-ups of our own nodes."""


class DirectExit:
    """*machine* is this machine as the file has it: what it may dial (`allow`), its name servers and file of names."""

    def __init__(
        self,
        loop: Loop,
        nursery: trio.Nursery,
        machine: Node,
        network: Network,
        base: Path,
        memory: Memory,
        names: OwnNames,
    ) -> None:
        """It works from now on, and knows the names of *network*'s nodes once `keep` runs. *names* go by *machine*."""
        self._loop = loop
        self._own_names = names
        self._machine = machine
        self._network = network
        self._names = OwnAddresses()
        self._nodes = _literal(node.address for node in network.nodes.values())
        self.targets = Targets(loop, machine, Policy(machine.allow), names.resolver, nursery, base)
        self.dials = Dials(loop, self.targets)
        token = secrets.token_bytes(TOKEN_SIZE)
        self._near = Initiator(token, memory, loop.now)
        self._far = Acceptor(token, "direct", memory, loop.now, self.dials.begin, lambda: True, self.dials.waits_for)
        self._clocks = SessionClock(loop, self._near), SessionClock(loop, self._far)
        self._wire = Wire(loop, self._near, self._far)
        self._counts = AssociationCounts()
        self._look()

    def use(self, machine: Node, network: Network) -> None:
        """Go by another file from the next stream on, as its names do already."""
        self.targets.resolver = self._own_names.resolver
        self._machine, self._network = machine, network
        self._nodes |= _literal(node.address for node in network.nodes.values())
        self._look()

    async def keep(self) -> None:
        """Keep the policy as the machine and the network have it: no stream may lead to our own nodes, nor to what
        listens here. Runs until cancelled."""
        while True:
            self._nodes = await self._names.learn(self._network)
            with trio.move_on_after(AGAIN):
                while True:
                    self._look()
                    await trio.sleep(LOOK)

    def _look(self) -> None:
        found = look()
        own = self._nodes | _literal(self._machine.listen)
        self.targets.policy = Policy(self._machine.allow, own, found.addresses)
        self.targets.families = found.families

    # ---- streams

    def open(self, host: str, port: int, sink: Sink) -> InitiatorStream:
        """Begin a stream to *host*; see `Initiator.open`."""
        return self._near.open(host, port, sink, (self._wire.near,), self._loop.now)

    def associate(self, owner: DirectOwner) -> DirectFlow:
        """Begin an association from here."""
        return DirectFlow(DatagramTargets(self.targets), self._counts, owner)

    @property
    def datagrams_refused(self) -> int:
        """Those to what may not be sent to from here, or has no address."""
        return self._counts.refused

    def streams(self) -> list[Stream]:
        """Those that are open, as their clients hold them."""
        return list(self._near.streams.values())

    @property
    def stream_count(self) -> int:
        """How many these are."""
        return len(self._near.streams)


def _literal(addresses: Iterable[Address]) -> frozenset[OwnAddress]:
    """Those that are no names."""
    literals = ((parse_literal(address.host), address.port) for address in addresses)
    return frozenset((plain(ip), port) for ip, port in literals if ip is not None)
