"""Draws the answer to `why` for datagrams: exit, primary and spare, what each path does to datagrams, copies."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingress.cli.render_why import headline, rule_line
from ingress.cli.wording import Wording
from relay.cli.render_units import DASH, milliseconds, share_lost

Row = Mapping[str, Any]


def render(answer: Mapping[str, Any], say: Wording | None = None) -> RenderableType:
    """*answer* as docs/paths-json.md describes it, in the language of *say*."""
    say = Wording() if say is None else say
    parts: list[RenderableType] = [Text(headline(answer, say), style="bold"), Text(answer["reason"])]
    parts += [Text(rule_line(answer["rule"], say))] if answer["rule"] is not None else []
    if answer["candidates"]:
        parts += [Text(), _candidates(answer["candidates"], say), Text(say("cli.udp-legend"), style="dim")]
    parts += [Text(say("cli.copies", text=answer["copies"]))] if answer["copies"] else []
    parts += [Text(say("cli.would", text=said)) for said in answer["would_switch"]]
    return Group(*parts)


def _candidates(rows: list[Row], say: Wording) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for name in ("path", "role", "by"):
        table.add_column(say.word("column", name), overflow="fold")
    for name in ("round trip", "jitter", "lost up", "lost down", "size", "cost"):
        table.add_column(say.word("column", name), justify="right")
    for row in rows:
        one = row["datagrams"]
        table.add_row(
            f"{row['path']} > {row['exit']}",
            say.word("role", one["role"]) if one["role"] else DASH,
            _by(one, say),
            milliseconds(one["round_trip"], 1),
            milliseconds(one["jitter"], 1),
            *(DASH if one[way] is None else share_lost(one[way]) for way in ("loss_up", "loss_down")),
            f"{one['size']}" if one["carries"] else DASH,
            milliseconds(row["cost"], 1),
        )
    return table


def _by(one: Row, say: Wording) -> str:
    """How datagrams go over the path, or why they do not."""
    if not one["carries"]:
        return say("cli.by-none", why=one["why"])
    return say("cli.by-tcp", lines=tuple(one["in_tcp"])) if one["in_tcp"] else "UDP"
