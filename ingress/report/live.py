"""What moves, of the answer to `paths`: what the page is told every second."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from ingress.messages.forms import EN
from ingress.messages.message import render
from ingress.report.rows import VERSION, LineRow, NodeRow, PathRow, Report

PATH: Final = (
    "path",
    "exit",
    "rank",
    "state",
    "in_band",
    "round_trip",
    "p95",
    "deviation",
    "late",
    "cost",
    "streams",
    "bulk",
    "bytes_up",
    "bytes_down",
    "age",
    "reason",
)
LINE: Final = ("line", "state", "round_trip", "deviation", "late", "streams", "bytes_up", "bytes_down")
NODE: Final = ("node", "state", "draining", "stale_config")
SAID: Final = ("blame", "warnings", "wishes")
TOTALS: Final = ("opened", "streams", "bytes_up", "bytes_down", "moves", "resumes", "longest_pause", "lost")


def network_event(report: Report, language: str = EN) -> Mapping[str, Any]:
    """The fields of *report* that change while nothing is reloaded, in *language*; docs/api.md."""
    return {
        "version": VERSION,
        "time": report.time,
        "paths": [{**_some(row, PATH), "reason": render(row.reason, language)} for row in report.paths],
        "lines": [_line(row) for row in report.lines],
        "nodes": [_some(row, NODE) for row in report.nodes],
        "holds": [{**attrs.asdict(hold), "said": render(hold.said, language)} for hold in report.holds],
        "totals": {name: getattr(report.totals, name) for name in TOTALS},
        **{name: [render(text, language) for text in getattr(report, name)] for name in SAID},
    }


def _some(row: PathRow | LineRow | NodeRow, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _line(row: LineRow) -> dict[str, Any]:
    directions = [{"start": one.start, "end": one.end, "loss": one.loss, "rate": one.rate} for one in row.directions]
    quota = None if row.quota is None else attrs.asdict(row.quota)
    return {**_some(row, LINE), "directions": directions, "quota": quota}
