"""Fills the answer to `paths` from the running objects: reads them, changes nothing."""

from collections.abc import Iterable, Mapping, Sequence

from ingress.choice.ranking import Entry, Ranking
from ingress.measure.blame import Blame
from ingress.measure.health import State
from ingress.measure.monitor import Gauge
from ingress.measure.network_monitor import Survey
from ingress.measure.pieces import line_pieces
from ingress.measure.schedule import probe_bytes_per_day
from ingress.measure.traffic import Tally
from ingress.report.rows import LineRow, NodeRow, PathRow, Report, Totals
from relay.model.network import Line
from relay.model.walk import Path


def report(
    ingress: str,
    time: str,
    survey: Survey,
    ranking: Ranking,
    tallies: Mapping[str, Tally],
    lines: Iterable[Line],
    dial_times: Mapping[str, float],
    nodes: Sequence[NodeRow],
    now: float,
    *,
    spare: Sequence[Path] = (),
    past: Sequence[Tally] = (),
    warnings: Sequence[str] = (),
) -> Report:
    """The whole answer. *time* is the wall clock, *dial_times* are by line, *lines* the network's in file order, *past*
    what was counted on paths that are no longer in the file."""
    rows = path_rows(survey, ranking, tallies, now)
    blames = survey.blame(frozenset(path.end for path in survey.paths))
    line_list = line_rows(survey, lines, tallies, dial_times, blames, now)
    return Report(
        ingress,
        time,
        [*rows, *(_spare_row(path) for path in spare)],
        line_list,
        list(nodes),
        totals([*tallies.values(), *past], line_list),
        [blame.sentence for blame in blames],
        list(warnings),
    )


def path_rows(survey: Survey, ranking: Ranking, tallies: Mapping[str, Tally], now: float) -> list[PathRow]:
    """All paths that are measured, best first; those that the ranking does not know yet come last."""
    nobody = Tally(now)
    order = sorted(survey.paths, key=lambda path: _place(ranking, path))
    return [
        _path_row(path, survey.gauges[path.name], ranking.by_name.get(path.name), tallies.get(path.name, nobody), now)
        for path in order
    ]


def _place(ranking: Ranking, path: Path) -> int:
    entry = ranking.by_name.get(path.name)
    return len(ranking.by_name) + 1 if entry is None else entry.rank


def _path_row(path: Path, gauge: Gauge, entry: Entry | None, tally: Tally, now: float) -> PathRow:
    figures = gauge.meter.figures(now)
    known = figures.samples > 0
    return PathRow(
        rank=None if entry is None else entry.rank,
        path=path.name,
        exit=path.end,
        state=gauge.health.word if entry is None else entry.figures.shown,
        in_band=entry is not None and entry.in_band,
        round_trip=figures.median,
        p95=figures.p95,
        deviation=figures.deviation if known else None,
        late=figures.late if known else None,
        cost=entry.total if entry is not None and known else None,
        dial_time=tally.dial_time,
        streams=tally.streams,
        bulk=tally.bulk,
        redundant=tally.redundant,
        bytes_up=tally.bytes_up,
        bytes_down=tally.bytes_down,
        age=figures.age,
        interval=gauge.interval,
        reason=gauge.health.reason if entry is None else entry.reason,
        moves=tally.moves,
        resumes=tally.resumes,
        longest_pause=tally.longest_pause,
        lost=dict(tally.lost),
        deaths=gauge.health.deaths,
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
        reason="more paths than are measured: shorter ones come first",
        moves=0,
        resumes=0,
        longest_pause=0.0,
        lost={},
        deaths=0,
    )


def line_rows(
    survey: Survey,
    lines: Iterable[Line],
    tallies: Mapping[str, Tally],
    dial_times: Mapping[str, float],
    blames: Sequence[Blame],
    now: float,
) -> list[LineRow]:
    """The lines of the network, as far as a path of this ingress uses them, in the order given."""
    pieces = line_pieces(survey.gauges, now)
    every = {name: gauge.interval for name, gauge in survey.gauges.items() if gauge.is_connected}
    probes = probe_bytes_per_day((gauge.path for gauge in survey.gauges.values()), every)
    rows = []
    for line in lines:
        users = [path for path in survey.paths if line.name in path.lines]
        if not users:
            continue
        riding = [tally for path in users if (tally := tallies.get(path.name)) is not None]
        rows.append(
            LineRow(
                line=line.name,
                start=line.start,
                end=line.end,
                state=line_state(line.name, survey, blames),
                round_trip=pieces.get(line.name),
                dial_time=dial_times.get(line.name),
                probe_bytes_per_day=probes.get(line.name, 0),
                streams=sum(tally.streams for tally in riding),
                bytes_up=sum(tally.bytes_up for tally in riding),
                bytes_down=sum(tally.bytes_down for tally in riding),
                provider=line.provider,
            )
        )
    return rows


def line_state(line: str, survey: Survey, blames: Sequence[Blame]) -> str:
    """A line is up if anything answers over it; else as it was blamed; else nobody can tell."""
    if any(gauge.health.is_answering and line in gauge.path.lines for gauge in survey.gauges.values()):
        return "up"
    for blame in blames:
        if line in blame.lines:
            return "broken" if blame.is_sure else "suspect"
    return "unknown"


def node_state(node: str, survey: Survey) -> str:
    """The best state of the paths and prefixes that end at *node*."""
    words = {gauge.health.state: gauge.health.word for gauge in survey.gauges.values() if gauge.path.end == node}
    return next((words[state] for state in State if state in words), State.DOWN.value)


def totals(tallies: Iterable[Tally], lines: Sequence[LineRow]) -> Totals:
    """Sums over all paths; a redundant stream is counted on both of its paths."""
    whole = Tally(0.0)
    streams = 0
    for tally in tallies:
        whole.absorb(tally)
        streams += tally.streams
    return Totals(
        opened=whole.opened,
        streams=streams,
        bytes_up=whole.bytes_up,
        bytes_down=whole.bytes_down,
        moves=whole.moves,
        resumes=whole.resumes,
        longest_pause=whole.longest_pause,
        lost=whole.lost,
        probe_bytes_per_day=sum(row.probe_bytes_per_day for row in lines),
    )
