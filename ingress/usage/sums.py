"""What `ingress usage` asks of the tables, and how an answer looks. Pure, but for the connection that is asked."""

import datetime
import sqlite3
from typing import Any, Final

import attrs

from ingress.usage.usage import HOUR, Counted, LineCounted

BY: Final = ("user", "client", "line", "exit", "site", "day")
MOST_ROWS = 5000
"""Of an answer; what moved least is left out."""
WHO = "CASE user WHEN '' THEN client ELSE user END"
"""Where nobody logs in, an address stands for the user."""
COLUMNS: Final = {"user": WHO, "client": "client", "exit": "exit", "site": "site"}


@attrs.frozen
class Sums:
    """An answer."""

    by: str
    rows: list[dict[str, Any]]
    """What moved most comes first; days in their order. Each has its `name`, and the fields of `Counted`, or of
    `LineCounted` by line."""
    left_out: int
    """Rows beyond MOST_ROWS."""


def ask_sums(connection: sqlite3.Connection, by: str, since: float, zone: datetime.tzinfo | None) -> Sums:
    """What was moved from *since* (seconds since 1970) on, summed up *by* one of BY. Days are those of *zone*; None for
    the one of this machine."""
    if by == "day":
        return Sums(by, _by_day(connection, since, zone), 0)
    table, column = ("line_usage", "line") if by == "line" else ("usage", COLUMNS[by])
    fields = LineCounted._fields if by == "line" else Counted._fields
    bytes_ = " + ".join(name for name in fields if name.endswith(("up", "down")) and not name.startswith("packets"))
    sums = ", ".join(f"SUM({name})" for name in fields)
    found = connection.execute(
        f"SELECT {column} AS name, {sums} FROM {table} WHERE hour >= ? GROUP BY name ORDER BY SUM({bytes_}) DESC",
        (since // HOUR,),
    ).fetchall()
    rows = [dict(zip(("name", *fields), row, strict=True)) for row in found[:MOST_ROWS]]
    return Sums(by, rows, max(0, len(found) - MOST_ROWS))


def _by_day(connection: sqlite3.Connection, since: float, zone: datetime.tzinfo | None) -> list[dict[str, Any]]:
    fields = Counted._fields
    sums = ", ".join(f"SUM({name})" for name in fields)
    days: dict[str, dict[str, Any]] = {}
    query = f"SELECT hour, {sums} FROM usage WHERE hour >= ? GROUP BY hour ORDER BY hour"
    for hour, *amounts in connection.execute(query, (since // HOUR,)):
        day = datetime.datetime.fromtimestamp(hour * HOUR, datetime.UTC).astimezone(zone).date().isoformat()
        row = days.setdefault(day, {"name": day, **dict.fromkeys(fields, 0)})
        for name, amount in zip(fields, amounts, strict=True):
            row[name] += amount
    return list(days.values())
