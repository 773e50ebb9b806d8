"""Draws the answer to `paths`: the table of paths, the lines, what is wrong. Fits 100 columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from relay.cli.render_units import DASH, STYLES, age, counted, milliseconds, percent, size

Row = Mapping[str, Any]

WIDE = 140
"""Columns from which the reason stands beside its path; on less it stands below the table."""


def render(answer: Mapping[str, Any], width: int) -> RenderableType:
    """*answer* as docs/paths-json.md describes it, drawn for *width* columns."""
    paths, totals = answer["paths"], answer["totals"]
    parts: list[RenderableType] = [
        Text(f"{answer['ingress']}  {answer['time']}", style="bold"),
        path_table(paths, width),
    ]
    if width < WIDE:
        parts += [Text(f"  {row['rank'] or DASH}  {row['reason']}") for row in paths if row["reason"]]
    parts += [Text(), line_table(answer["lines"])]
    parts += [Text(said) for said in node_notes(answer["nodes"])]
    parts += [Text(f"blame: {said}", style="red") for said in answer["blame"]]
    parts += [Text(f"warning: {said}", style="yellow") for said in answer["warnings"]]
    parts.append(Text(total_line(totals)))
    return Group(*parts)


def path_table(rows: Sequence[Row], width: int) -> Table:
    """One row a path; `=` behind the rank marks those that are as good as the best."""
    table = _table()
    for name in ("#", "path", "state"):
        table.add_column(name, no_wrap=name != "path", overflow="fold")
    for name in ("rtt ms", "p95", "dev", "late", "dial", "streams", "down", "up", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column("reason")
    for row in rows:
        table.add_row(*_path_cells(row), *([row["reason"]] if width >= WIDE else []))
    return table


def _path_cells(row: Row) -> tuple[str | Text, ...]:
    return (
        f"{row['rank'] or DASH}{'=' if row['in_band'] else ''}",
        f"{row['path']} > {row['exit']}",
        Text(row["state"], style=STYLES.get(row["state"], "")),
        milliseconds(row["round_trip"]),
        milliseconds(row["p95"]),
        milliseconds(row["deviation"], 1),
        percent(row["late"]),
        milliseconds(row["dial_time"]),
        _streams(row),
        size(row["bytes_down"]),
        size(row["bytes_up"]),
        age(row["age"]),
    )


def _streams(row: Row) -> str:
    special = [f"{row[kind]}{kind[0]}" for kind in ("bulk", "redundant") if row[kind]]
    return f"{row['streams']} ({' '.join(special)})" if special else str(row["streams"])


def line_table(rows: Sequence[Row]) -> Table:
    """One row a line, with the round trip of its own piece of the way."""
    table = _table()
    for name in ("line", "from", "to", "state"):
        table.add_column(name, overflow="fold")
    for name in ("rtt ms", "dial", "probes/day", "streams", "down", "up"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row["line"],
            row["start"],
            row["end"],
            Text(row["state"], style=STYLES.get(row["state"], "")),
            milliseconds(row["round_trip"]),
            milliseconds(row["dial_time"]),
            size(row["probe_bytes_per_day"]),
            str(row["streams"]),
            size(row["bytes_down"]),
            size(row["bytes_up"]),
        )
    return table


def node_notes(rows: Sequence[Row]) -> list[str]:
    """What is worth saying of nodes; nothing of those that are well."""
    said = []
    for row in rows:
        notes = [] if row["state"] == "up" else [row["state"]]
        notes += [f"stale config: {row['config']}, then reload"] if row["stale_config"] else []
        notes += ["draining: it is about to end"] if row["draining"] else []
        if notes:
            said.append(f"node {row['node']}: {'; '.join(notes)}")
    return said


def total_line(totals: Row) -> str:
    """The sums, and what happened to streams."""
    lost = ", ".join(f"{count} by {cause}" for cause, count in totals["lost"].items()) or "none"
    pause = f" (longest pause {milliseconds(totals['longest_pause'])} ms)" if totals["longest_pause"] else ""
    return (
        f"{counted(totals['streams'], 'stream')}, {size(totals['bytes_down'])} down, {size(totals['bytes_up'])} up; "
        f"{totals['moves']} moved, {totals['resumes']} resumed{pause}; lost: {lost}; "
        f"probes {size(totals['probe_bytes_per_day'])} a day"
    )


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
