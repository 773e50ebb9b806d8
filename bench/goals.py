"""What we set out to reach, and whether the last run did: a table at the head of the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import best, median, number, ratios, spread
from bench.measures.firstbyte import ROUND_TRIP
from bench.measures.stages import nearest_budget
from bench.peers import CHAINS, FOR_DATAGRAMS, OURS
from bench.results import Result, Row
from bench.tables import table

HAPROXY = "haproxy tls"
Values = Callable[[Result], tuple[list[float], str]]
"""From a result to a goal's values, one a round, and what they were taken against."""


@dataclass(frozen=True)
class Goal:
    """One figure to reach. `values` are compared with `limit` by their median."""

    what: str
    measure: str
    values: Values
    limit: float
    unit: str = ""
    scale: float = 1.0
    is_least: bool = False
    """More is better."""

    def row(self, result: Result) -> list[str] | None:
        """Its line in the table, or None if it was not measured."""
        found, against = self.values(result)
        middle = median(found)
        if middle is None:
            return None
        middle *= self.scale
        is_reached = middle >= self.limit if self.is_least else middle <= self.limit
        short = middle / self.limit - 1 if self.limit else 0.0
        verdict = "yes" if is_reached else f"no, {abs(short):.0%} {'below' if self.is_least else 'above'}"
        bound = f"{'≥' if self.is_least else '≤'} {number(self.limit)}{self.unit}"
        return [f"{self.what}{against}", bound, spread(found, self.scale) + self.unit, verdict]


def own(key: str) -> Values:
    """Ours, as it is."""
    return lambda result: (result.rows.get(OURS.name, Row()).values(key), "")


def own_growth(key: str, base: str) -> Values:
    """Ours by itself under another load, in the same round."""

    def values(result: Result) -> tuple[list[float], str]:
        rounds = result.rows.get(OURS.name, Row()).rounds
        return [one[key] / one[base] for one in rounds if one.get(base) and key in one], ""

    return values


def against_best(key: str) -> Values:
    """Ours by the chain that has least of the figure, in the same round."""

    def values(result: Result) -> tuple[list[float], str]:
        name = best(result.rows, [peer.name for peer in (*CHAINS, *FOR_DATAGRAMS)], key)
        return (ratios(result.rows.get(OURS.name, Row()), result.rows[name], key), f" ({name})") if name else ([], "")

    return values


def against_named(name: str, key: str) -> Values:
    """Ours by one system, in the same round."""
    return lambda result: (ratios(result.rows.get(OURS.name, Row()), result.rows.get(name, Row()), key), f" ({name})")


def beside_alone(key: str) -> Values:
    """How many times longer ours takes beside a download."""

    def values(result: Result) -> tuple[list[float], str]:
        rounds = result.rows.get(OURS.name, Row()).rounds
        return [one[f"beside.{key}"] / one[f"alone.{key}"] for one in rounds if f"beside.{key}" in one], ""

    return values


MS, KB, MIB = 1e3, 1 / 1024, 1 / 1048576
GOALS: Sequence[Goal] = (
    Goal("CPU per connection × the best chain", "connections", against_best("many.cpu.all"), 0.75),
    Goal("CPU per connection", "connections", own("many.cpu.all"), 600, " µs", 1e6),
    Goal("of it at the middle nodes × the best chain", "connections", against_best("many.cpu.middle"), 0.4),
    Goal("one connection at a time, p50 × the best chain", "connections", against_best("one.p50"), 1.0),
    Goal("the stage nearest its budget × it, ingress", "stages", nearest_budget("ingress"), 1.0),
    Goal("the stage nearest its budget × it, exit", "stages", nearest_budget("exit"), 1.0),
    Goal("CPU per GiB down × HAProxy", "bulk", against_named(HAPROXY, "down.cpu.all"), 0.75),
    Goal("CPU per GiB up × HAProxy", "bulk", against_named(HAPROXY, "up.cpu.all"), 0.75),
    Goal("CPU per GiB down", "bulk", own("down.cpu.all"), 4, " s"),
    Goal("CPU per GiB up", "bulk", own("up.cpu.all"), 4, " s"),
    Goal("speed of one download × HAProxy", "bulk", against_named(HAPROXY, "down.rate"), 1.2, is_least=True),
    Goal("memory per idle stream, ingress", "idle", own("stream.ingress"), 12, " KB", KB),
    Goal("memory per idle stream, exit", "idle", own("stream.exit"), 12, " KB", KB),
    Goal("memory per idle stream, middle nodes", "idle", own("stream.middle"), 0.5, " KB", KB),
    Goal("memory per idle stream of 20 000, ingress", "scale", own("stream.ingress"), 12, " KB", KB),
    Goal("memory per idle stream of 20 000, exit", "scale", own("stream.exit"), 12, " KB", KB),
    Goal("memory per idle stream of 20 000, middle node", "scale", own("stream.middle"), 0.5, " KB", KB),
    Goal("bytes of measuring with 20 000 streams × without", "scale", own_growth("full.seen", "none.seen"), 1.1),
    Goal("choice of one of 64 paths", "scale", own("unequal.choose.p50"), 10, " µs", 1e6),
    Goal("choice of one of 64 equal paths of known rates", "scale", own("rated.choose.p50"), 10, " µs", 1e6),
    Goal("ranking of 64 paths", "scale", own("unequal.rank.p50"), 1, " ms", MS),
    Goal("first byte, known target", "firstbyte", own("known"), ROUND_TRIP * 1e3 + 5, " ms", MS),
    Goal("first byte, new target", "firstbyte", own("new"), 2 * ROUND_TRIP * 1e3 + 10, " ms", MS),
    Goal("request beside a download, p50 × alone", "beside", beside_alone("p50"), 1.15),
    Goal("request beside a download, p99 × alone", "beside", beside_alone("p99"), 1.5),
    Goal("CPU per datagram of bulk up × the best", "udp", against_best("up.cpu.all"), 0.5),
    Goal("CPU per datagram of bulk down × the best", "udp", against_best("down.cpu.all"), 0.5),
    Goal("of it at the relay, up × the best", "udp", against_best("up.cpu.middle"), 0.25),
    Goal("of it at the relay, down × the best", "udp", against_best("down.cpu.middle"), 0.25),
    Goal("CPU per datagram of games × the best", "udp", against_best("game.cpu.all"), 0.85),
    Goal("added by each process and direction, p50", "udp", own("call.p50"), 130, " µs", 1e6 / 6),
    Goal("games' p95 beside 32 downloads, added", "udp-beside", own("streams.added"), 6, " ms", MS),
    Goal("games' p95 beside an association at full speed, added", "udp-beside", own("datagrams.added"), 3, " ms", MS),
    Goal("`ingress --help`", "startup", own("help"), 120, " ms", MS),
    Goal("`ingress serve` accepts after", "startup", own("accepts"), 500, " ms", MS),
    Goal("memory of an idle ingress", "startup", own("memory.ingress"), 45, " MiB", MIB),
)


def goals_table(results: Mapping[str, Result]) -> str:
    """All goals whose measure was run, as a section of the report."""
    found = [goal.row(results[goal.measure]) for goal in GOALS if goal.measure in results]
    rows = [row for row in found if row is not None]
    return "## Goals\n\n" + table(["ours", "to reach", "measured", "reached"], rows) if rows else ""
