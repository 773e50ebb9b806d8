"""A network of 64 paths over 30 lines and 8 nodes, measured and never sent anything: its pings are answered here."""

import random
from collections.abc import Mapping, Sequence

from ingress.history.watch import Watcher
from ingress.measure.blame import Blame
from ingress.measure.figures import PathFigures
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import Traffic
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths, find_prefixes

HERE = Address("x", 1)
NEAR, FAR = 4, 4
"""Relays and exits: every relay has three lines from the ingress, and 18 lines lead on to exits."""
BEGIN = 1_800_000_000.0


def network() -> Network:
    """The plan; more than 64 paths lead through it, of which 64 are measured."""
    names = [*(f"jp{number}" for number in range(NEAR)), *(f"us{number}" for number in range(FAR))]
    nodes = {name: Node(name, HERE, (HERE,), exit=name.startswith("us")) for name in names}
    first = [Line(f"ix{node}{one}", "sh", f"jp{node}", HERE) for node in range(NEAR) for one in "abc"]
    pairs = [(near, far) for near in range(NEAR) for far in range(FAR)] + [(0, 0), (1, 1)]
    second = [Line(f"sea{at}", f"jp{near}", f"us{far}", HERE) for at, (near, far) in enumerate(pairs)]
    return Network(("sh",), nodes, {line.name: line for line in (*first, *second)})


class Measured:
    """As `Sight`, after a few seconds of pings."""

    def __init__(self) -> None:
        found = find_paths(network(), "sh")
        self.network_monitor = NetworkMonitor(found.used, find_prefixes(found), 0.0)
        self.now = 0.0
        self.traffic: dict[str, Traffic] = {}
        self.watch = Watcher("sh", self, lambda: BEGIN + self.now)
        self._known: Sequence[PathFigures] = ()
        for monitor in self.network_monitor.monitors.values():
            monitor.connected(0.0)
        self.ping()

    def ping(self) -> None:
        """One ping on every walk, and another round's figures."""
        for monitor in self.network_monitor.monitors.values():
            monitor.answered(monitor.ping(self.now, 0.0), self.now + random.uniform(0.14, 0.15))
        up, down = int(self.now * 1e5), int(self.now * 1e6)
        self.traffic = {
            path.name: Traffic(random.randrange(60), bytes_up=up, bytes_down=down)
            for path in self.network_monitor.paths
        }
        self._known = self.network_monitor.figures(self.traffic, self.now)

    def figures(self) -> Sequence[PathFigures]:
        """As `Sight.figures`."""
        return self._known

    def datagrams(self) -> Mapping[str, tuple[int, int]]:
        """As `Sight.datagrams`."""
        return {path.name: (int(self.now * 50), int(self.now * 50)) for path in self.network_monitor.paths}

    def blames(self, now: float) -> Sequence[Blame]:
        """As `Sight.blames`."""
        return self.network_monitor.blame(frozenset(f"us{far}" for far in range(FAR)), now)
