"""Start-up and size of our own commands: what a person and a supervisor wait for."""

import time
from collections.abc import Sequence

from bench.contest import Field, be_fair, opened_field
from bench.load import Failed
from bench.measures.measure import Measure
from bench.peers import OURS
from bench.peers.ours import tool
from bench.peers.peer import Peer, first_line
from bench.plots import bars
from bench.processes import spent
from bench.progress import shown_progress
from bench.results import Numbers, Result, Row, new_result
from bench.tables import column, compare

QUIET = 3.0
"""Seconds after which an ingress that nobody uses has its carriers and its first figures."""


class Startup(Measure):
    """Only ours: the peers do not measure and keep nothing warm."""

    name = "startup"
    title = "Start-up and size"
    explains = (
        "`ingress --help` from start to end; `ingress serve` from start to its first accepted connection, and to its "
        "first echo from the target over three hops; its resident memory, unused, a few seconds later."
    )

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        rows = {OURS.name: Row(how=OURS.how, error=OURS.missing())}
        be_fair()
        with shown_progress(self.name, rounds) as progress:
            for number in range(1, rounds + 1):
                progress.step(f"round {number}")
                if rows[OURS.name].error is None:
                    self.one_round(rows[OURS.name])
        return new_result(self.name, rows)

    def one_round(self, row: Row) -> None:
        """Start it once; a failure stays in the row."""
        try:
            with opened_field() as field:
                row.version = OURS.version()
                row.rounds.append({"help": help_time()} | start_times(field))
        except (Failed, OSError) as error:
            row.error = str(error)

    def tables(self, result: Result) -> str:
        columns = [
            column("`--help`, ms", "help", 1e3),
            column("accepts after, ms", "accepts", 1e3),
            column("first echo after, ms", "echoes", 1e3),
            column("memory, MiB: ingress", "memory.ingress", 1 / 1048576),
            column("exit", "memory.exit", 1 / 1048576),
        ]
        return compare(result, columns, "help")

    def charts(self, result: Result) -> dict[str, str]:
        row = result.rows[OURS.name]
        times = {key: [value * 1e3 for value in row.values(key)] for key in ("help", "accepts", "echoes")}
        return {"times": bars("From the start of the command; less is better", "ms", times)}


def help_time() -> float:
    """Seconds that `ingress --help` takes."""
    began = time.monotonic()
    first_line(tool("ingress"), "--help")
    return time.monotonic() - began


def start_times(field: Field) -> Numbers:
    """The nodes are started first, the ingress when they stand."""
    contestant = field.start(OURS, pause=QUIET)
    contestant.wait_listening()
    accepts = time.monotonic() - contestant.running.ingress_began
    contestant.wait_ready()
    echoes = time.monotonic() - contestant.running.ingress_began
    time.sleep(QUIET)
    memory = spent(contestant.running.memory(), {})
    return {"accepts": accepts, "echoes": echoes, "memory.ingress": memory["ingress"], "memory.exit": memory["exit"]}
