"""New connections: what each costs in CPU, and how long it takes."""

from bench import load
from bench.contest import Contestant
from bench.load import Failed
from bench.measures.measure import Measure, named
from bench.plots import bars
from bench.results import Numbers, Result
from bench.tables import against, column, compare, split

TRIAL = 40
MOST = 20_000
ERRORS = 0.01
"""Share of failed connections above which a system is not measured further: its figures would be of something else."""


def measure_connections(contestant: Contestant, together: int, seconds: float) -> Numbers:
    """As many connections as fill about *seconds*: rate, p50, p99, and CPU seconds for each."""
    size = f"conns{together}"
    target = contestant.place.target
    if size not in contestant.sizes:
        trial = load.connections(contestant.route, target, TRIAL + 4 * together, together)
        contestant.sizes[size] = int(min(MOST, max(TRIAL, trial["rate"] * seconds)))
    count = contestant.sizes[size]
    result, used = contestant.using(lambda: load.connections(contestant.route, target, count, together))
    if result["errors"] > ERRORS * count:
        raise Failed(f"{result['errors']:.0f} of {count} connections failed")
    return result | named("cpu", {part: cpu / count for part, cpu in used.items()})


class Connections(Measure):
    """One at a time for the latency, 64 at a time for the cost."""

    name = "connections"
    title = "New connections"
    explains = (
        "Each is: connect to the ingress, SOCKS5 greeting and request (none for what only forwards), 64 bytes to the "
        "target and back, close. Three hops with TLS where the system has hops. CPU is user and system time of all "
        "processes of the system by the kernel's accounting, divided by the connections."
    )
    rounds = 5

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        numbers |= named("one", measure_connections(contestant, 1, 1.0))
        numbers |= named("many", measure_connections(contestant, 64, 2.5))

    def tables(self, result: Result) -> str:
        many = [
            column("connections/s", "many.rate"),
            column("CPU µs each", "many.cpu.all", 1e6),
            split("ingress / middle / exit", "many.cpu", 1e6),
            against(result, "CPU × ours", "many.cpu.all"),
            column("p50 ms", "many.p50", 1e3),
            column("p99 ms", "many.p99", 1e3),
            column("errors", "many.errors"),
        ]
        one = [
            column("p50 ms", "one.p50", 1e3),
            column("p99 ms", "one.p99", 1e3),
            against(result, "p50 × ours", "one.p50"),
            column("CPU µs each", "one.cpu.all", 1e6),
        ]
        cost, latency = compare(result, many, "many.rate"), compare(result, one, "one.p50")
        return f"64 at a time:\n\n{cost}\nOne at a time:\n\n{latency}"

    def charts(self, result: Result) -> dict[str, str]:
        cpu = {name: [value * 1e6 for value in row.values("many.cpu.all")] for name, row in result.rows.items()}
        p50 = {name: [value * 1e3 for value in row.values("one.p50")] for name, row in result.rows.items()}
        return {
            "cpu": bars("CPU per new connection, all processes; less is better", "µs", cpu),
            "p50": bars("One connection at a time, median; less is better", "ms", p50),
        }
