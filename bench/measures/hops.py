"""What each hop adds to the time of one connection, with no distance between the nodes."""

from collections.abc import Sequence
from itertools import pairwise

from bench.contest import Contestant, be_fair, opened_field, start_all, take_turns
from bench.figures import median, number
from bench.measures.connections import measure_connections
from bench.measures.measure import Measure, named
from bench.peers.peer import Peer
from bench.plots import bars
from bench.progress import shown_progress
from bench.results import Numbers, Result, Row, new_result
from bench.tables import Column, column, compare

COUNTS = (1, 2, 3)


class Hops(Measure):
    """The same system with one, two and three nodes behind its ingress."""

    name = "hops"
    title = "Latency added per hop"
    explains = (
        "One connection at a time, as above, with one, two and three nodes behind the ingress and no distance between "
        "them; `per hop` is how much one node more adds to the median."
    )

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        rows: dict[str, Row] = {}
        chains = [peer for peer in peers if peer.hops is None]
        be_fair()
        with shown_progress(self.name, rounds * len(chains) * len(COUNTS)) as progress:
            for nodes in COUNTS:
                now: dict[str, Row] = {}
                with opened_field() as field:
                    contestants = start_all(field, chains, now, nodes=nodes)
                    take_turns(contestants, rounds, self.turn, progress)
                for name, row in now.items():
                    merge(rows.setdefault(name, Row(row.version, row.how)), row, nodes)
        return new_result(self.name, rows)

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        numbers |= measure_connections(contestant, 1, 0.8)

    def tables(self, result: Result) -> str:
        columns = [column(f"{count} hops, p50 ms", f"{count}.p50", 1e3) for count in COUNTS]
        return compare(result, [*columns, per_hop("per hop, ms")], f"{COUNTS[-1]}.p50")

    def charts(self, result: Result) -> dict[str, str]:
        p50 = {name: [value * 1e3 for value in row.values("3.p50")] for name, row in result.rows.items()}
        return {"p50": bars("One connection over three hops without distance, median; less is better", "ms", p50)}


def merge(into: Row, row: Row, nodes: int) -> None:
    """Add the rounds that were measured with so many nodes to those of before."""
    into.error = into.error or row.error
    for index, numbers in enumerate(row.rounds):
        if index == len(into.rounds):
            into.rounds.append({})
        into.rounds[index] |= named(str(nodes), numbers)


def per_hop(title: str) -> Column:
    """The mean step between the medians."""

    def cell(row: Row) -> str:
        middles = [middle for count in COUNTS if (middle := median(row.values(f"{count}.p50"))) is not None]
        steps = [after - before for before, after in pairwise(middles)]
        return number(sum(steps) / len(steps) * 1e3) if steps else "–"

    return title, cell
