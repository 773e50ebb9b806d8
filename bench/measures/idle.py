"""Idle streams: what each holds in memory at each node."""

import time
from collections.abc import Sequence

from bench import load
from bench.contest import Contestant, be_fair, opened_field, start_all, take_turns
from bench.load import Failed
from bench.measures.measure import Measure, named
from bench.peers.peer import Peer
from bench.plots import bars
from bench.processes import spent
from bench.progress import Silent, shown_progress
from bench.results import Numbers, Result, Row, new_result
from bench.tables import column, compare

SETTLE = 1.5
"""Seconds given before memory is read: collectors of garbage run."""


class Idle(Measure):
    """Each round starts every system afresh: memory that an earlier round left free would hide what this one takes."""

    name = "idle"
    title = "Idle streams"
    explains = (
        "So many streams are opened, each proven by an echo of one byte, and held without traffic. Resident memory of "
        "each node before and after, the difference divided by the streams."
    )

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        rows: dict[str, Row] = {}
        be_fair()
        with shown_progress(self.name, rounds * len(peers)) as progress:
            for number in range(1, rounds + 1):
                for peer in peers:
                    progress.step(f"round {number}: {peer.name}")
                    with opened_field() as field:
                        again: dict[str, Row] = {}
                        take_turns(start_all(field, [peer], again), 1, self.turn, Silent())
                    known = rows.setdefault(peer.name, again[peer.name])
                    if known is not again[peer.name]:
                        known.rounds += again[peer.name].rounds
                        known.error = known.error or again[peer.name].error
        return new_result(self.name, rows)

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        time.sleep(SETTLE)
        before = contestant.running.memory()
        holder = load.Child("idle", contestant.route, contestant.place.target, contestant.peer.idle)
        try:
            opened = load.parse(holder.line())
            if not opened["opened"]:
                raise Failed("no stream opened")
            time.sleep(SETTLE)
            after = contestant.running.memory()
        finally:
            holder.end()
        each = {part: size / opened["opened"] for part, size in spent(after, before).items()}
        at_start = spent(before, {})
        numbers |= opened | named("stream", each) | named("start", at_start)

    def tables(self, result: Result) -> str:
        columns = [
            column("streams", "opened"),
            column("failed", "failed"),
            column("KB per stream: ingress", "stream.ingress", 1 / 1024),
            column("middle, both", "stream.middle", 1 / 1024),
            column("exit", "stream.exit", 1 / 1024),
            column("MiB at start: ingress", "start.ingress", 1 / 1048576),
            column("exit", "start.exit", 1 / 1048576),
        ]
        return compare(result, columns, "opened")

    def charts(self, result: Result) -> dict[str, str]:
        held = {name: [value / 1024 for value in row.values("stream.all")] for name, row in result.rows.items()}
        return {"memory": bars("Memory per idle stream, all nodes together; less is better", "KB", held)}
