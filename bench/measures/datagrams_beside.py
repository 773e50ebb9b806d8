"""Games beside what fills the same processes: many downloads, and one association at full speed."""

from bench import load
from bench.contest import Contestant
from bench.measures.beside import ENDLESS
from bench.measures.datagrams import Datagrams
from bench.measures.measure import named
from bench.plots import bars
from bench.results import Numbers, Result
from bench.tables import column, compare

FLOWS, RATE, SIZE, SECONDS = 10, 60, 100, 4
STREAMS = 32
LONGER = 12
"""Seconds for which what is beside goes on by itself: longer than the games and their set-up."""
BESIDE = {"alone": "alone", "streams": f"{STREAMS} downloads", "datagrams": "one association"}


def games(contestant: Contestant) -> Numbers:
    """The games' round trips, and the share that was lost."""
    result = load.datagrams("paced", contestant.route, contestant.place.target, FLOWS, RATE, SIZE, SECONDS)
    lost = 1 - result["got"] / max(result["sent"], 1)
    return {"p50": result["p50"], "p95": result["p95"], "lost": lost}


class DatagramsBeside(Datagrams):
    """As `Datagrams`, of a few games, with a crowd beside them."""

    name = "udp-beside"
    title = "Games beside others"
    nodes = 2
    rounds = 8
    explains = (
        f"{FLOWS} flows of {RATE} datagrams a second, there and back, through an ingress, a relay and an exit: alone, "
        f"beside {STREAMS} downloads over TCP at full speed, and beside one association that downloads datagrams of "
        "1,200 bytes as fast as they come. No line is between the nodes: what is added is what the processes add."
    )

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        route, target = contestant.route, contestant.place.target
        crowds = {
            "alone": None,
            "streams": ("bulk", "down", route, target, ENDLESS, STREAMS),
            "datagrams": ("datagrams", "down", route, target, 1, 128, 1200, LONGER),
        }
        for name, crowd in crowds.items():
            child = None if crowd is None else load.Child(*crowd)
            try:
                found = games(contestant)
            finally:
                if child is not None:
                    child.end()
            numbers |= named(name, found)
            if name != "alone":
                numbers[f"{name}.added"] = found["p95"] - numbers["alone.p95"]

    def tables(self, result: Result) -> str:
        columns = [
            column(f"{what}, {title}", f"{name}.{key}", scale)
            for name, what in BESIDE.items()
            for key, title, scale in (("p50", "p50 ms", 1e3), ("p95", "p95 ms", 1e3), ("lost", "lost %", 100))
        ]
        return compare(result, columns, "streams.p95")

    def charts(self, result: Result) -> dict[str, str]:
        p95 = {name: [value * 1e3 for value in row.values("streams.p95")] for name, row in result.rows.items()}
        return {"p95": bars(f"95 of 100 beside {STREAMS} downloads take less; less is better", "ms", p95)}
