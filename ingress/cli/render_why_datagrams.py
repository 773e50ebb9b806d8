"""Draws the answer to `why` for datagrams: exit, primary and spare, what each path does to datagrams, copies."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingress.cli.render_why import headline, rule_line
from relay.cli.render_units import DASH, milliseconds, share_lost

Row = Mapping[str, Any]

LEGEND = "ms; cost: round trip + 4 x jitter + 20 ms for each per cent lost; size in bytes"


def render(answer: Mapping[str, Any]) -> RenderableType:
    """*answer* as docs/paths-json.md describes it."""
    parts: list[RenderableType] = [Text(headline(answer), style="bold"), Text(answer["reason"])]
    parts += [Text(rule_line(answer["rule"]))] if answer["rule"] is not None else []
    if answer["candidates"]:
        parts += [Text(), _candidates(answer["candidates"]), Text(LEGEND, style="dim")]
    parts += [Text(f"copies: {answer['copies']}")] if answer["copies"] else []
    parts += [Text(f"would switch: {said}") for said in answer["would_switch"]]
    return Group(*parts)


def _candidates(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for name in ("path", "role", "by"):
        table.add_column(name, overflow="fold")
    for name in ("round trip", "jitter", "lost up", "lost down", "size", "cost"):
        table.add_column(name, justify="right")
    for row in rows:
        one = row["datagrams"]
        table.add_row(
            f"{row['path']} > {row['exit']}",
            one["role"] or DASH,
            _by(one),
            milliseconds(one["round_trip"], 1),
            milliseconds(one["jitter"], 1),
            *(DASH if one[way] is None else share_lost(one[way]) for way in ("loss_up", "loss_down")),
            f"{one['size']}" if one["carries"] else DASH,
            milliseconds(row["cost"], 1),
        )
    return table


def _by(one: Row) -> str:
    """How datagrams go over the path, or why they do not."""
    if not one["carries"]:
        return f"none: {one['why']}"
    return f"TCP on {', '.join(one['in_tcp'])}" if one["in_tcp"] else "UDP"
