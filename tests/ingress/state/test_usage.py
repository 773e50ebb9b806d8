"""The tables of who moved how much: rows are added up, old ones go, small sites become one, the file stays bounded."""

import datetime
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.state import usage as module
from ingress.state.file import StateFile
from ingress.state.usage import ADD, DAY, DAYS, MOST_SITES, OTHER, SITES_DAYS, UsagePart
from ingress.usage.sums import BY, MOST_ROWS, ask_sums
from ingress.usage.usage import HOUR, Counted, LineCounted, Usage

NOW = 1.8e9
TODAY = int(NOW // HOUR)
ROW = tuple[object, ...]


class Table:
    """A part over its file, at a moment that a test moves."""

    def __init__(self, path: Path) -> None:
        self.now = NOW
        self.file = StateFile(path)
        self.usage = Usage(lambda: self.now)
        self.sweeps = 0
        self.part = UsagePart("sh", self.usage, self._sweep, lambda: self.now)

    def _sweep(self) -> None:
        self.sweeps += 1

    def write(self) -> None:
        self.file.write(self.part.news())
        self.part.written()

    def tend(self) -> None:
        self.file.change(self.part.tend)

    def rows(self, query: str = "SELECT * FROM usage") -> list[ROW]:
        return self.file.read(lambda connection: connection.execute(query).fetchall())

    def put(self, hour: int, site: str, up: int, user: str = "eve") -> None:
        row = ("sh", hour, user, "10.0.0.1", "us", site, up, 0, 1, 0, 0, 0)
        self.file.write([(ADD, [row])])


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path / "sh.sqlite")
    yield made
    made.file.close()


def test_what_is_written_is_added_to_what_stands_there(table: Table) -> None:
    for _ in range(3):
        table.usage.add("eve", "10.0.0.1", "us", "a.example", Counted(1, 10, 1, 2, 20, 1))
        table.usage.add_line("ix", LineCounted(1, 2, 3, 4, 5, 6, 7, 8))
        table.write()
    assert table.sweeps == 3
    assert table.rows() == [(TODAY, "sh", "eve", "10.0.0.1", "us", "a.example", 3, 30, 3, 6, 60, 3)]
    assert table.rows("SELECT * FROM line_usage") == [(TODAY, "sh", "ix", 3, 6, 9, 12, 15, 18, 21, 24)]
    assert table.part.news() == [] == table.part.everything()
    assert table.file.read(table.part.read) is None
    table.part.recall(None)


