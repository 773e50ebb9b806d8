"""`ingress usage`: asks the running ingress who moved how much, and shows it as a table, as CSV or as JSON."""

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ingress.cli.paths import new_console
from ingress.cli.render_quota import quota_note
from ingress.cli.wording import Wording
from relay.admin.client import ask
from relay.admin.path import find_socket
from relay.cli.render_units import size
from relay.config import values

DAY = 86400.0
KEPT = 400 * DAY
"""Seconds for which there are numbers, by `ingress.state.usage`, which is not imported for this alone."""


def run(options: argparse.Namespace) -> int:
    """`ingress usage`; options: admin, by, since, json, csv; or, with the action `set`, line and amount."""
    if options.action == "set":
        return _set(options)
    try:
        since = values.duration(options.since)
        if not 0 < since <= KEPT:
            raise values.Wrong(f"accounts are kept for {KEPT / DAY:.0f} days", f"ask for 1h to {KEPT / DAY:.0f}d")
    except values.Wrong as wrong:
        print(f"ingress: --since {options.since}: {wrong.what}; {wrong.mend}", file=sys.stderr)
        return 2
    answer = ask(find_socket(options.admin, "ingress"), {"ask": "usage", "by": options.by, "since": since}, "ingress")
    if options.json:
        print(json.dumps(answer, indent=2))
    elif options.csv:
        _write_csv(answer["by"], answer["rows"])
    else:
        _draw(answer)
    return 0


def _set(options: argparse.Namespace) -> int:
    try:
        used = values.size(options.amount)
    except values.Wrong as wrong:
        print(f"ingress: usage set {options.line}: {wrong.what}; {wrong.mend}", file=sys.stderr)
        return 2
    question = {"ask": "quota", "line": options.line, "used": used}
    answer = ask(find_socket(options.admin, "ingress"), question, "ingress")
    print(quota_note(f"line {options.line}", answer["quota"], Wording()))
    return 0


def _write_csv(by: str, rows: Sequence[Mapping[str, Any]]) -> None:
    fields = [name for name in rows[0] if name != "name"] if rows else []
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([by, *fields])
    writer.writerows([row["name"], *(row[name] for name in fields)] for row in rows)


def _draw(answer: Mapping[str, Any]) -> None:
    from rich.table import Table

    console = new_console()
    rows = answer["rows"]
    if not rows:
        console.print("nothing was moved in this time")
    else:
        table = Table(box=None, pad_edge=False)
        table.add_column(answer["by"])
        fields = [name for name in rows[0] if name != "name"]
        for name in fields:
            table.add_column(name.replace("_", " "), justify="right")
        for row in rows:
            table.add_row(str(row["name"]) or "-", *(_shown(name, row[name]) for name in fields))
        console.print(table)
    if answer["left_out"]:
        console.print(f"{answer['left_out']} more that moved less are left out")
    for note in answer["notes"]:
        console.print(note)
    for line, quota in answer.get("quotas", {}).items():
        console.print(quota_note(f"line {line}", quota, Wording()), highlight=False)
    for quota in answer.get("owners", ()):
        console.print(quota_note(quota["subject"], quota, Wording()), highlight=False)


def _shown(name: str, amount: int) -> str:
    is_count = name.startswith(("streams", "associations", "packets"))
    return f"{amount:,}" if is_count else size(amount)
