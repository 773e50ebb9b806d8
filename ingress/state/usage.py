"""Who moved how much, as rows of the state file: added to what stands there, and taken out when they are old.

Sites are kept for SITES_DAYS, and the MOST_SITES of an hour that moved most; the rest of the hour is OTHER. Everything
else is kept for DAYS, until the file holds LARGEST bytes: then the oldest days go.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

from ingress.state.file import Batch
from ingress.usage.usage import HOUR, Counted, LineCounted, Usage

SITES_DAYS = 35
DAYS = 400
DAY = 24
"""Hours."""
MOST_SITES = 2000
RECENT = 2 * DAY
"""Hours that are looked at for too many sites; those before were looked at when they were over."""
OTHER: Final = "other"
LARGEST = 350_000_000
"""Bytes of the whole file: history, which these rows make no room for, keeps to 150 MB of them by itself."""


def _insert(table: str, keys: tuple[str, ...], sums: tuple[str, ...]) -> str:
    """A statement that adds a row to the one that stands under its key."""
    columns, marks = ", ".join(keys + sums), ", ".join("?" * len(keys + sums))
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in sums)
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO UPDATE SET {added}"


KEYS, LINE_KEYS = ("ingress", "hour", "user", "client", "exit", "site"), ("ingress", "hour", "line")
ADD = _insert("usage", KEYS, Counted._fields)
ADD_LINE = _insert("line_usage", LINE_KEYS, LineCounted._fields)
SUMS = ", ".join(f"SUM({name})" for name in Counted._fields)
INTO = ADD.partition("VALUES")[0]
ONTO = "ON CONFLICT DO UPDATE SET" + ADD.partition("DO UPDATE SET")[2]
LARGEST_SITES = f"SELECT site FROM usage WHERE hour = :hour AND site != '{OTHER}' GROUP BY site "
LARGEST_SITES += "ORDER BY SUM(up + down + udp_up + udp_down) DESC LIMIT :most"


class UsagePart:
    """As `Part`. *sweep* has all that is open counted."""

    def __init__(self, ingress: str, usage: Usage, sweep: Callable[[], None], wall: Callable[[], float]) -> None:
        """*wall* tells the seconds since 1970."""
        self._ingress = ingress
        self._usage = usage
        self._sweep = sweep
        self._wall = wall

    def read(self, connection: sqlite3.Connection) -> None:
        """Nothing is read: what stands there is only added to."""

    def recall(self, found: object) -> None:
        """As `Part.recall`: nothing."""

    def news(self) -> Batch:
        """As `Part.news`."""
        self._sweep()
        usage, me = self._usage, self._ingress
        batch: Batch = [
            (ADD, [(me, *row) for row in usage.clients.give()]),
            (ADD_LINE, [(me, *row) for row in usage.lines.give()]),
        ]
        return [(statement, rows) for statement, rows in batch if rows]

    def everything(self) -> Batch:
        """As `Part.everything`: what a damaged file had is lost."""
        return self.news()

    def written(self) -> None:
        """As `Part.written`."""
        self._usage.clients.written()
        self._usage.lines.written()

    def tend(self, connection: sqlite3.Connection) -> None:
        """As `Part.tend`."""
        hour = int(self._wall() // HOUR)
        _forget_sites(connection, hour - SITES_DAYS * DAY)
        for (crowded,) in connection.execute(
            "SELECT hour FROM usage WHERE hour BETWEEN ? AND ? GROUP BY hour HAVING COUNT(DISTINCT site) > ?",
            (hour - RECENT, hour - 1, MOST_SITES),
        ).fetchall():
            _keep_largest_sites(connection, crowded)
        for table in ("usage", "line_usage"):
            connection.execute(f"DELETE FROM {table} WHERE hour < ?", (hour - DAYS * DAY,))
        _shrink(connection, LARGEST)


def _forget_sites(connection: sqlite3.Connection, before: int) -> None:
    """Of hours before *before*, keep the sums."""
    connection.execute(
        f"{INTO} SELECT ingress, hour, user, client, exit, '', {SUMS} FROM usage WHERE hour < ? AND site != '' "
        f"GROUP BY ingress, hour, user, client, exit {ONTO}",
        (before,),
    )
    connection.execute("DELETE FROM usage WHERE hour < ? AND site != ''", (before,))


def _keep_largest_sites(connection: sqlite3.Connection, hour: int) -> None:
    values = {"hour": hour, "most": MOST_SITES, "other": OTHER}
    small = f"hour = :hour AND site != :other AND site NOT IN ({LARGEST_SITES})"
    connection.execute(
        f"{INTO} SELECT ingress, hour, user, client, exit, :other, {SUMS} FROM usage WHERE {small} "
        f"GROUP BY ingress, hour, user, client, exit {ONTO}",
        values,
    )
    connection.execute(f"DELETE FROM usage WHERE {small}", values)


def _shrink(connection: sqlite3.Connection, most: int) -> None:
    """Take out the oldest days until what is used of the file is no more than *most* bytes."""
    while _used(connection) > most:
        (oldest,) = connection.execute(
            "SELECT MIN(hour) FROM (SELECT hour FROM usage UNION SELECT hour FROM line_usage)"
        ).fetchone()
        if oldest is None:
            return
        for table in ("usage", "line_usage"):
            connection.execute(f"DELETE FROM {table} WHERE hour < ?", (oldest + DAY,))


def _used(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    sizes = [
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    ]
    return int((sizes[0] - sizes[1]) * sizes[2])
