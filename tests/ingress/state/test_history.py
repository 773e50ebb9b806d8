"""History in the state file: what a year of it is, what is read of it, and what is left when things go wrong."""

import contextlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from ingress.history.happened import Happenings
from ingress.history.outages import Outages
from ingress.history.record import DAY, EMPTY, MINUTE, QUARTER, Record, Series
from ingress.state import history as module
from ingress.state.file import StateFile, Unusable
from ingress.state.history import DAYS_KEPT, MINUTES_KEPT, MOST_GIVEN, HistoryPart
from ingress.state.history_query import (
    MOST_POINTS,
    STEPS,
    events_between,
    in_steps,
    moments_of,
    outages_between,
    series_named,
    step_for,
    wholes,
)
from ingress.state.keeper import Keeper
from ingress.state.schema import VERSION
from tests.world import until

BEGIN = 20_833 * DAY
"""A midnight."""
NAMES = (Series("path", "a/b"), Series("line", "a"), Series("node", "n"))
PATH = NAMES[0]
RECORD = EMPTY._replace(samples=60, round_trip=1500, p95=1600, deviation=10, late=0, in_first=3000, up=1e6, down=2e6)


class Feed:
    """In a Watcher's place: gives what a test puts in."""

    def __init__(self) -> None:
        self.outages = Outages()
        self.minutes: dict[int, dict[Series, Record]] = {}
        self.under_way: dict[int, dict[Series, Record]] = {0: {}}

    def present(self) -> tuple[int, dict[Series, Record]]:
        (found,) = self.under_way.items()
        return found

    def take(self) -> dict[int, dict[Series, Record]]:
        taken, self.minutes = self.minutes, {}
        return taken


