"""A round: every figure of both checkouts, in short pieces behind each other, so that a noisy second meets both."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bench.contest import Contestant
from bench.load import Failed
from bench.measures.bulk import KINDS, measure_bulk
from bench.measures.connections import measure_connections
from bench.measures.measure import named
from bench.progress import Progress
from bench.results import Numbers

Piece = Callable[[Contestant], Numbers]
"""Measures one figure once."""

CONNECTIONS: Mapping[str, Piece] = {
    "one": partial(measure_connections, together=1, seconds=0.5),
    "many": partial(measure_connections, together=64, seconds=1.0),
}
BULK: Mapping[str, Piece] = {kind: partial(measure_bulk, kind=kind, seconds=0.6) for kind in KINDS}
"""Many short pieces say more than few long ones: what disturbs them comes and goes within seconds."""


def alternate(contestants: Sequence[Contestant], rounds: int, pieces: Mapping[str, Piece], progress: Progress) -> None:
    """Measure all *pieces* of each, *rounds* times; who comes first changes with every piece. All do as much as the
    first was found to do in the time.

    One that fails keeps what it has, and its reason, and with it the run ends: alone, the others compare with nothing.
    """
    turns = list(contestants)
    for one in turns[1:]:
        one.sizes = turns[0].sizes
    for number in range(1, rounds + 1):
        progress.step(f"round {number}")
        for one in contestants:
            one.row.rounds.append({})
        for name, piece in pieces.items():
            turns.reverse()
            for one in turns:
                try:
                    one.row.rounds[-1] |= named(name, piece(one))
                except Failed as error:
                    one.row.error = f"{error}; its logs: {one.keep_logs()}"
                    return
