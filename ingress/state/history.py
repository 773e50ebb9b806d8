"""What was when, as rows of the state file: minutes, quarters of an hour, days, outages, events.

A minute is one sheet. Once an hour those that are over become sheets of quarters, and a day that is over becomes a
sheet of its own and a strip of its quarters for every series: bench/history shows what that comes to. Minutes are kept
for 48 hours, all else for 400 days, within counts that bound the size.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ingress.history.happened import Happened, Happenings
from ingress.history.outages import Outage
from ingress.history.reasons import read_reason, write_reason
from ingress.history.record import DAY, MINUTE, QUARTER, STAY, Record, Series, combine
from ingress.history.sheet import ids_in_sheet, pack_sheet, pack_strip, unpack_sheet
from ingress.history.watch import Watcher
from ingress.state.file import Batch, Row

MINUTES_KEPT: Final = 48 * 3600
"""Seconds."""
DAYS_KEPT: Final = 400
MOST_MINUTES: Final = 4000
"""Sheets of minutes, should the clock jump: no more than 48 hours have 2,880."""
MOST_STRIPS: Final = 50_000
"""A hundred series for 400 days are 40,000. Then the oldest days go: 2 KB each, at most 100 MB."""
MOST_EVENTS: Final = 60_000
"""200 bytes each, some 12 MB: 150 a day for 400 days."""
MOST_OUTAGES: Final = 30_000
"""200 bytes each, 6 MB."""
PRESENT: Final = 30.0
"""Seconds after which the minute that is under way is written as far as it is: a kill loses no more than these, and
what the keeper waits for."""
GRACE: Final = 60.0
"""Seconds behind the end of a quarter before it is made: its last minute may not be over for whoever watches."""
LOUD: Final = 10
"""Rows of one subject from which on it makes room for the others; else the oldest of all go."""
MOST_GIVEN: Final = 180
"""Minutes that were given to a file which has not taken them."""

SERIES = "INSERT OR IGNORE INTO series (id, kind, name) VALUES (?, ?, ?)"
SHEET = "INSERT OR REPLACE INTO sheets (span, number, records) VALUES (?, ?, ?)"
STRIP = "INSERT OR REPLACE INTO strips (series, day, records) VALUES (?, ?, ?)"
OUTAGE = "INSERT OR REPLACE INTO outages (series, start, end, state, why, message) VALUES (?, ?, ?, ?, ?, ?)"
EVENT = "INSERT INTO events (at, event, level, about, other, fields) VALUES (?, ?, ?, ?, ?, ?)"


class HistoryPart:
    """As `Part`: what *watch* and *happenings* have. *wall* tells the seconds since 1970."""

    def __init__(self, watch: Watcher, happenings: Happenings, wall: Callable[[], float]) -> None:
        self.dropped = 0
        """Minutes, events and outages that were given up because the file did not take them."""
        self._watch = watch
        self._happenings = happenings
        self._wall = wall
        self._ids: dict[Series, int] = {}
        self._minutes: dict[int, Mapping[Series, Record]] = {}
        self._outages: dict[tuple[Series, float], Outage] = {}
        self._events: list[Happened] = []
        """What was given last, and is not known to be written."""
        self._begun: tuple[int, Mapping[Series, Record]] = (0, {})
        """The last minute of the process before, which may go on in this one."""
        self._present_at = float("-inf")
        """When the minute that is under way was given last."""

    def read(
        self, connection: sqlite3.Connection
    ) -> tuple[dict[Series, int], tuple[int, Mapping[Series, Record]], list[Outage]]:
        """The ids of all series, the last minute, and the outages that lasted when the process ended."""
        rows = connection.execute("SELECT id, kind, name FROM series").fetchall()
        ids = {Series(kind, name): number for number, kind, name in rows}
        known = {number: series for series, number in ids.items()}
        left = connection.execute("SELECT series, start, state, why, message FROM outages WHERE end IS NULL").fetchall()
        minute, records = _last_minute(connection, known)
        watched = max((sum(record.stays) for record in records.values()), default=0)
        seen = minute * MINUTE + min(MINUTE, watched * STAY)
        return (
            ids,
            (minute, records),
            [
                Outage(known[number], start, max(start, seen), state, read_reason(why, message))
                for number, start, state, why, message in left
                if number in known
            ],
        )

    def recall(self, found: object) -> None:
        """As `Part.recall`. What lasted when the process ended is over since its last minute: since then nobody
        looked."""
        assert isinstance(found, tuple)
        ids, self._begun, left = found
        self._ids |= ids
        self._outages |= {(one.series, one.start): one for one in left}

    def news(self) -> Batch:
        """As `Part.news`."""
        self._minutes |= self._watch.take()
        self._add_present()
        while len(self._minutes) > MOST_GIVEN:
            del self._minutes[next(iter(self._minutes))]
            self.dropped += 1
        for outage in self._watch.outages.take():
            self._outages[outage.series, outage.start] = outage
        self._events += self._happenings.take()
        self._drop_some()
        return self._batch()

    def _add_present(self) -> None:
        now = self._wall()
        if not self._present_at <= now < self._present_at + PRESENT:  # it was set back, too
            self._present_at = now
            minute, records = self._watch.present()
            if records:
                self._minutes[minute] = records

    def _drop_some(self) -> None:
        too_many = len(self._events) - MOST_EVENTS // 10
        if too_many > 0:
            del self._events[:too_many]
            self.dropped += too_many
        while len(self._outages) > MOST_OUTAGES // 10:
            del self._outages[next(iter(self._outages))]
            self.dropped += 1

    def _batch(self) -> Batch:
        outages = self._outages.values()
        named = dict.fromkeys(series for records in self._minutes.values() for series in records)
        named |= dict.fromkeys(outage.series for outage in outages)
        batch: list[tuple[str, Sequence[Row]]] = [
            (SERIES, [(self._id(series), *series) for series in named]),
            (SHEET, [(MINUTE, minute, self._sheet(minute, records)) for minute, records in self._minutes.items()]),
            (
                OUTAGE,
                [(self._id(one.series), *_outage_row(one)) for one in outages],
            ),
            (EVENT, [_event_row(one) for one in self._events]),
        ]
        return [(statement, rows) for statement, rows in batch if rows]

    def present(self) -> tuple[int, Mapping[Series, Record]]:
        """The minute that is under way, with what the process before had of it."""
        minute, records = self._watch.present()
        return minute, self._whole(minute, records)

    def _whole(self, minute: int, records: Mapping[Series, Record]) -> Mapping[Series, Record]:
        if minute != self._begun[0]:
            return records
        before = self._begun[1]
        both = {one: combine([before[one], records[one]]) for one in before.keys() & records.keys()}
        return {**before, **records, **both}

    def _sheet(self, minute: int, records: Mapping[Series, Record]) -> bytes:
        return pack_sheet({self._id(series): record for series, record in self._whole(minute, records).items()})

    def _id(self, series: Series) -> int:
        if series not in self._ids:
            self._ids[series] = max(self._ids.values(), default=0) + 1
        return self._ids[series]

    def everything(self) -> Batch:
        """As `Part.everything`: what a damaged file had is lost, but for what lasts."""
        for series, outage in self._watch.outages.open.items():
            self._outages.setdefault((series, outage.start), outage)
        return self.news()

    def written(self) -> None:
        """As `Part.written`."""
        self._minutes, self._outages, self._events = {}, {}, []

    def tend(self, connection: sqlite3.Connection) -> None:
        """As `Part.tend`."""
        now = self._wall()
        _make_quarters(connection, int((now - GRACE) // QUARTER))
        _make_days(connection, int((now - GRACE) // DAY))
        _forget(connection, now)

    def __repr__(self) -> str:
        return f"<HistoryPart of {len(self._ids)} series>"


def _last_minute(connection: sqlite3.Connection, known: Mapping[int, Series]) -> tuple[int, dict[Series, Record]]:
    row = connection.execute(
        "SELECT number, records FROM sheets WHERE span = ? ORDER BY number DESC LIMIT 1", (MINUTE,)
    ).fetchone()
    if row is None:
        return 0, {}
    try:
        records = unpack_sheet(row[1])
    except ValueError:  # of another version: it stays as it is
        records = {}
    return int(row[0]), {known[one]: record for one, record in records.items() if one in known}


def _outage_row(one: Outage) -> Row:
    return one.start, one.end, one.state, str.__str__(one.why), write_reason(one.why)


def _event_row(one: Happened) -> Row:
    return one.at, one.event, one.level, one.about, one.other, json.dumps(one.fields)


def _make_quarters(connection: sqlite3.Connection, present: int) -> None:
    """Sheets of the quarters before *present* of which there are minutes and no sheet yet."""
    length = QUARTER // MINUTE
    rows = connection.execute(
        f"SELECT DISTINCT number / {length} FROM sheets WHERE span = ? AND number / {length} < ? "
        f"AND number / {length} NOT IN (SELECT number FROM sheets WHERE span = ?)",
        (MINUTE, present, QUARTER),
    )
    for (quarter,) in rows.fetchall():
        minutes = _sheets(connection, MINUTE, quarter * length, (quarter + 1) * length)
        whole = _together(unpack_sheet(sheet) for _, sheet in minutes)
        connection.execute(SHEET, (QUARTER, quarter, pack_sheet(whole)))


def _make_days(connection: sqlite3.Connection, present: int) -> None:
    """Sheets and strips of the days before *present* of which there are quarters and no sheet yet."""
    length = DAY // QUARTER
    rows = connection.execute(
        f"SELECT DISTINCT number / {length} FROM sheets WHERE span = ? AND number / {length} < ? "
        f"AND number / {length} NOT IN (SELECT number FROM sheets WHERE span = ?)",
        (QUARTER, present, DAY),
    )
    for (day,) in rows.fetchall():
        strips: dict[int, dict[int, Record]] = {}
        for quarter, sheet in _sheets(connection, QUARTER, day * length, (day + 1) * length):
            for series, record in unpack_sheet(sheet).items():
                strips.setdefault(series, {})[quarter - day * length] = record
        connection.executemany(STRIP, [(series, day, pack_strip(records)) for series, records in strips.items()])
        whole = {series: combine(list(records.values())) for series, records in strips.items()}
        connection.execute(SHEET, (DAY, day, pack_sheet(whole)))


def _sheets(connection: sqlite3.Connection, span: int, first: int, behind: int) -> list[tuple[int, bytes]]:
    rows = connection.execute(
        "SELECT number, records FROM sheets WHERE span = ? AND number >= ? AND number < ? ORDER BY number",
        (span, first, behind),
    )
    return rows.fetchall()


def _together(sheets: Iterable[Mapping[int, Record]]) -> dict[int, Record]:
    """Several spans as one, series by series."""
    found: dict[int, list[Record]] = {}
    for sheet in sheets:
        for series, record in sheet.items():
            found.setdefault(series, []).append(record)
    return {series: combine(records) for series, records in found.items()}


def _forget(connection: sqlite3.Connection, now: float) -> None:
    """Take out what is too old, and what is too much. Quarters go with their minutes: their day has them."""
    oldest = int(now // DAY) - DAYS_KEPT
    for span in (MINUTE, QUARTER):
        before = int((now - MINUTES_KEPT) // DAY * DAY if span == QUARTER else now - MINUTES_KEPT) // span
        connection.execute("DELETE FROM sheets WHERE span = ? AND number < ?", (span, before))
        connection.execute(
            "DELETE FROM sheets WHERE span = ? AND number NOT IN "
            "(SELECT number FROM sheets WHERE span = ? ORDER BY number DESC LIMIT ?)",
            (span, span, MOST_MINUTES),
        )
    oldest = max(oldest, _first_day(connection))
    connection.execute("DELETE FROM strips WHERE day < ?", (oldest,))
    connection.execute("DELETE FROM sheets WHERE span = ? AND number < ?", (DAY, oldest))
    first_moment = now - DAYS_KEPT * DAY
    connection.execute("DELETE FROM outages WHERE start < ?", (first_moment,))
    connection.execute("DELETE FROM events WHERE at < ?", (first_moment,))
    _thin(connection, "outages", "series", "start", MOST_OUTAGES)
    _thin(connection, "events", "event || ' ' || about", "id", MOST_EVENTS)
    _forget_series(connection)


def _thin(connection: sqlite3.Connection, table: str, subject: str, key: str, most: int) -> None:
    """Leave *most* rows of *table*: of the *subject* that has most of them the older half goes, by its *key*, and so
    on. What flaps for days does not drive out what happened once last year."""
    while (excess := connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] - most) > 0:
        loudest, count = connection.execute(
            f"SELECT {subject}, COUNT(*) FROM {table} GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        ).fetchone()
        only, values = (f"WHERE {subject} = ?", (loudest,)) if count >= LOUD else ("", ())
        gone = count // 2 if only else excess
        last = f"SELECT {key} FROM {table} {only} ORDER BY {key} LIMIT 1 OFFSET {gone - 1}"
        more = "AND" if only else "WHERE"
        connection.execute(f"DELETE FROM {table} {only} {more} {key} <= ({last})", values * 2)


def _forget_series(connection: sqlite3.Connection) -> None:
    """Those of which nothing is left. What has minutes has quarters too, but for the last minutes."""
    (last,) = connection.execute("SELECT MAX(number) FROM sheets WHERE span = ?", (QUARTER,)).fetchone()
    since = 0 if last is None else (last + 1) * (QUARTER // MINUTE)
    sheets = connection.execute("SELECT records FROM sheets WHERE span != ? OR number >= ?", (MINUTE, since))
    used = {one for (sheet,) in sheets for one in ids_in_sheet(sheet)}
    for table in ("strips", "outages"):
        used |= {one for (one,) in connection.execute(f"SELECT DISTINCT series FROM {table}")}
    known = [one for (one,) in connection.execute("SELECT id FROM series")]
    connection.executemany("DELETE FROM series WHERE id = ?", [(one,) for one in known if one not in used])


def _first_day(connection: sqlite3.Connection) -> int:
    """The first day from which on there are no more than MOST_STRIPS."""
    left = MOST_STRIPS
    for day, count in connection.execute("SELECT day, COUNT(*) FROM strips GROUP BY day ORDER BY day DESC"):
        left -= count
        if left < 0:
            return int(day) + 1
    return 0
