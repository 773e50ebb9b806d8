"""What is known of datagrams on each path."""

from ingress.messages.message import Message
from ingress.paths.datagram_path import DatagramPath
from ingress.paths.way import ExitWay
from ingress.report.rows import DatagramRow
from ingress.report.snapshot import Snapshot
from relay.model.walk import Path

DEAF = Message("udp.deaf")


def datagram_row(snapshot: Snapshot, path: Path) -> DatagramRow | None:
    """That of *path*; None if datagrams are switched off, or nothing is known yet."""
    way = snapshot.ways.get(path.end)
    carried = None if way is None else way.paths.get(path.name)
    return None if way is None or carried is None else way_row(way, path.name, carried)


def way_row(way: ExitWay, name: str, path: DatagramPath) -> DatagramRow:
    """That of *path*, which is called *name* and leads to the exit of *way*."""
    gauge = path.gauge
    known, policed, detour = gauge.is_measured, path.policing.policed, way.detours.get(name)
    roles = {way.route.primary: "primary", way.route.spare: "spare"}
    return DatagramRow(
        carries=path.carries and not path.is_deaf,
        why=path.why or (DEAF if path.is_deaf else ""),
        role=roles.get(name, ""),
        in_tcp=list(path.in_tcp),
        round_trip=gauge.trip,
        jitter=gauge.jitter if known else None,
        loss_up=gauge.up.share if known else None,
        loss_down=gauge.down.share if known else None,
        size=path.size,
        interval=gauge.interval or None,
        sent=path.payloads + (0 if detour is None else detour.payloads),
        policed=None if policed is None else policed.rate,
        detoured=0 if detour is None else detour.riders,
    )
