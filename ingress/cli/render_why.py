"""Draws the answer to `why`: what would be chosen, each candidate's terms, what would change it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingress.cli.wording import Wording
from ingress.messages.message import Message, prefix
from relay.cli.render_units import STYLES, age, milliseconds

Row = Mapping[str, Any]

MARKS = {"measured": "", "used": "*", "told": "~", "assumed": "?"}
"""Behind each figure: where it comes from."""
MOST_SWITCHES = 5
"""That are shown, the last ones: with twelve paths all of it is to fit on a screen."""


def render(answer: Mapping[str, Any], say: Wording | None = None) -> RenderableType:
    """*answer* as docs/paths-json.md describes it, in the language of *say*."""
    say = Wording() if say is None else say
    parts: list[RenderableType] = [Text(headline(answer, say), style="bold"), Text(answer["reason"]), Text()]
    if answer["rule"] is not None:
        parts[2:2] = [Text(rule_line(answer["rule"], say))]
    rows = answer["candidates"]
    if rows:
        parts += [candidates(rows, say), Text(say("cli.why-legend"), style="dim"), *_notes(rows, say)]
    if answer["margin"] is not None:
        parts.append(Text(say("cli.band", margin=answer["margin"])))
    parts += [Text(said) for said in _what_changes(answer, say)]
    parts += [Text(_bulk(row, say)) for row in answer.get("bulk", ())]
    early = Message("cli.early" if answer["answers_early"] else "cli.late")
    parts.append(Text(say("cli.answered", when=early)))
    return Group(*parts)


def _what_changes(answer: Mapping[str, Any], say: Wording) -> list[str]:
    """What would send new streams elsewhere, what has, and who stays."""
    said = [say("cli.would", text=text) for text in answer["would_switch"]]
    said += [
        say("cli.switched", age=age(row["age"]), old=row["old"], new=row["new"], reason=row["reason"])
        for row in answer["switches"][:MOST_SWITCHES]
    ]
    kept = tuple(Message("cli.kept-at", count=count, exit=exit_) for exit_, count in answer["kept"].items())
    return [*said, say("cli.kept", site=answer["site"], kept=kept)] if kept else said


def _bulk(row: Row, say: Wording) -> str:
    what = Message("cli.download" if row["direction"] == "down" else "cli.upload")
    known = Message("cli.free", rate=row["expected"]) if row["expected"] else Message("cli.free-unknown")
    return say("cli.bulk", what=what, path=row["path"], reason=row["reason"], known=known)


def headline(answer: Mapping[str, Any], say: Wording) -> str:
    """The answer in a line: the target, the paths that its stream would ride on, the exit."""
    paths, exit_ = tuple(answer["paths"]), answer["exit"] or Message("cli.no-path")
    way = Message("cli.way", paths=paths, exit=exit_) if paths else exit_
    return say("about", name=answer["target"], text=way)


def rule_line(rule: Row, say: Wording) -> str:
    """The rule that matched: where it stands, by what it matched, and what it does."""
    place = "" if rule["place"] == rule["title"] else Message("cli.place", place=rule["place"])
    because = rule["because"] or Message("cli.everything")
    return say("cli.rule", title=rule["title"], place=place, does=rule["does"], because=because)


def candidates(rows: list[Row], say: Wording) -> Table:
    """One row a path, one column a term; without those that are 0 for every path."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    shown = [at for at in range(len(rows[0]["terms"])) if any(row["terms"][at]["value"] for row in rows)]
    names = [rows[0]["terms"][at]["name"] for at in shown]
    for name in ("#", "path", "state"):
        table.add_column(say.word("column", name), overflow="fold")
    for name in (*names, say.word("column", "cost")):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row['rank']}{'=' if row['in_band'] else ''}",
            f"{row['path']} > {row['exit']}",
            Text(say.word("state", row["state"]), style=STYLES.get(row["state"], "")),
            *(_figure(row["terms"][at]) for at in shown),
            milliseconds(row["cost"], 1),
        )
    return table


def _figure(term: Row) -> str:
    return f"{milliseconds(term['value'], 1)}{MARKS.get(term['source'], '')}"


def _notes(rows: list[Row], say: Wording) -> list[Text]:
    """The remarks on terms, each once."""
    said = dict.fromkeys(
        say("cli.note", exit=row["exit"], term=term["name"], note=term["note"])
        for row in rows
        for term in row["terms"]
        if term["note"] and term["source"] != "measured"
    )
    costs = prefix("place.cost", say.language)
    alike: dict[str, list[str]] = {}
    for row in rows:
        alike.setdefault(row["reason"], []).append(str(row["rank"]))
    reasons = [f"{', '.join(ranks)}  {reason}" for reason, ranks in alike.items() if not reason.startswith(costs)]
    return [Text(f"  {note}") for note in (*reasons, *said)]
