"""Draws the answer to `why`: what would be chosen, each candidate's terms, what would change it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from relay.cli.render_units import STYLES, age, megabits, milliseconds

Row = Mapping[str, Any]

MARKS = {"measured": "", "used": "*", "told": "~", "assumed": "?"}
"""Behind each figure: where it comes from."""
MOST_SWITCHES = 5
"""That are shown, the last ones: with twelve paths all of it is to fit on a screen."""
LEGEND = "ms; * from real connections, ~ told by nodes, ? assumed, else measured; = as good as the best"


def render(answer: Mapping[str, Any]) -> RenderableType:
    """*answer* as docs/paths-json.md describes it."""
    parts: list[RenderableType] = [Text(headline(answer), style="bold"), Text(answer["reason"]), Text()]
    if answer["rule"] is not None:
        parts[2:2] = [Text(rule_line(answer["rule"]))]
    if answer["candidates"]:
        parts += [candidates(answer["candidates"]), Text(LEGEND, style="dim"), *_notes(answer["candidates"])]
    if answer["margin"] is not None:
        parts.append(Text(f"band: paths within {milliseconds(answer['margin'], 1)} ms of the best are equal"))
    parts += [Text(f"would switch: {said}") for said in answer["would_switch"]]
    parts += [
        Text(f"switched {age(row['age'])} ago: {row['old']} > {row['new']}: {row['reason']}")
        for row in answer["switches"][:MOST_SWITCHES]
    ]
    kept = ", ".join(f"{count} at {exit_}" for exit_, count in answer["kept"].items())
    parts += [Text(f"clients that keep their exit for {answer['site']}: {kept}")] if kept else []
    parts += [Text(_bulk(row)) for row in answer.get("bulk", ())]
    early = "at once" if answer["answers_early"] else "when the exit has connected"
    parts.append(Text(f'the client is answered {early} (with answer = "auto")'))
    return Group(*parts)


def _bulk(row: Row) -> str:
    what = "a download" if row["direction"] == "down" else "an upload"
    known = f"{megabits(row['expected'])} Mbit/s are known to be free there" if row["expected"] else "nothing is known"
    return f"{what} would go over {row['path']}, {row['reason']}: {known}"


def headline(answer: Mapping[str, Any]) -> str:
    """The answer in a line: the target, the paths that its stream would ride on, the exit."""
    way = f"{' and '.join(answer['paths'])} > {answer['exit']}" if answer["paths"] else answer["exit"] or "no path"
    return f"{answer['target']}: {way}"


def rule_line(rule: Row) -> str:
    """The rule that matched: where it stands, by what it matched, and what it does."""
    place = "" if rule["place"] == rule["title"] else f" ({rule['place']})"
    because = rule["because"] or "it is for everything"
    return f"{rule['title']}{place}: {rule['does']}; by {because}"


def candidates(rows: list[Row]) -> Table:
    """One row a path, one column a term; without those that are 0 for every path."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    shown = [at for at in range(len(rows[0]["terms"])) if any(row["terms"][at]["value"] for row in rows)]
    names = [rows[0]["terms"][at]["name"] for at in shown]
    for name in ("#", "path", "state"):
        table.add_column(name, overflow="fold")
    for name in (*names, "cost"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row['rank']}{'=' if row['in_band'] else ''}",
            f"{row['path']} > {row['exit']}",
            Text(row["state"], style=STYLES.get(row["state"], "")),
            *(_figure(row["terms"][at]) for at in shown),
            milliseconds(row["cost"], 1),
        )
    return table


def _figure(term: Row) -> str:
    return f"{milliseconds(term['value'], 1)}{MARKS.get(term['source'], '')}"


def _notes(rows: list[Row]) -> list[Text]:
    """The remarks on terms, each once."""
    said = dict.fromkeys(
        f"{row['exit']}: {term['name']}: {term['note']}"
        for row in rows
        for term in row["terms"]
        if term["note"] and term["source"] != "measured"
    )
    alike: dict[str, list[str]] = {}
    for row in rows:
        alike.setdefault(row["reason"], []).append(str(row["rank"]))
    reasons = [f"{', '.join(ranks)}  {reason}" for reason, ranks in alike.items() if not reason.startswith("costs ")]
    return [Text(f"  {note}") for note in (*reasons, *said)]
