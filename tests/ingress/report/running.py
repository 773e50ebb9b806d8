"""What a report is made from: the measuring and choosing parts of an ingress, after five seconds of work."""

from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.choice.offers import Offers
from ingress.choice.placing import Place
from ingress.measure.capacity import Capacities, Way, routes_of
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.states import node_state
from ingress.measure.traffic import NO_TRAFFIC, Counters, Traffic
from ingress.report.report import report
from ingress.report.rows import NodeRow, Report, Why
from ingress.report.snapshot import Snapshot
from ingress.report.why import explain
from relay.dial.lines import LineDial
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths, find_prefixes

HERE = Address("x", 1)
NODES = {name: Node(name, HERE, (HERE,), exit=name.startswith("us")) for name in ("jp1", "jp2", "us1")}
LINES = {
    "ix1": Line("ix1", "sh", "jp1", HERE, provider="seller"),
    "ix2": Line("ix2", "sh", "jp2", HERE),
    "j1u": Line("j1u", "jp1", "us1", HERE),
    "j2u": Line("j2u", "jp2", "us1", HERE),
    "back": Line("back", "us1", "sh", HERE),
}
FOUND = find_paths(Network(("sh",), NODES, LINES), "sh")


def explained(chooser: Chooser, demand: Demand, now: float, capacities: Capacities | None = None) -> Why:
    """The answer to `why` while nothing rides; lines carry what *capacities* says."""
    routes = routes_of(entry.figures.path for entry in chooser.ranking.order)
    offers = Offers(routes, capacities or Capacities(), {}, [], now)

    def place(exit_: str, way: Way, within: frozenset[str] | None) -> Place | None:
        return chooser.place_bulk(exit_, way, offers, lambda _: True, now, within)

    return explain(chooser, demand, now, offers, place)


class Running:
    """An ingress after five seconds: ix1/j1u costs 130 ms and carries a stream, ix2/j2u costs 150."""

    def __init__(self) -> None:
        self.network_monitor = NetworkMonitor(FOUND.used, find_prefixes(FOUND), 0.0)
        self.traffic = {path.name: NO_TRAFFIC for path in FOUND.used}
        self.counters = {path.name: Counters() for path in FOUND.used}
        self.chooser = Chooser(["us1"])
        for name, trip in {"ix1": 0.03, "ix2": 0.03, "ix1/j1u": 0.13, "ix2/j2u": 0.15}.items():
            self.network_monitor.monitors[name].connected(0.0)
            self.answer(name, trip, 0.0, 10)
        self.capacities = Capacities()
        self.capacities.saw(("ix1", Way.DOWN), 2.5e6, 0.0)
        self.traffic["ix1/j1u"] = Traffic(streams=1, bytes_down=1000)
        counters = self.counters["ix1/j1u"]
        counters.moves = 2
        counters.count_rescue(0.2)
        counters.count_lost("exit-lost")
        self.rank(5.0)

    def answer(self, name: str, trip: float, start: float, count: int) -> None:
        monitor = self.network_monitor.monitors[name]
        for step in range(count):
            monitor.answered(monitor.ping(start + step / 2, 0.0), start + step / 2 + trip)

    def rank(self, now: float) -> None:
        self.chooser.rank(self.network_monitor.figures(self.traffic, now), now)

    def report(self, now: float) -> Report:
        nodes = [NodeRow("us1", True, node_state("us1", self.network_monitor), "0.1.0")]
        return report(
            Snapshot(
                ingress="sh",
                time="2030-01-01T00:00:00+00:00",
                now=now,
                network_monitor=self.network_monitor,
                ranking=self.chooser.ranking,
                lines=tuple(LINES.values()),
                traffic=self.traffic,
                counters=self.counters,
                dials={"ix1": LineDial("ix1", 0.031, None, now - 7.0)},
                nodes=nodes,
                spare=[FOUND.used[0].prefix(1)],
                capacities=self.capacities,
                limits={("ix1", Way.DOWN): 3e6, ("j1u", Way.UP): 1e6},
                speeds={("ix1", Way.DOWN): 1e6},
                wall=now,
                warnings=["us1: its certificate ends in 9 days"],
            )
        )
