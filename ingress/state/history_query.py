"""What the state file has of the past: calls for a thread, through `Keeper.ask`.

Of every span the longest pieces are read that the step allows: days, then quarters of the days that are not over, then
the minutes of the quarters that are not made yet.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import attrs

from ingress.history.outages import Outage
from ingress.history.reasons import read_reason
from ingress.history.record import DAY, MINUTE, QUARTER, Record, Series, combine
from ingress.history.sheet import find_in_sheet, unpack_sheet, unpack_strip
from relay.log import Plain

Moment = tuple[float, Record]
"""When it began, in seconds since 1970, and what it was."""

MOST_POINTS: Final = 600
STEPS: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000)
"""Seconds; each from QUARTER on is whole quarters, each from DAY on whole days."""


def step_for(start: float, end: float, minutes_since: float, asked: float = 0.0) -> int:
    """The least step with which that span is no more than MOST_POINTS, that is no less than *asked*, and that the file
    has: minutes it has since *minutes_since*."""
    least = max(asked, (end - start) / MOST_POINTS, QUARTER if start < minutes_since else MINUTE)
    return next((step for step in STEPS if step >= least), STEPS[-1])


def series_named(connection: sqlite3.Connection) -> dict[Series, int]:
    """All that the file knows, and their ids."""
    rows = connection.execute("SELECT id, kind, name FROM series ORDER BY id")
    return {Series(kind, name): number for number, kind, name in rows}


def moments_of(connection: sqlite3.Connection, series: int, start: float, end: float, step: int) -> list[Moment]:
    """One series from *start* to *end*, in steps of *step* seconds; those in which nothing was watched are left out."""
    return in_steps(_pieces(connection, series, int(start // step * step), end, step), step)


def in_steps(pieces: Iterable[Moment], step: int) -> list[Moment]:
    """*pieces*, each no longer than *step*, together."""
    steps: dict[int, list[Record]] = {}
    for at, record in pieces:
        if not record.is_empty:
            steps.setdefault(int(at // step), []).append(record)
    return [(float(number * step), combine(records)) for number, records in sorted(steps.items())]


def _pieces(connection: sqlite3.Connection, series: int, start: int, end: float, step: int) -> Iterator[Moment]:
    if QUARTER <= step < DAY:
        over = _made(connection, DAY)
        rows = connection.execute(
            "SELECT day, records FROM strips WHERE series = ? AND day >= ? AND day < ? ORDER BY day",
            (series, start // DAY, min(over, end / DAY)),
        )
        for day, strip in rows:
            for number, record in unpack_strip(strip).items():
                at = day * DAY + number * QUARTER
                if start <= at < end:
                    yield at, record
        start = max(start, over * DAY)
    for at, sheet in sheets_between(connection, start, end, step):
        found = find_in_sheet(sheet, series)
        if found is not None:
            yield at, found


def sheets_between(connection: sqlite3.Connection, start: int, end: float, step: int) -> Iterator[tuple[int, bytes]]:
    """The sheets of all spans from *start* to *end*, the longest first that are no longer than *step*."""
    for span in (DAY, QUARTER, MINUTE):
        if span <= step:
            rows = connection.execute(
                "SELECT number, records FROM sheets WHERE span = ? AND number >= ? AND number * ? < ? ORDER BY number",
                (span, start // span, span, end),
            )
            yield from ((number * span, sheet) for number, sheet in rows)
            start = max(start, _made(connection, span) * span)


def _made(connection: sqlite3.Connection, span: int) -> int:
    """The number behind the last sheet of that span."""
    (last,) = connection.execute("SELECT MAX(number) FROM sheets WHERE span = ?", (span,)).fetchone()
    return 0 if last is None else int(last) + 1


def wholes(connection: sqlite3.Connection, start: float, end: float, minutes_since: float) -> dict[Series, Record]:
    """Of every series, one record from *start* to *end*: to the quarter, and to the day if that was long ago."""
    step = QUARTER if start >= minutes_since else DAY
    found: dict[int, list[Record]] = {}
    for _, sheet in sheets_between(connection, int(start // step * step), end, step):
        for number, record in unpack_sheet(sheet).items():
            found.setdefault(number, []).append(record)
    ids = series_named(connection)
    return {series: combine(found[number]) for series, number in ids.items() if number in found}


def outages_between(
    connection: sqlite3.Connection, start: float, end: float, of: int | None = None, most: int = 1000
) -> list[Outage]:
    """Those of all series, or *of* one, that were at some time between; the last *most*, oldest first."""
    known = {number: series for series, number in series_named(connection).items()}
    only = "" if of is None else "AND series = ?"
    rows = connection.execute(
        "SELECT series, start, end, state, why, message FROM outages "
        f"WHERE start < ? AND (end IS NULL OR end > ?) {only} ORDER BY start DESC LIMIT ?",
        (end, start, *(() if of is None else (of,)), most),
    ).fetchall()
    return [
        Outage(known[number], begin, over, state, read_reason(why, message))
        for number, begin, over, state, why, message in reversed(rows)
        if number in known
    ]


@attrs.frozen
class KeptEvent:
    """As it stands in the file."""

    at: float
    event: str
    level: str
    about: str
    other: str
    fields: dict[str, Plain]


def events_between(
    connection: sqlite3.Connection, start: float, end: float, most: int, about: Collection[str] | None = None
) -> list[KeptEvent]:
    """The last *most* between, oldest first; if *about* is given, only those about one of these names."""
    names = [] if about is None else list(about)
    marks = ", ".join("?" * len(names))
    only = "" if about is None else f"AND (about IN ({marks}) OR other IN ({marks}))"
    rows = connection.execute(
        f"SELECT at, event, level, about, other, fields FROM events WHERE at >= ? AND at < ? {only} "
        "ORDER BY at DESC, id DESC LIMIT ?",
        (start, end, *names, *names, most),
    ).fetchall()
    return [
        KeptEvent(at, event, level, about, other, _fields(fields))
        for at, event, level, about, other, fields in reversed(rows)
    ]


def _fields(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
