"""Small requests beside a full-speed download, over one line of limited rate."""

from bench import load
from bench.contest import Contestant
from bench.load import Failed
from bench.measures.measure import Measure, named
from bench.plots import bars
from bench.results import Numbers, Result, Row
from bench.tables import Column, column, compare
from bench.topology import Weather
from ingress.demo.emulator.flight import QUEUE

REQUESTS = 30
ENDLESS = 1 << 40
RATE = 100.0
LINES = (Weather(0.030), Weather(0.100, rate=RATE), Weather(0.002))
HEAD_START = 10
"""Requests that are not counted, while the windows of the download grow."""


class Beside(Measure):
    """Requests alone, then the same beside one download."""

    name = "beside"
    title = "Small requests beside a download"
    explains = (
        f"{REQUESTS} connections one after another, each with an exchange of 64 bytes, alone and then beside one "
        f"download; the line across the ocean carries {RATE:.0f} Mbit/s and queues {QUEUE * 1e3:.0f} ms. The lines "
        "are emulated by forwarding TCP: there is no loss, and no congestion control that keeps the queue short. What "
        "moves little keeps it short as well, so the download's own speed stands beside."
    )
    rounds = 2
    weather = LINES

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        alone = requests(contestant)
        download = load.Child("bulk", "down", contestant.route, contestant.place.target, ENDLESS, 1)
        try:
            requests(contestant, HEAD_START)
            beside = requests(contestant)
            moved = download.stop()
        finally:
            download.end()
        if moved.get("failed", 1):
            raise Failed("the download broke")
        goodput = {"goodput": moved["bytes"] * 8 / moved["seconds"]}
        numbers |= named("alone", alone) | named("beside", beside) | goodput

    def tables(self, result: Result) -> str:
        columns = [
            column("alone p50 ms", "alone.p50", 1e3),
            column("beside p50 ms", "beside.p50", 1e3),
            column("alone p99 ms", "alone.p99", 1e3),
            column("beside p99 ms", "beside.p99", 1e3),
            slower("p50 ×", "p50"),
            slower("p99 ×", "p99"),
            column("download, Mbit/s", "goodput", 1e-6),
        ]
        return compare(result, columns, "beside.p50")

    def charts(self, result: Result) -> dict[str, str]:
        p99 = {name: [value * 1e3 for value in row.values("beside.p99")] for name, row in result.rows.items()}
        return {"p99": bars("99 of 100 requests beside a download take less; less is better", "ms", p99)}


def requests(contestant: Contestant, count: int = REQUESTS) -> Numbers:
    """So many connections one after another."""
    result = load.connections(contestant.route, contestant.place.target, count, 1)
    if result["errors"]:
        raise Failed(f"{result['errors']:.0f} of {count} requests failed")
    return result


def slower(title: str, key: str) -> Column:
    """How many times longer it takes beside the download, by the medians of the rounds."""

    def cell(row: Row) -> str:
        pairs = [one[f"beside.{key}"] / one[f"alone.{key}"] for one in row.rounds]
        return f"{sum(pairs) / len(pairs):.2f}" if pairs else "–"

    return title, cell
