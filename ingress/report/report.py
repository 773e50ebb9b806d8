"""The answer to `paths`, as a whole."""

from collections.abc import Sequence

from ingress.measure.traffic import Counters
from ingress.report.line_rows import line_rows
from ingress.report.path_rows import path_rows
from ingress.report.rows import LineRow, Report, Totals
from ingress.report.snapshot import Snapshot


def report(snapshot: Snapshot) -> Report:
    """All rows, the sums, and whom to blame."""
    network_monitor = snapshot.network_monitor
    exits = frozenset(path.end for path in network_monitor.paths)
    blames = network_monitor.blame(exits, snapshot.now, snapshot.planned)
    lines = line_rows(snapshot, blames)
    return Report(
        snapshot.ingress,
        snapshot.time,
        path_rows(snapshot),
        lines,
        list(snapshot.nodes),
        totals(snapshot, lines),
        [*snapshot.behind_exits, *(blame.sentence for blame in blames)],
        list(snapshot.warnings),
        snapshot.vitals,
        dict(snapshot.counted),
        list(snapshot.wishes),
        list(snapshot.holds),
    )


def totals(snapshot: Snapshot, lines: Sequence[LineRow]) -> Totals:
    """Sums over all paths; a redundant stream is counted on both of its paths."""
    whole, traffic = Counters(), snapshot.traffic.values()
    for counters in (*snapshot.counters.values(), snapshot.past):
        whole.absorb(counters)
    return Totals(
        opened=whole.opened,
        streams=sum(one.streams for one in traffic),
        bytes_up=sum(one.bytes_up for one in traffic) + snapshot.past.bytes_up,
        bytes_down=sum(one.bytes_down for one in traffic) + snapshot.past.bytes_down,
        moves=whole.moves,
        resumes=whole.resumes,
        longest_pause=whole.longest_pause,
        lost=whole.lost,
        probe_bytes_per_day=sum(row.probe_bytes_per_day for row in lines),
    )
