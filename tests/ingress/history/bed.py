"""A measured network whose clock a test moves: pings are answered over the lines that are not cut, and watched."""

from collections.abc import Mapping, Sequence

from ingress.history.record import Record, Series
from ingress.history.watch import Watcher
from ingress.measure.blame import Blame
from ingress.measure.faults import FaultKind, SetupFault
from ingress.measure.figures import PathFigures
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import Traffic
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths, find_prefixes

HERE = Address("x", 1)
NODES = {name: Node(name, HERE, (HERE,), exit=name == "us") for name in ("jp", "us")}
LINES = {
    "direct": Line("direct", "sh", "us", HERE),
    "ix": Line("ix", "sh", "jp", HERE),
    "pacific": Line("pacific", "jp", "us", HERE),
}
ONE_WAY = {"direct": 0.1, "ix": 0.01, "pacific": 0.06}
ROUND = 0.25
BEGIN = 1_800_000_000.0
"""In seconds since 1970; the beginning of a minute."""
MINUTE = int(BEGIN // 60)


class WatchBed:
    """As `Sight`, with a Watcher that looks at it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.shift = BEGIN
        """What the clock on the wall shows is later by this."""
        self.cut: set[str] = set()
        self.traffic: dict[str, Traffic] = {}
        self.counted: dict[str, tuple[int, int]] = {}
        self.asked = 0
        """How often it was asked whom to blame."""
        self.network_monitor = NetworkMonitor((), (), 0.0)
        self.plan(*LINES)
        self.watch = Watcher("sh", self, lambda: self.shift + self.now)
        self.minutes: dict[int, dict[Series, Record]] = {}

    def plan(self, *lines: str) -> None:
        """Only *lines* are there from now on."""
        found = find_paths(Network(("sh",), NODES, {name: LINES[name] for name in lines}), "sh")
        self.network_monitor.replan(found.used, find_prefixes(found), self.now)

    def figures(self) -> Sequence[PathFigures]:
        return sorted(
            self.network_monitor.figures(self.traffic, self.now), key=lambda one: (one.state.value != "up", one.name)
        )

    def datagrams(self) -> Mapping[str, tuple[int, int]]:
        return self.counted

    def blames(self, now: float) -> Sequence[Blame]:
        self.asked += 1
        return self.network_monitor.blame(frozenset({"us"}), now)

    def run(self, seconds: float) -> None:
        """So long, round by round."""
        for _ in range(round(seconds / ROUND)):
            self.now += ROUND
            for monitor in self.network_monitor.monitors.values():
                works = not monitor.path.lines & self.cut
                if not monitor.is_connected:
                    if works:
                        monitor.connected(self.now)
                    elif monitor.health.was_tried:
                        monitor.failed(SetupFault(FaultKind.SILENT, "no answer", monitor.path.end), self.now)
                for due in monitor.tick(self.now):
                    if due.name == "PING":
                        number = monitor.ping(self.now, 0.0)
                        if works:
                            trip = sum(ONE_WAY[line] for line in monitor.path.lines)
                            monitor.answered(number, self.now + trip)
            self.watch.each_round(self.now)
        self.minutes |= self.watch.take()

    def present(self, kind: str, name: str) -> Record:
        """The minute under way."""
        return self.watch.present()[1][Series(kind, name)]
