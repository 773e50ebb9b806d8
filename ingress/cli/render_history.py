"""Draws the answers to `history` and `events`: a plot, outages, what happened; without a name, a table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingress.cli.moments import lasted, shown, tick
from ingress.cli.plot import CurvePoint, Drawn, axis, bars, curve
from relay.cli.render_units import DASH, counted, milliseconds, size

Answer = Mapping[str, Any]
LABEL: Final = 9
"""Columns before a plot."""
NARROWEST: Final = 30
MOST_OUTAGES: Final = 12
MOST_EVENTS: Final = 25
TOGETHER: Final = 10.0
"""Seconds within which what begins has begun at once."""
COLUMNS: Final = {
    "up %": 6,
    "rtt ms": 6,
    "p95": 5,
    "late %": 6,
    "loss up/down %": 14,
    "down": 5,
    "up": 5,
    "outages": 14,
}
"""Of the table of everything, behind the name, and how wide they are."""
DISPENSABLE: Final = ("loss up/down %", "up", "down", "p95", "late %")
GAP: Final = 2
BAD: Final = {"path": ("stalled", "down"), "line": ("suspect", "broken")}
"""States in which something does not work; others have those of paths."""


def columns_for(width: int) -> int:
    """How many columns a plot has on a screen of *width*."""
    return max(NARROWEST, width - LABEL - 1)


def render_one(answer: Answer, events: Sequence[Answer], width: int, now: float) -> RenderableType:
    """The history of one path, line, node or ingress."""
    points = answer["series"]
    parts: list[RenderableType] = [_heading(answer, now)]
    if points:
        parts += [*_plot(answer, columns_for(width)), _in_a_word(answer["kind"], points)]
    else:
        parts.append(Text("nobody looked in this time"))
    parts += _own(answer["outages"], now, answer["until"])
    parts += _events(events, now)
    parts += [Text(note, "yellow") for note in answer["notes"]]
    return Group(*parts)


def render_all(answer: Answer, events: Sequence[Answer], width: int, now: float) -> RenderableType:
    """Everything in one table, the worst outages, what happened last."""
    table = Table(box=None, pad_edge=False)
    names = [f"{row['kind']} {row['name']}" for row in answer["all"]]
    kept = _columns_that_fit(max(map(len, names), default=0), width)
    table.add_column("", overflow="fold")
    for title in kept:
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in zip(names, answer["all"], strict=True):
        cells = _cells(row)
        table.add_row(name, *(cells[title] for title in kept))
    parts: list[RenderableType] = [_heading({**answer, "kind": "everything", "of": ""}, now)]
    parts.append(table if answer["all"] else Text("nobody looked in this time"))
    parts += _worst(answer["outages"], now, answer["until"])
    parts += _events(events, now)
    parts += [Text(note, "yellow") for note in answer["notes"]]
    return Group(*parts)


def _heading(answer: Answer, now: float) -> Text:
    start, end = answer["since"], answer["until"]
    until = "now" if end >= now - 60 else shown(end, now)
    what = " ".join(part for part in (answer["kind"], answer["of"]) if part)
    step = f", one step is {lasted(answer['step'])}" if "step" in answer else ""
    return Text.assemble((what, "bold"), f" from {shown(start, now)} to {until}, {lasted(end - start)}{step}")


def _columns_that_fit(name: int, width: int) -> list[str]:
    """On a narrow screen those go first that say least."""
    kept = list(COLUMNS)
    for title in DISPENSABLE:
        if name + sum(GAP + COLUMNS[one] for one in kept) > width:
            kept.remove(title)
    return kept


def _cells(row: Answer) -> dict[str, RenderableType]:
    """By COLUMNS."""
    available = row["availability"]
    style = "" if available is None or available >= 0.999 else "yellow" if available >= 0.99 else "red"
    loss = "/".join(_share(row[way]) for way in ("loss_up", "loss_down"))
    outages = f"{row['outages']} ({lasted(row['longest_outage'])})" if row["outages"] else "0"
    shown_ones = (
        Text(DASH if available is None else _available(available), style),
        milliseconds(row["rtt"], 1),
        milliseconds(row["p95"], 1),
        _share(row["late"]),
        loss,
        size(row["down"]),
        size(row["up"]),
        outages,
    )
    return dict(zip(COLUMNS, shown_ones, strict=True))


def _available(share: float) -> str:
    """Never 100 where something was missing."""
    return "100" if share == 1 else f"{min(share, 0.99999) * 100:.3f}"


def _share(share: float | None) -> str:
    return DASH if share is None else f"{share * 100:.2f}".rstrip("0").rstrip(".")


def _plot(answer: Answer, most: int) -> list[RenderableType]:
    step = answer["step"]
    first = answer["since"] // step
    steps = max(1, math.ceil(answer["until"] / step - first))
    width = max(1, most // steps)
    slots: list[Answer | None] = [None] * steps  # None where nobody looked
    for point in answer["series"]:
        slots[min(steps - 1, max(0, round(point["at"] / step - first)))] = point
    spread = [_curve_point(one) for one in slots]
    rows, top, bottom = curve(spread, width)
    marks = {0: f"{milliseconds(top, 1)} ms", len(rows) - 1: f"{milliseconds(bottom, 1)} ms"}
    drawn = [_labelled(marks.get(number, ""), row) for number, row in enumerate(rows)]
    late = [None if one is None else (one["late"] or 0.0) for one in slots]
    lost = [None if one is None else max(one["loss_up"] or 0.0, one["loss_down"] or 0.0) for one in slots]
    out = [None if one is None else _out(answer["kind"], one) for one in slots]
    moved = [None if one is None else one["up"] + one["down"] for one in slots]
    for name, values, least, style in (("late", late, 0.05, "yellow"), ("lost", lost, 0.02, "yellow")):
        if any(values):
            drawn.append(_labelled(name, bars(values, max(least, *(v or 0.0 for v in values)), width, style)))
    drawn.append(_labelled("out", bars(out, 1.0, width, "red")))
    if any(moved):
        drawn.append(_labelled("bytes", bars(moved, max(value or 0.0 for value in moved), width, "cyan")))
    labels = [tick((first + part * steps / 6) * step, steps * step) for part in range(7)]
    return [*drawn, Text(" " * (LABEL + 1) + axis(labels, steps * width), "dim")]


def _curve_point(point: Answer | None) -> CurvePoint:
    if point is None or point["rtt"] is None:
        return CurvePoint(None)
    return CurvePoint(point["rtt"], max(0.0, point["rtt"] - (point["deviation"] or 0.0)), point["p95"])


def _out(kind: str, point: Answer) -> float:
    return float(sum(point["state"].get(state, 0.0) for state in BAD.get(kind, BAD["path"])))


def _labelled(label: str, row: Drawn) -> Text:
    return Text.assemble((f"{label:>{LABEL}}", "dim"), ("│", "dim"), *row, overflow="crop", no_wrap=True)


def _in_a_word(kind: str, points: Sequence[Answer]) -> Text:
    """The whole span in a line."""
    trips = sorted(one["rtt"] for one in points if one["rtt"] is not None)
    samples = sum(one["samples"] for one in points)
    late = sum((one["late"] or 0.0) * one["samples"] for one in points)
    watched = sum(one["watched"] for one in points)
    out = sum(_out(kind, one) * one["watched"] for one in points)
    said = [f"median {milliseconds(trips[len(trips) // 2], 1)} ms"] if trips else ["never answered"]
    said += [f"{milliseconds(trips[0], 1)} to {milliseconds(trips[-1], 1)}"] if len(trips) > 1 else []
    said += [f"{_share(late / samples)} % late"] if samples else []
    said += [f"works {_available(1 - out / watched)} % of {lasted(watched)}"] if watched else []
    said.append(f"{size(sum(one['down'] for one in points))} down, {size(sum(one['up'] for one in points))} up")
    return Text("; ".join(said))


def _length(outage: Answer, until: float) -> float:
    return max(0.0, float((outage["to"] or until) - outage["from"]))


def _own(outages: Sequence[Answer], now: float, until: float) -> list[RenderableType]:
    """Those of the one that was asked for, the last ones."""
    if not outages:
        return [Text("\nno outages")]
    whole = lasted(sum(_length(one, until) for one in outages))
    heading = Text(f"\n{counted(len(outages), 'outage')}, {whole} together", "bold")
    left_out = len(outages) - MOST_OUTAGES
    more = [Text(f"  and {left_out} before these", "dim")] if left_out > 0 else []
    rows = [(one, one["why"] or one["state"]) for one in outages[-MOST_OUTAGES:]]
    return [heading, *more, _outage_table(rows, now, until)]


def _worst(outages: Sequence[Answer], now: float, until: float) -> list[RenderableType]:
    """The longest of all; what broke at once, for one reason, is one."""
    groups: dict[tuple[str, int], list[Answer]] = {}
    for one in outages:
        groups.setdefault((one["why"] or one["state"], round(one["from"] / TOGETHER)), []).append(one)
    longest = [(max(some, key=lambda one: _length(one, until)), some) for some in groups.values()]
    worst = sorted(longest, key=lambda one: -_length(one[0], until))[:MOST_OUTAGES]
    if not worst:
        return [Text("\nno outages")]
    rows = [
        (one, f"{one['why'] or one['state']} ({_names(some)})")
        for one, some in sorted(worst, key=lambda group: group[0]["from"])
    ]
    left_out = len(longest) - len(worst)
    more = [Text(f"  and {left_out} shorter ones", "dim")] if left_out else []
    return [Text("\nthe worst outages", "bold"), _outage_table(rows, now, until), *more]


def _names(outages: Sequence[Answer]) -> str:
    """Lines, nodes and the ingress by name; of several paths their number."""
    named = [f"{one['kind']} {one['name']}" for one in outages if one["kind"] != "path"]
    paths = [one["name"] for one in outages if one["kind"] == "path"]
    said = [f"path {paths[0]}"] if len(paths) == 1 else [f"{len(paths)} paths"] if paths else []
    return ", ".join([*named, *said])


def _outage_table(rows: Sequence[tuple[Answer, str]], now: float, until: float) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for one, said in rows:
        length = lasted(_length(one, until)) + ("" if one["to"] is not None else ", still")
        table.add_row(f"  {shown(one['from'], now)}", Text(length, "red"), said)
    return table


def _events(events: Sequence[Answer], now: float) -> list[RenderableType]:
    if not events:
        return [Text("\nno events")]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in events:
        style = {"warning": "yellow", "error": "red"}.get(one["level"], "")
        table.add_row(f"  {shown(one['at'], now)}", Text(one["text"], style))
    return [Text("\nevents", "bold"), table]
