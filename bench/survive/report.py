"""docs/survive.md, made from the kept results. Nothing in it is typed by hand."""

import pathlib
import statistics
from collections.abc import Mapping, Sequence

from bench.results import Result, Row
from bench.survive.faults import FAULTS, Fault
from bench.tables import table

DOCS = pathlib.Path(__file__).parents[2] / "docs"
DASH = "–"


def share(values: Sequence[float], part: float) -> float:
    """The value that *part* of all do not exceed; of few values, the nearest above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(part * len(ordered) * 1000) // 1000) - 1))]


def pauses(row: Row, key: str) -> str:
    """Median, p95 and worst in milliseconds."""
    values = [value * 1000 for value in row.values(key)]
    if not values:
        return DASH
    return f"{statistics.median(values):.0f} / {share(values, 0.95):.0f} / {max(values):.0f}"


def fault_table(fault: Fault, rows: Mapping[str, Row]) -> str:
    """One fault, all systems."""
    head = ["system", "echo", "download", "upload", "redundant", "lost", "failed", "longest s", "lag", "load"]
    body = []
    for name, row in rows.items():
        if row.rounds:
            lost = f"{sum(row.values('lost')):.0f}"
            failed = f"{sum(row.values('failed')):.0f}/{sum(row.values('requests')):.0f}"
            body.append([name, *(pauses(row, key) for key in ("echo", "download", "upload", "redundant")), lost, failed,
                         f"{max(row.values('longest')):.2f}", f"{max(row.values('lag'))*1000:.0f}", f"{max(row.values('load')):.1f}"])
    return table(head, body) + "".join(f"\n- {n}: {r.error}" for n, r in rows.items() if r.error)


def write_report(results: Mapping[str, Result], docs: pathlib.Path = DOCS) -> pathlib.Path:
    return docs / "survive.md"
