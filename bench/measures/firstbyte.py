"""First byte over distance: how many round trips pass before a client sees its answer."""

import time
from collections.abc import Sequence

from bench import load
from bench.contest import Contestant, Field, be_fair, opened_field
from bench.load import Failed
from bench.measures.measure import Measure
from bench.peers.peer import Peer
from bench.plots import bars
from bench.progress import shown_progress
from bench.results import Numbers, Result, Row, new_result
from bench.tables import column, compare
from bench.topology import REFERENCE

ROUND_TRIP = sum(line.round_trip for line in REFERENCE)
WARM_UP = 4.0
"""Seconds between the start of a system and its first connection: it may prepare what it likes, but sees no target."""
NEW_TARGETS, AGAIN = 8, 20


class FirstByte(Measure):
    """First connection of all, then to targets never asked for before, then to one that is known."""

    name = "firstbyte"
    title = "First byte over distance"
    explains = (
        f"Three hops over emulated lines of {', '.join(f'{line.round_trip * 1e3:.0f}' for line in REFERENCE)} ms round "
        f"trip, {ROUND_TRIP * 1e3:.0f} ms in all; the same lines for every system, dials delayed too. From the "
        "client's connect to the target's whole answer to its first 64 bytes. *First*: the first connection after the "
        f"system was started and left alone for {WARM_UP:.0f} s. *New*: targets never asked for before. *Known*: one "
        "asked for again."
    )

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        rows: dict[str, Row] = {}
        be_fair()
        with shown_progress(self.name, rounds * len(peers)) as progress:
            for number in range(1, rounds + 1):
                for peer in peers:
                    progress.step(f"round {number}: {peer.name}")
                    row = rows.setdefault(peer.name, Row(how=peer.how, error=peer.missing()))
                    if row.error is None:
                        self.one_round(peer, row)
        return new_result(self.name, rows)

    def one_round(self, peer: Peer, row: Row) -> None:
        """Start the system afresh and measure it; a failure stays in its row."""
        try:
            with opened_field() as field:
                contestant = field.start(peer, weather=REFERENCE)
                row.version = contestant.row.version
                contestant.wait_listening()
                time.sleep(WARM_UP)
                row.rounds.append(first_bytes(contestant, field))
        except (Failed, OSError) as error:
            row.error = str(error)

    def tables(self, result: Result) -> str:
        columns = [
            column("first, ms", "first", 1e3),
            column("new, ms", "new", 1e3),
            column("known, ms", "known", 1e3),
            column("first × round trip", "first", 1 / ROUND_TRIP),
            column("new ×", "new", 1 / ROUND_TRIP),
            column("known ×", "known", 1 / ROUND_TRIP),
        ]
        return compare(result, columns, "known")

    def charts(self, result: Result) -> dict[str, str]:
        known = {name: [value * 1e3 for value in row.values("known")] for name, row in result.rows.items()}
        title = f"First byte from a known target, round trip {ROUND_TRIP * 1e3:.0f} ms; less is better"
        return {"known": bars(title, "ms", known)}


def first_bytes(contestant: Contestant, field: Field) -> Numbers:
    """One connection to the first target, one to each of the others, then more to the first; medians."""
    first = echo_time(contestant, contestant.place.target, 1)
    if contestant.peer.hops == 0:
        return {"first": first, "known": echo_time(contestant, contestant.place.target, AGAIN)}
    others = [field.add_target(f"127.0.1.{number}") for number in range(1, NEW_TARGETS + 1)]
    new = sorted(echo_time(contestant, target, 1) for target in others)
    return {"first": first, "new": new[len(new) // 2], "known": echo_time(contestant, contestant.place.target, AGAIN)}


def echo_time(contestant: Contestant, target: str, count: int) -> float:
    """The median over so many connections, one after another."""
    result = load.connections(contestant.route, target, count, 1)
    if result["errors"]:
        raise Failed(f"{result['errors']:.0f} of {count} connections failed")
    return result["p50"]
