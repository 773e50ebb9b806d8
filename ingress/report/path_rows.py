"""Rows of paths: those that are measured, best first, and the spare ones."""

from ingress.choice.entry import Entry
from ingress.choice.ranking import Ranking
from ingress.measure.pieces import total
from ingress.measure.traffic import Counters
from ingress.messages.message import Message
from ingress.report.datagram_rows import datagram_row
from ingress.report.rows import PathRow
from ingress.report.snapshot import Snapshot
from relay.dial.lines import LineDial
from relay.model.walk import Path

SPARE = Message("place.spare")


def path_rows(snapshot: Snapshot) -> list[PathRow]:
    """All paths: those that the ranking does not know yet come behind the others, spare ones last."""
    order = sorted(snapshot.network_monitor.paths, key=lambda path: _place(snapshot.ranking, path))
    return [*(_path_row(snapshot, path) for path in order), *(_spare_row(path) for path in snapshot.spare)]


def _place(ranking: Ranking, path: Path) -> int:
    entry = ranking.by_name.get(path.name)
    return len(ranking.by_name) + 1 if entry is None else entry.rank


def _path_row(snapshot: Snapshot, path: Path) -> PathRow:
    entry: Entry | None = snapshot.ranking.by_name.get(path.name)
    monitor = snapshot.network_monitor.monitors[path.name]
    figures = monitor.pings.figures(snapshot.now)
    traffic, counters = snapshot.traffic_of(path.name), snapshot.counters.get(path.name) or Counters()
    known = figures.samples > 0
    datagrams = datagram_row(snapshot, path)
    return PathRow(
        rank=None if entry is None else entry.rank,
        path=path.name,
        exit=path.end,
        state=monitor.health.word if entry is None else entry.figures.shown,
        in_band=entry is not None and entry.in_band,
        round_trip=figures.median,
        p95=figures.p95,
        deviation=figures.deviation if known else None,
        late=figures.late if known else None,
        cost=entry.cost if entry is not None and known else None,
        dial_time=total(_took(snapshot.dials.get(hop.line.name)) for hop in path.hops),
        streams=traffic.streams,
        bulk=traffic.bulk,
        redundant=traffic.redundant,
        bytes_up=traffic.bytes_up,
        bytes_down=traffic.bytes_down,
        age=figures.age,
        interval=monitor.interval,
        reason=monitor.health.reason if entry is None else entry.reason,
        moves=counters.moves,
        resumes=counters.resumes,
        longest_pause=counters.longest_pause,
        lost=dict(counters.lost),
        deaths=monitor.health.deaths,
        datagrams_up=0 if datagrams is None else datagrams.sent,
        datagrams=datagrams,
    )


def _spare_row(path: Path) -> PathRow:
    return PathRow(
        rank=None,
        path=path.name,
        exit=path.end,
        state="spare",
        in_band=False,
        round_trip=None,
        p95=None,
        deviation=None,
        late=None,
        cost=None,
        dial_time=None,
        streams=0,
        bulk=0,
        redundant=0,
        bytes_up=0,
        bytes_down=0,
        age=None,
        interval=None,
        reason=SPARE,
        moves=0,
        resumes=0,
        longest_pause=0.0,
        lost={},
        deaths=0,
    )


def _took(dial: LineDial | None) -> float | None:
    return None if dial is None else dial.took
