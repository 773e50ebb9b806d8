"""Bulk: what a gibibyte costs, and how fast it goes."""

from bench import load
from bench.contest import Contestant
from bench.measures.measure import Measure, named
from bench.plots import bars
from bench.results import Numbers, Result, kernel_settings
from bench.tables import against, column, compare, split

MIB, GIB = 1 << 20, 1 << 30
TRIAL, LEAST, MOST = 32 * MIB, 64 * MIB, 2 * GIB
SECONDS = 2.0
KINDS = {
    "down": ("Download, one stream", "down", 1),
    "up": ("Upload, one stream", "up", 1),
    "down8": ("Download, eight streams", "down", 8),
}


def measure_bulk(contestant: Contestant, kind: str, seconds: float = SECONDS) -> Numbers:
    """As many bytes as fill about *seconds*, over streams that stand: bits per second, CPU seconds per GiB."""
    _, direction, streams = KINDS[kind]
    route, target = contestant.route, contestant.place.target
    if kind not in contestant.sizes:
        trial = load.bulk(direction, route, target, TRIAL, streams)
        rate = trial["bytes"] / trial["seconds"]
        contestant.sizes[kind] = int(min(MOST, max(LEAST, rate * seconds))) // MIB * MIB
    size = contestant.sizes[kind]
    result, used = contestant.using(lambda: load.bulk(direction, route, target, size, streams))
    speed = {"rate": result["bytes"] * 8 / result["seconds"]}
    return speed | named("cpu", {part: cpu / result["bytes"] * GIB for part, cpu in used.items()})


class Bulk(Measure):
    """One download, one upload, eight downloads."""

    name = "bulk"
    title = "Bulk"
    explains = (
        "Streams through the chain, every byte compared with a pattern at its receiver. The load generator and the "
        "target share the cores with the system. CPU is of all processes of the system, per GiB of payload."
    )

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        for kind in KINDS:
            numbers |= named(kind, measure_bulk(contestant, kind))

    def tables(self, result: Result) -> str:
        parts = []
        for kind, (title, _, _) in KINDS.items():
            columns = [
                column("Gbit/s", f"{kind}.rate", 1e-9),
                column("CPU s per GiB", f"{kind}.cpu.all"),
                split("ingress / middle / exit", f"{kind}.cpu"),
                against(result, "CPU × ours", f"{kind}.cpu.all"),
                against(result, "speed × ours", f"{kind}.rate"),
            ]
            parts.append(f"{title}:\n\n{compare(result, columns, f'{kind}.rate')}")
        settings = ", ".join(f"`{name}` = {value}" for name, value in kernel_settings().items())
        return "\n".join([*parts, f"The kernel's limits here: {settings}.\n"])

    def charts(self, result: Result) -> dict[str, str]:
        made = {}
        for kind in ("down", "up"):
            cpu = {name: row.values(f"{kind}.cpu.all") for name, row in result.rows.items()}
            title = f"CPU per GiB {'down' if kind == 'down' else 'up'}, all processes; less is better"
            made[kind] = bars(title, "s", cpu)
        return made