class Bed:
    """A state file with history alone, and the time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = float(BEGIN)
        self.file = StateFile(path)
        self.begin()

    def begin(self) -> None:
        """A process begins."""
        self.feed = Feed()
        self.happenings = Happenings(lambda: self.now)
        self.part = HistoryPart(self.feed, self.happenings, lambda: self.now)  # type: ignore[arg-type]
        self.part.recall(self.file.read(self.part.read))

    def minute(self, at: float, record: Record = RECORD, *names: Series) -> None:
        self.feed.minutes.setdefault(int(at // MINUTE), {}).update(dict.fromkeys(names or NAMES, record))

    def write(self) -> None:
        self.file.write(self.part.news())
        self.part.written()

    def tend(self) -> None:
        self.file.change(self.part.tend)

    def count(self, what: str) -> int:
        return int(self.file.read(lambda one: one.execute(f"SELECT COUNT(*) FROM {what}").fetchone()[0]))

    def moments(self, start: float, end: float, step: int, series: Series = PATH) -> list[tuple[float, Record]]:
        def query(connection: sqlite3.Connection) -> list[tuple[float, Record]]:
            return moments_of(connection, series_named(connection)[series], start, end, step)

        return self.file.read(query)


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    made = Bed(tmp_path / "state" / "sh.sqlite")
    yield made
    made.file.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may make a file system that is full")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_year_is_written_and_read(bed: Bed) -> None:
    """One minute of each quarter of an hour, or writing them would take half an hour."""
    days = 365
    for day in range(days):
        for quarter in range(96):
            at = BEGIN + day * DAY + quarter * QUARTER
            bed.minute(at, RECORD._replace(round_trip=1500 + quarter + day, samples=30 + quarter))
        bed.now = BEGIN + (day + 1) * DAY + 61.0
        bed.write()
        if day % 5 == 4:
            bed.tend()
    assert bed.count("strips") == days * len(NAMES)
    assert bed.count(f"sheets WHERE span = {DAY}") == days
    assert bed.count(f"sheets WHERE span = {MINUTE}") == MINUTES_KEPT // QUARTER - 1
    assert bed.count(f"sheets WHERE span = {QUARTER}") <= MINUTES_KEPT // QUARTER + 96
    (size,) = bed.file.read(lambda one: one.execute("SELECT SUM(LENGTH(records)) FROM strips").fetchone())
    assert size / (days * len(NAMES)) < 1000
    (pages, page) = bed.file.read(
        lambda one: (one.execute("PRAGMA page_count").fetchone()[0], one.execute("PRAGMA page_size").fetchone()[0])
    )
    assert pages * page < 2_000_000
    whole = bed.moments(bed.now - DAYS_KEPT * DAY, bed.now, DAY)
    assert len(whole) == days and whole[7][1].samples == sum(30 + quarter for quarter in range(96))
    spring = BEGIN + 100 * DAY
    week = bed.moments(spring, spring + 7 * DAY, QUARTER)
    assert [record.round_trip for _, record in week[:3]] == [1600, 1601, 1602] and len(week) == 7 * 96
    assert week[95][0] == spring + 95 * QUARTER and week[95][1] == pytest.approx(
        RECORD._replace(round_trip=1695, samples=125), rel=0.004
    )
    late = bed.moments(bed.now - 3600, bed.now, MINUTE)
    assert [at for at, _ in late] == [BEGIN + days * DAY - back * QUARTER for back in (4, 3, 2, 1)][1:]


def test_what_is_over_becomes_quarters_and_days_once(bed: Bed) -> None:
    for minute in range(40):
        bed.minute(BEGIN + minute * MINUTE, RECORD._replace(round_trip=1500 + minute))
    bed.now = BEGIN + 40 * MINUTE
    bed.write()
    for _ in range(2):
        bed.tend()
        assert bed.count(f"sheets WHERE span = {QUARTER}") == 2 and bed.count("strips") == 0
    found = bed.moments(BEGIN, bed.now, QUARTER)
    assert [(at - BEGIN, record.samples, record.round_trip) for at, record in found] == [
        (0, 900, 1507),
        (QUARTER, 900, 1522),
        (2 * QUARTER, 600, 1534),
    ]
    assert [at - BEGIN for at, _ in bed.moments(BEGIN + 300, BEGIN + 900, 300)] == [300, 600]


def test_every_step_finds_all_there_is(bed: Bed) -> None:
    """Days, quarters and minutes side by side: none twice, none forgotten."""
    for quarter in range(5 * 96):
        bed.minute(BEGIN + quarter * QUARTER)
        if quarter % 96 == 95:
            bed.now = BEGIN + (quarter + 1) * QUARTER
            bed.write()
            bed.tend()
    for extra in range(20):
        bed.minute(BEGIN + 5 * DAY + extra * MINUTE)
    bed.now = BEGIN + 5 * DAY + 20 * MINUTE
    bed.write()
    bed.tend()
    for step in STEPS:
        if step >= QUARTER:
            found = bed.moments(BEGIN, bed.now, step)
            assert sum(record.samples for _, record in found) == 60 * (5 * 96 + 20), step
            assert all(at % step == 0 for at, _ in found)
    whole = bed.file.read(lambda one: wholes(one, BEGIN, bed.now, bed.now - MINUTES_KEPT))
    assert set(whole) == set(NAMES) and whole[PATH].samples == 60 * (5 * 96 + 20)
    recent = bed.file.read(lambda one: wholes(one, bed.now - 3600, bed.now, bed.now - MINUTES_KEPT))
    assert recent[PATH].samples == 60 * (20 + 3)
    assert in_steps([(0.0, EMPTY)], 60) == []


@pytest.mark.parametrize("span", [600.0, 3600.0, 86_400.0, 172_800.0, 30 * 86_400.0, 400 * 86_400.0])
def test_a_step_leaves_no_more_points_than_a_screen_has(span: float) -> None:
    now = 1.8e9
    step = step_for(now - span, now, now - MINUTES_KEPT)
    assert span / step <= MOST_POINTS and step in STEPS
    assert step >= (MINUTE if span <= MINUTES_KEPT else QUARTER)
    assert step_for(now - span, now, now - MINUTES_KEPT, 1e9) == STEPS[-1]
    assert step_for(now - span, now, now - MINUTES_KEPT, 50_000.0) >= 50_000


def test_a_restart_goes_on_with_the_same_names(bed: Bed) -> None:
    bed.minute(BEGIN)
    bed.write()
    known = bed.file.read(series_named)
    bed.begin()
    bed.minute(BEGIN + 60, RECORD, Series("path", "new"), PATH)
    bed.write()
    found = bed.file.read(series_named)
    assert found == {**known, Series("path", "new"): 4} and len(bed.moments(BEGIN, BEGIN + 120, 60)) == 2


def test_a_minute_that_is_under_way_is_written_every_half_minute_and_goes_on_after_a_restart(bed: Bed) -> None:
    minute = BEGIN // MINUTE
    for second, samples in ((10, 10), (20, 20), (45, 45)):
        bed.now = BEGIN + second
        bed.feed.under_way = {minute: {PATH: RECORD._replace(samples=samples, in_first=samples * 50)}}
        bed.write()
    assert [record.samples for _, record in bed.moments(BEGIN, BEGIN + 60, 60)] == [45]
    bed.begin()
    bed.now = BEGIN + 65
    assert bed.part.present() == (0, {})
    bed.feed.under_way = {minute: {NAMES[1]: RECORD}}
    assert {one: record.samples for one, record in bed.part.present()[1].items()} == {PATH: 45, NAMES[1]: 60}
    bed.feed.under_way = {minute + 1: {}}
    bed.feed.minutes = {minute: {PATH: RECORD._replace(samples=5), NAMES[1]: RECORD}}
    bed.write()
    assert [record.samples for _, record in bed.moments(BEGIN, BEGIN + 60, 60)] == [50]
    assert len(bed.moments(BEGIN, BEGIN + 60, 60, NAMES[1])) == 1
    bed.file.write([("UPDATE sheets SET records = ?", [(b"of another version",)])])
    bed.begin()
    bed.minute(BEGIN)
    bed.write()
    assert [record.samples for _, record in bed.moments(BEGIN, BEGIN + 60, 60)] == [60]


def test_an_outage_that_lasted_when_the_process_died_is_over_since_its_last_minute(bed: Bed) -> None:
    outages = bed.feed.outages
    outages.begin(PATH, "stalled", "answer overdue", BEGIN + 10.0)
    bed.minute(BEGIN)
    bed.write()
    outages.explain(PATH, "line a: cut")
    bed.write()
    bed.begin()
    bed.feed.outages.begin(PATH, "down", "still cut", BEGIN + 300.0)
    bed.write()
    first, second = bed.file.read(lambda one: outages_between(one, BEGIN, BEGIN + 1000))
    assert (first.end, first.why, first.state) == (BEGIN + 60, "line a: cut", "stalled")
    assert (second.start, second.end) == (BEGIN + 300, None)
    assert bed.file.read(lambda one: outages_between(one, BEGIN + 100, BEGIN + 200)) == []
    assert bed.file.read(lambda one: outages_between(one, BEGIN, BEGIN + 1000, 99)) == []


def test_events_are_found_by_time_and_by_what_they_are_about(bed: Bed) -> None:
    for number, path in enumerate("aab"):
        bed.now = BEGIN + number
        bed.happenings.told("streams-moved", "info", {"path": path, "to": "c", "count": number, "why": "x"})
    bed.write()
    found = bed.file.read(lambda one: events_between(one, BEGIN, BEGIN + 10, 2))
    assert [(event.at - BEGIN, event.about, event.fields["count"]) for event in found] == [(1, "a", 1), (2, "b", 2)]
    for names, count in ((["b"], 1), (["c"], 3), ([], 0), (["a", "b"], 3)):
        assert len(bed.file.read(lambda one, names=names: events_between(one, BEGIN, BEGIN + 9, 9, names))) == count
    bed.file.write([("UPDATE events SET fields = ?", [("no json",)])])
    assert {str(one.fields) for one in bed.file.read(lambda one: events_between(one, BEGIN, BEGIN + 9, 9))} == {"{}"}
    bed.file.write([("UPDATE events SET fields = ?", [("[1]",)])])
    assert bed.file.read(lambda one: events_between(one, BEGIN, BEGIN + 9, 9))[0].fields == {}


def test_the_same_is_given_again_until_it_is_written(bed: Bed) -> None:
    bed.minute(BEGIN)
    bed.feed.outages.begin(PATH, "down", "", BEGIN)
    bed.happenings.told("path-dead", "info", {"path": "a/b"})
    first = bed.part.news()
    bed.minute(BEGIN + 60)
    assert [len(rows) for _, rows in first] == [3, 1, 1, 1]
    assert [len(rows) for _, rows in bed.part.news()] == [3, 2, 1, 1]
    bed.part.written()
    assert bed.part.news() == []


def test_what_a_file_does_not_take_is_bounded_and_counted(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 50)
    monkeypatch.setattr(module, "MOST_OUTAGES", 20)
    for number in range(MOST_GIVEN + 5):
        bed.minute(BEGIN + number * MINUTE)
        bed.happenings.told("path-dead", "info", {"path": str(number)})
        bed.feed.outages.begin(Series("path", str(number)), "down", "", BEGIN)
        bed.part.news()
    assert [len(rows) for _, rows in bed.part.news()] == [len(NAMES) + 2, MOST_GIVEN, 2, 5]
    assert bed.part.dropped == 5 + (MOST_GIVEN + 5 - 5) + (MOST_GIVEN + 5 - 2)


def test_a_new_file_gets_what_lasts(bed: Bed) -> None:
    bed.feed.outages.begin(PATH, "down", "", BEGIN)
    bed.write()
    bed.minute(BEGIN)
    batch = dict(bed.part.everything())
    assert batch[module.OUTAGE] == [(1, BEGIN, None, "down", "", None)] and len(batch[module.SERIES]) == len(NAMES)


def test_what_is_too_old_or_too_much_goes(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Series("path", "gone")
    for day in range(6):
        for quarter in range(4):
            names = (*NAMES, gone) if day == 0 else NAMES
            bed.minute(BEGIN + day * DAY + quarter * QUARTER, RECORD, *names)
        bed.now = BEGIN + (day + 1) * DAY + 60.0
        bed.feed.outages.begin(PATH, "down", "", bed.now)
        bed.feed.outages.end(PATH, bed.now + 1)
        bed.happenings.told("path-dead", "info", {"path": "a/b"})
        bed.write()
        bed.tend()
    assert bed.count("strips") == 6 * 3 + 1 and gone in bed.file.read(series_named)
    monkeypatch.setattr(module, "MOST_STRIPS", 10)
    monkeypatch.setattr(module, "MOST_EVENTS", 2)
    monkeypatch.setattr(module, "MOST_OUTAGES", 3)
    monkeypatch.setattr(module, "MOST_MINUTES", 5)
    bed.tend()
    assert (bed.count("strips"), bed.count("events"), bed.count("outages")) == (9, 2, 3)
    assert bed.count(f"sheets WHERE span = {MINUTE}") == 5 and bed.count(f"sheets WHERE span = {DAY}") == 3
    assert gone not in bed.file.read(series_named)
    bed.now += (DAYS_KEPT + 10) * DAY
    bed.tend()
    assert [bed.count(table) for table in ("strips", "events", "outages", "sheets", "series")] == [0] * 5
    bed.minute(bed.now)
    bed.write()
    assert set(bed.file.read(series_named)) == set(NAMES)
    assert repr(bed.part) == "<HistoryPart of 4 series>"


def test_what_flaps_does_not_drive_out_what_happened_once(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 50)
    monkeypatch.setattr(module, "MOST_OUTAGES", 30)
    rare = [f"{number}" for number in range(5)]
    for name in rare:
        bed.happenings.told("path-dead", "info", {"path": name})
        bed.feed.outages.begin(Series("path", name), "down", "", BEGIN)
        bed.write()
    for number in range(4 * 60):
        bed.now += 60
        bed.happenings.told("path-up", "info", {"path": "flaps"})
        bed.feed.outages.begin(PATH, "down", "", bed.now)
        bed.feed.outages.end(PATH, bed.now + 1)
        bed.write()
        if number % 30 == 29:
            bed.tend()
    events = bed.file.read(lambda one: events_between(one, BEGIN, bed.now + 1, 100))
    assert 25 <= len(events) <= 50 and [one.about for one in events if one.event == "path-dead"] == rare
    assert events[-1].at == bed.now
    outages = bed.file.read(lambda one: outages_between(one, BEGIN, bed.now + 1))
    assert 15 <= len(outages) <= 30 and [one.series.name for one in outages[:5]] == rare
    monkeypatch.setattr(module, "MOST_EVENTS", 3)
    bed.tend()
    assert bed.count("events") <= 3


def test_a_clock_that_was_far_ahead_takes_no_room_for_ever(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MINUTES", 10)
    for minute in range(8):
        bed.minute(BEGIN + 1000 * DAY + minute * MINUTE)
    for minute in range(8):
        bed.minute(BEGIN + minute * MINUTE)
    bed.now = BEGIN + 1000.0
    bed.write()
    bed.tend()
    assert bed.count(f"sheets WHERE span = {MINUTE}") == 10


def test_a_file_of_the_version_before_gets_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingress.state import file as opening

    with monkeypatch.context() as patch:
        patch.setattr(opening, "STEPS", opening.STEPS[:3])
        patch.setattr(opening, "VERSION", 3)
        StateFile(tmp_path / "sh.sqlite").close()
    bed = Bed(tmp_path / "sh.sqlite")
    bed.minute(BEGIN)
    bed.write()
    assert bed.file.read(lambda one: one.execute("PRAGMA user_version").fetchone()[0]) == VERSION > 3
    assert len(bed.moments(BEGIN, BEGIN + 60, 60)) == 1
    bed.file.close()


def test_fields_of_events_are_json(bed: Bed) -> None:
    fields: dict[str, Any] = {"path": "a", "why": "x" * 10, "n": None, "f": 1.5}
    bed.happenings.told("path-dead", "info", fields)
    bed.write()
    (text,) = bed.file.read(lambda one: one.execute("SELECT fields FROM events").fetchone())
    assert json.loads(text) == fields


async def test_a_disk_that_is_really_full_costs_no_minute_and_a_damaged_file_only_what_it_had(
    disk: Path, nursery: trio.Nursery
) -> None:
    """The keeper at work: on a file system that something else has filled, and whose file is none any more."""
    feed, happenings = Feed(), Happenings(lambda: float(BEGIN))
    part = HistoryPart(feed, happenings, lambda: float(BEGIN))  # type: ignore[arg-type]
    keeper = Keeper(disk / "sh.sqlite", [part])
    nursery.start_soon(keeper.run)
    await until(lambda: keeper.is_open)

    async def minutes() -> int:
        return int(await keeper.ask(lambda one: one.execute("SELECT COUNT(*) FROM sheets").fetchone()[0]))

    feed.minutes[BEGIN // MINUTE] = {PATH: RECORD}
    assert await minutes() == 1
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    names = [Series("path", f"{number:03}" * 20) for number in range(300)]
    for minute in range(1, 6):
        feed.minutes[BEGIN // MINUTE + minute] = dict.fromkeys(names, RECORD)
    with contextlib.suppress(Unusable):
        await minutes()
    assert "full" in keeper.trouble and part.dropped == 0
    ballast.unlink()
    assert await minutes() == 6 and keeper.trouble == ""
    feed.outages.begin(PATH, "down", "", BEGIN)
    assert await minutes() == 6
    await keeper.ask(lambda one: one.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    (disk / "sh.sqlite").write_bytes(b"no database any more" * 10_000)
    await keeper.ask(lambda one: one.execute("PRAGMA shrink_memory").fetchall())  # else it need not look
    feed.minutes[BEGIN // MINUTE + 9] = {PATH: RECORD}
    with contextlib.suppress(Unusable):
        await minutes()
    assert await minutes() == 1
    assert (disk / "sh.sqlite.damaged").exists() and await keeper.ask(series_named) == {PATH: 1}
    assert [one.end for one in await keeper.ask(lambda one: outages_between(one, 0, BEGIN + 9.0))] == [None]
