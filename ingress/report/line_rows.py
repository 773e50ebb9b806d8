"""Rows of lines."""

from collections.abc import Mapping, Sequence

from ingress.measure.blame import Blame
from ingress.measure.directions import Direction
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.pieces import Piece, line_pieces
from ingress.measure.schedule import probe_bytes_per_day
from ingress.measure.states import line_state
from ingress.report.bulk_rows import carries_rows
from ingress.report.quota_rows import quota_row
from ingress.report.rows import DirectionRow, LineRow
from ingress.report.snapshot import Snapshot
from relay.model.network import Line


def line_rows(snapshot: Snapshot, blames: Sequence[Blame]) -> list[LineRow]:
    """The lines of the network, as far as a path of this ingress uses them, in file order."""
    monitor = snapshot.network_monitor
    pieces = line_pieces(monitor.monitors, snapshot.now)
    probes = _probe_bytes(monitor)
    walked = {name for path in monitor.paths for name in path.lines}
    return [
        _line_row(snapshot, line, line_state(line.name, monitor, blames, pieces), pieces.get(line.name), probes)
        for line in snapshot.lines
        if line.name in walked
    ]


def _probe_bytes(network_monitor: NetworkMonitor) -> dict[str, int]:
    monitors = network_monitor.monitors
    every = {name: monitor.interval for name, monitor in monitors.items() if monitor.is_connected}
    return probe_bytes_per_day((monitor.path for monitor in monitors.values()), every)


def _line_row(snapshot: Snapshot, line: Line, state: str, piece: Piece | None, probes: Mapping[str, int]) -> LineRow:
    users = [path for path in snapshot.network_monitor.paths if line.name in path.lines]
    riding = [snapshot.traffic_of(path.name) for path in users]
    dial = snapshot.dials.get(line.name)
    return LineRow(
        line=line.name,
        start=line.start,
        end=line.end,
        state=state,
        round_trip=None if piece is None else piece.round_trip,
        uncertainty=None if piece is None else piece.uncertainty,
        deviation=None if piece is None else piece.deviation,
        late=None if piece is None else piece.late,
        dial_time=None if dial is None else dial.took,
        dial_error=None if dial is None else dial.error,
        dial_age=None if dial is None else snapshot.now - dial.at,
        probe_bytes_per_day=probes.get(line.name, 0),
        streams=sum(one.streams for one in riding),
        bytes_up=sum(one.bytes_up for one in riding),
        bytes_down=sum(one.bytes_down for one in riding),
        provider=line.provider,
        directions=[_direction_row(one) for one in snapshot.network_monitor.directions.of(line.name)],
        carries=carries_rows(snapshot, line),
        backup=line.backup,
        quota=quota_row(snapshot.quotas[line.name]) if line.name in snapshot.quotas else None,
    )


def _direction_row(one: Direction) -> DirectionRow:
    loss = one.loss
    return DirectionRow(
        one.start,
        one.end,
        loss.share,
        loss.low,
        loss.high,
        loss.segments,
        rate=one.rate,
        policed=one.policed,
        told=one.is_told,
    )
