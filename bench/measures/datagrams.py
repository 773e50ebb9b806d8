"""Datagrams: what one costs, how long it takes, how many are lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench import load
from bench.contest import Contestant
from bench.measures.measure import Measure, named
from bench.peers.peer import Peer
from bench.plots import bars
from bench.progress import Progress
from bench.results import Numbers, Result
from bench.tables import against, column, compare, split

SECONDS = 4


@dataclass(frozen=True)
class Load:
    """What is sent: *rate* is a second in each flow, or, up and down, how many are under way."""

    title: str
    kind: str
    flows: int
    rate: int
    size: int


LOADS = {
    "game": Load("Games, 100 flows of 60 a second, 100 bytes, there and back", "paced", 100, 60, 100),
    "call": Load("A call, one flow of 50 a second, 200 bytes, there and back", "paced", 1, 50, 200),
    "up": Load("Bulk up, one flow, 1,200 bytes", "up", 1, 128, 1200),
    "down": Load("Bulk down, one flow, 1,200 bytes", "down", 1, 128, 1200),
}


def measure_datagrams(contestant: Contestant, asked: Load) -> Numbers:
    """CPU seconds for each datagram that arrived (there and back are two); share lost, round trips, and the rate."""
    route, target = contestant.route, contestant.place.target
    what = (asked.flows, asked.rate, asked.size, SECONDS)
    result, used = contestant.using(lambda: load.datagrams(asked.kind, route, target, *what))
    is_paced = asked.kind == "paced"
    arrived = max(result["got"] + (result["sent"] if is_paced else 0), 1)
    found = {"rate": result["got"] / result["seconds"]}
    if is_paced:
        lost = 1 - result["got"] / max(result["sent"], 1)
        found |= {"lost": lost, "p50": result["p50"], "p95": result["p95"], "p99": result["p99"]}
    return found | named("cpu", {part: cpu / arrived for part, cpu in used.items()})


class Datagrams(Measure):
    """Games, a call, bulk both ways; of systems that relay UDP."""

    name = "udp"
    title = "Datagrams"
    nodes = 2
    rounds = 8
    explains = (
        "SOCKS5 UDP ASSOCIATE through an ingress, a relay and an exit. The target answers in UDP; load generator and "
        "target share the cores with the system. CPU is of all processes of the system for each datagram that arrives."
    )

    def measures(self, peer: Peer) -> bool:
        return peer.carries_datagrams

    def go_through(self, contestants: Sequence[Contestant], rounds: int, progress: Progress) -> None:
        if contestants:
            with load.started("udp-target", contestants[0].place.target):
                super().go_through(contestants, rounds, progress)

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        for name, asked in LOADS.items():
            numbers |= named(name, measure_datagrams(contestant, asked))

    def tables(self, result: Result) -> str:
        parts = []
        for name, asked in LOADS.items():
            columns = [
                column("CPU µs each", f"{name}.cpu.all", 1e6),
                split("ingress / relay / exit", f"{name}.cpu", 1e6),
                against(result, "CPU × ours", f"{name}.cpu.all"),
            ]
            if asked.kind == "paced":
                columns += [
                    column("p50 ms", f"{name}.p50", 1e3),
                    column("p99 ms", f"{name}.p99", 1e3),
                    column("lost %", f"{name}.lost", 100),
                ]
            else:
                columns.append(column("thousand a second", f"{name}.rate", 1e-3))
            parts.append(f"{asked.title}:\n\n{compare(result, columns, f'{name}.cpu.all')}")
        return "\n".join(parts)

    def charts(self, result: Result) -> dict[str, str]:
        made = {}
        for name in ("game", "down"):
            cpu = {system: row.values(f"{name}.cpu.all") for system, row in result.rows.items()}
            made[f"udp-{name}"] = bars(f"CPU per datagram, {name}, all processes; less is better", "s", cpu)
        return made