def test_sites_go_after_a_month_and_everything_after_a_year(table: Table) -> None:
    old = TODAY - SITES_DAYS * DAY
    for hour in (old, old - 1, TODAY - DAYS * DAY, TODAY - DAYS * DAY - 1):
        table.put(hour, "a.example", 1)
        table.put(hour, "b.example", 2)
    table.tend()
    table.tend()
    rows = table.rows("SELECT hour, site, up, streams FROM usage")
    assert rows == [
        (TODAY - DAYS * DAY, "", 3, 2),
        (old - 1, "", 3, 2),
        (old, "a.example", 1, 1),
        (old, "b.example", 2, 1),
    ]


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from("xy"), st.integers(0, 9)), max_size=40))
def test_of_an_hour_the_largest_sites_stay_and_no_byte_is_lost(moved: list[tuple[int, str, int]]) -> None:
    connection = sqlite3.connect(":memory:")
    for step in module_steps():
        connection.executescript(step)
    for site, user, up in moved:
        connection.execute(ADD, ("sh", TODAY - 1, user, "c", "us", f"{site}.example", up, 0, 1, 0, 0, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_SITES", 3)
        for _ in range(2):
            UsagePart("sh", Usage(lambda: NOW), lambda: None, lambda: NOW).tend(connection)
    found = connection.execute("SELECT site, user, up, streams FROM usage").fetchall()
    connection.close()
    by_site: dict[str, int] = {}
    for site, _, up in moved:
        by_site[f"{site}.example"] = by_site.get(f"{site}.example", 0) + up
    named = {site for site, *_ in found} - {OTHER}
    assert len(named) == min(3, len(by_site))
    assert all(by_site[one] <= by_site[kept] for one in by_site.keys() - named for kept in named)
    for user in "xy":
        assert sum(row[2] for row in found if row[1] == user) == sum(up for _, who, up in moved if who == user)
    assert sum(row[3] for row in found) == len(moved)


def module_steps() -> tuple[str, ...]:
    from ingress.state.schema import STEPS

    return STEPS


def test_the_hour_that_runs_is_left_alone(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SITES", 1)
    for hour in (TODAY, TODAY - 1):
        for site in "abc":
            table.put(hour, site, ord(site))
    table.tend()
    assert table.rows("SELECT hour, site, up FROM usage") == [
        (TODAY - 1, "c", 99),
        (TODAY - 1, OTHER, 97 + 98),
        *((TODAY, site, ord(site)) for site in "abc"),
    ]
    assert MOST_SITES == 2000


def test_the_oldest_days_make_room(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 400_000)
    for day in range(10):
        rows = [("sh", TODAY - day * DAY, "u", "c", "us", f"{n}.example" * 5, 1, 0, 1, 0, 0, 0) for n in range(1000)]
        table.file.write([(ADD, rows)])
    table.tend()
    hours = [hour for (hour,) in table.rows("SELECT DISTINCT hour FROM usage")]
    assert hours == [TODAY - day * DAY for day in reversed(range(len(hours)))] and 0 < len(hours) < 8
    monkeypatch.setattr(module, "LARGEST", 0)
    table.tend()
    assert table.rows() == []


@pytest.mark.parametrize("by", BY)
def test_sums_by_everything(table: Table, by: str) -> None:
    table.usage.add("eve", "10.0.0.1", "us", "a.example", Counted(1, 10, 1))
    table.usage.add("", "10.0.0.2", "eu", "a.example", Counted(3, 30, 1, 5))
    table.usage.add_line("ix", LineCounted(1, 2, 3, 4, 5, 6, 7, 8))
    table.write()
    found = table.file.read(lambda one: ask_sums(one, by, NOW - 10, datetime.UTC))
    day = datetime.datetime.fromtimestamp(NOW, datetime.UTC).date().isoformat()
    names = {
        "user": ["10.0.0.2", "eve"],
        "client": ["10.0.0.2", "10.0.0.1"],
        "line": ["ix"],
        "exit": ["eu", "us"],
        "site": ["a.example"],
        "day": [day],
    }[by]
    assert (found.by, [row["name"] for row in found.rows], found.left_out) == (by, names, 0)
    if by == "line":
        assert found.rows == [{"name": "ix", **LineCounted(1, 2, 3, 4, 5, 6, 7, 8)._asdict()}]
    else:
        assert sum(row["up"] for row in found.rows) == 4 and sum(row["udp_up"] for row in found.rows) == 5
    assert table.file.read(lambda one: ask_sums(one, by, NOW + HOUR, None)).rows == []


def test_days_are_those_of_the_zone(table: Table) -> None:
    midnight = (TODAY // DAY) * DAY
    for hour in (midnight - 1, midnight):
        table.put(hour, "a", 1)
    utc = table.file.read(lambda one: ask_sums(one, "day", 0, datetime.UTC))
    assert [row["up"] for row in utc.rows] == [1, 1]
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    assert [row["up"] for row in table.file.read(lambda one: ask_sums(one, "day", 0, shanghai)).rows] == [2]


def test_what_moved_least_is_left_out_of_a_long_answer(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingress.usage.sums.MOST_ROWS", 2)
    for at, site in enumerate("abc"):
        table.put(TODAY, site, at)
    found = table.file.read(lambda one: ask_sums(one, "site", 0, None))
    assert ([row["name"] for row in found.rows], found.left_out) == (["c", "b"], 1)
    assert MOST_ROWS == 5000
