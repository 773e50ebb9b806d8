"""What the demo shows: the ingress's paths beside what the emulator does to their lines.

Paths and lines are those of the ingress's answer to `paths`, states those of the emulator's to `status`. Pure, but for
rich, which is imported only when a terminal is there to show it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from relay.cli.render_units import STYLES, milliseconds, percent, size

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]
NUMBERS = 39
"""Columns that the mark, the numbers and all gaps of a table of paths take at most."""


def path_table(paths: Sequence[Row], width: int) -> "Table":
    """The paths, in their order, best first, on *width* columns: reasons are cut, not what they are reasons of."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True, min_width=1)
    for name in ("path", "state"):  # a long reason may not squeeze what it is the reason of
        table.add_column(name, no_wrap=True, min_width=max((len(path[name]) for path in paths), default=0))
    for name in ("rtt ms", "late", "streams", "carried"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    table.add_column("why", overflow="ellipsis", no_wrap=True)
    names, states = (max([len(name), *(len(path[name]) for path in paths)]) for name in ("path", "state"))
    room = max(10, width - names - states - NUMBERS)
    for path in paths:
        table.add_row(
            "*" if path["in_band"] else " ",
            path["path"],
            styled(path["state"]),
            milliseconds(path["round_trip"]),
            percent(path["late"]),
            str(path["streams"]),
            size(path["bytes_up"] + path["bytes_down"]),
            path["reason"][:room],
        )
    return table


def line_table(lines: Sequence[Row], states: Mapping[str, Row]) -> "Table":
    """The lines: what the ingress found out, what is being done to them."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("line", "from", "to", "state", "rtt ms", "carried", "emulated"):
        table.add_column(name, justify="right" if name in ("rtt ms", "carried") else "left", no_wrap=True)
    for line in lines:
        name = line["line"]
        table.add_row(
            name,
            line["start"],
            line["end"],
            styled(line["state"]),
            milliseconds(line["round_trip"]),
            size(line["bytes_up"] + line["bytes_down"]),
            emulated(states[name]) if name in states else "",
        )
    return table


def emulated(line: Row) -> str:
    """What the emulator does to a line, in a few words."""
    words = [f"{milliseconds(line['round_trip'])} ms"]
    if line["loss"]:
        words.append(f"{line['loss']:.1%} loss")
    if line["rate"]:
        words.append(f"{line['rate'] / 1e3:.0f} KB/s")
    if line["blocked"]:
        ways = "" if len(line["blocked"]) == 2 else f" {line['blocked'][0]}"
        words.append(f"{'CUT' if line['dial'] == 'silent' else 'FROZEN'}{ways}")
    if line["dial"] == "refused":
        words.append("REFUSES")
    return ", ".join(words)


def told_changes(before: Row | None, after: Row) -> list[str]:
    """For those without a terminal: a line for each path whose state changed, and for a new best one."""
    old = {} if before is None else {path["path"]: path["state"] for path in before["paths"]}
    told = [
        f"{path['path']}: {path['state']} ({path['reason']})"
        for path in after["paths"]
        if old.get(path["path"]) != path["state"]
    ]
    if best(after) != (None if before is None else best(before)):
        told.append(f"best now: {best(after) or 'none'}")
    return told


def best(report: Row) -> str | None:
    """The path that new streams take first."""
    return next((path["path"] for path in report["paths"] if path["in_band"]), None)


def styled(state: str) -> str:
    """*state* in its colour, as rich marks it up."""
    return f"[{STYLES[state]}]{state}[/]" if state in STYLES else state
