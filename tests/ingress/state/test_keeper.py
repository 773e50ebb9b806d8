"""The task that keeps the state: what was learned is there after a restart, and trouble with the file is told once."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ingress.measure.capacity import Capacities, Held, Seen, SeenBy, Way
from ingress.state.capacities import FORGOTTEN, CapacityPart
from ingress.state.file import Batch, StateFile, Unusable
from ingress.state.keeper import EVERY, TEND, TRY_AGAIN, Keeper
from tests.world import until

DOWN = Way.DOWN
NOW = 1.8e9


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Events of the log."""
    kept: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("relay.log.event", lambda name, /, **fields: kept.append((name, fields)))
    monkeypatch.setattr("ingress.state.capacities.time.time", lambda: NOW)
    return kept


@pytest.fixture
def clock() -> MockClock:
    """It goes on while threads work, and jumps over what would take long."""
    return MockClock(rate=1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sh.sqlite"


def rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT line, speed FROM capacities ORDER BY line").fetchall()
    connection.close()
    return found


def spoil(path: Path) -> None:
    """What stands there is no database any more."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"this is no database" * (1 + (path.stat().st_size if path.exists() else 0)))


class Turn:
    """A keeper at work, until cancelled."""

    def __init__(self, path: Path, nursery: trio.Nursery) -> None:
        self.capacities = Capacities()
        self.keeper = Keeper(path, [CapacityPart(self.capacities)])
        self._scope = trio.CancelScope()
        self._ended = trio.Event()
        nursery.start_soon(self._run)

    async def opened(self) -> StateFile:
        """Its file, once it was read."""
        await until(lambda: self.keeper.is_open)
        assert self.keeper._file is not None
        return self.keeper._file

    @property
    def is_idle(self) -> bool:
        """No thread works for it."""
        return self.keeper._limiter.borrowed_tokens == 0

    async def _run(self) -> None:
        with self._scope:
            await self.keeper.run()
        self._ended.set()

    async def end(self) -> None:
        self._scope.cancel()
        await self._ended.wait()


async def test_what_was_learned_is_known_after_a_restart(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    first = Turn(path, nursery)
    await first.opened()
    first.capacities.saw(("a", DOWN), 5e6, NOW)
    first.capacities.saw(("a", Way.UP), 1e6, NOW, SeenBy.SPEED_TEST)
    first.capacities.held_to(("a/b", DOWN), 4e6, NOW)
    clock.jump(EVERY)
    await until(lambda: rows(path) == [("a", 5e6), ("a", 1e6)])
    first.capacities.saw(("b", DOWN), 7e6, NOW)
    await first.end()  # writes what it still knows
    second = Turn(path, nursery)
    second.capacities.saw(("b", DOWN), 9e6, NOW)
    await until(lambda: len(second.capacities.seen) == 3)
    assert second.capacities.seen == {
        ("a", DOWN): Seen(5e6, NOW),
        ("a", Way.UP): Seen(1e6, NOW, SeenBy.SPEED_TEST),
        ("b", DOWN): Seen(9e6, NOW),
    }
    assert second.capacities.held == {("a/b", DOWN): Held(4e6, NOW)}
    await second.end()
    assert ("b", 9e6) in rows(path)
    assert told == []


async def test_what_is_too_old_is_neither_known_nor_kept(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    first = Turn(path, nursery)
    await first.opened()
    first.capacities.saw(("old", DOWN), 5e6, NOW - FORGOTTEN - 1)
    first.capacities.saw(("young", DOWN), 5e6, NOW - FORGOTTEN + 1)
    await first.end()
    second = Turn(path, nursery)
    await until(lambda: second.capacities.seen)
    assert set(second.capacities.seen) == {("young", DOWN)}
    second.capacities.saw(("new", DOWN), 5e6, NOW)
    await second.end()
    assert rows(path) == [("new", 5e6), ("young", 5e6)]


async def test_a_second_ingress_learns_for_itself_and_takes_over_later(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    first = Turn(path, nursery)
    await first.opened()
    second = Turn(path, nursery)
    await until(lambda: second.keeper.trouble)
    assert not first.keeper.trouble
    assert "is another running ingress's" in second.keeper.trouble
    second.capacities.saw(("b", DOWN), 7e6, NOW)
    await first.end()
    assert [name for name, _ in told] == ["state-not-kept"]
    clock.jump(TRY_AGAIN)
    await until(lambda: not second.keeper.trouble)
    assert [name for name, _ in told] == ["state-not-kept", "state-kept-again"]
    await second.end()
    assert rows(path) == [("b", 7e6)]


async def test_what_a_full_disk_does_not_take_is_written_later(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    turn = Turn(path, nursery)
    file = await turn.opened()
    file._connection.execute("PRAGMA max_page_count = 1")
    for number in range(200):
        turn.capacities.saw((f"a{number:03}", DOWN), 5e6, NOW)
    clock.jump(EVERY)
    await until(lambda: "full" in turn.keeper.trouble)
    turn.capacities.saw(("a000", DOWN), 6e6, NOW)
    clock.jump(EVERY)
    await until(lambda: not turn.capacities._seen_lately and turn.is_idle)
    assert [name for name, _ in told] == ["state-not-kept"]
    file._connection.execute("PRAGMA max_page_count = 100000")
    clock.jump(EVERY)
    await until(lambda: not turn.keeper.trouble)
    assert [name for name, _ in told] == ["state-not-kept", "state-kept-again"]
    assert len(rows(path)) == 200 and rows(path)[0] == ("a000", 6e6)
    await turn.end()


async def test_a_damaged_file_is_told_once_and_another_gets_all_that_is_known(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    spoil(path)
    turn = Turn(path, nursery)
    turn.capacities.saw(("a", DOWN), 5e6, NOW)
    await until(lambda: told)
    aside = path.with_name("sh.sqlite.damaged")
    assert told == [("state-damaged", {"level": "warning", "file": path, "aside": aside})]
    file = await turn.opened()
    clock.jump(EVERY)
    await until(lambda: rows(path) == [("a", 5e6)] and turn.is_idle)
    file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil(path)
    file._connection.execute("PRAGMA shrink_memory")  # else it need not look
    turn.capacities.saw(("b", DOWN), 7e6, NOW)
    clock.jump(EVERY)
    await until(lambda: len(told) == 2)
    clock.jump(EVERY)
    await until(lambda: rows(path) == [("a", 5e6), ("b", 7e6)])
    assert [name for name, _ in told] == ["state-damaged"] * 2
    await turn.end()


async def test_rows_that_make_no_sense_are_damage(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    file = StateFile(path)
    file.write([("INSERT INTO capacities VALUES (?, ?, ?, ?, ?)", [("a", "up", 1.0, NOW, "a dream")])])
    file.close()
    turn = Turn(path, nursery)
    await until(lambda: told)
    assert [name for name, _ in told] == ["state-damaged"]
    assert turn.capacities.seen == {}
    await turn.end()


async def test_who_ends_before_it_was_open_writes_nothing_and_lets_go_of_it(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    first = Turn(path, nursery)
    await first.opened()
    first.capacities.saw(("a", DOWN), 5e6, NOW)
    await first.end()
    hasty = Turn(path, nursery)
    hasty.capacities.saw(("a", DOWN), 1e6, NOW)
    await hasty.end()
    assert rows(path) == [("a", 5e6)]
    last = Turn(path, nursery)
    await last.opened()
    await last.end()
    assert not told


async def test_a_damaged_file_that_cannot_be_set_aside_is_tried_again_until_it_can(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    turn = Turn(path, nursery)
    turn.capacities.saw(("a", DOWN), 5e6, NOW)
    file = await turn.opened()
    clock.jump(EVERY)
    await until(lambda: rows(path) == [("a", 5e6)] and turn.is_idle)
    aside = path.with_name("sh.sqlite.damaged")
    (aside / "in the way").mkdir(parents=True)
    file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil(path)
    file._connection.execute("PRAGMA shrink_memory")  # else it need not look
    turn.capacities.saw(("b", DOWN), 7e6, NOW)
    clock.jump(EVERY)
    await until(lambda: turn.keeper.trouble)
    assert str(aside) in turn.keeper.trouble and str(turn.keeper).endswith(f"{path}: {turn.keeper.trouble}>")
    for _ in range(3):
        clock.jump(EVERY)
        await until(lambda: turn.is_idle)
    assert [name for name, _ in told] == ["state-not-kept"]
    (aside / "in the way").rmdir()
    aside.rmdir()
    clock.jump(EVERY)
    await until(aside.is_file)
    clock.jump(EVERY)
    await until(lambda: not turn.keeper.trouble)
    assert rows(path) == [("a", 5e6), ("b", 7e6)]
    assert [name for name, _ in told] == ["state-not-kept", "state-damaged", "state-kept-again"]
    assert repr(turn.keeper) == f"<Keeper of {path}>" and repr(file) == f"<StateFile {path}>"
    await turn.end()


class Sum:
    """A part whose rows are added up: what is written twice counts twice."""

    def __init__(self) -> None:
        self.waiting = 0
        self.tended = 0

    def read(self, connection: sqlite3.Connection) -> None:
        return None

    def recall(self, found: object) -> None:
        pass

    def news(self) -> Batch:
        add = "INSERT INTO held VALUES ('p', 'up', ?, 0) ON CONFLICT DO UPDATE SET speed = speed + excluded.speed"
        return [(add, [(self.waiting,)])] if self.waiting else []

    def everything(self) -> Batch:
        return self.news()

    def written(self) -> None:
        self.waiting = 0

    def tend(self, connection: sqlite3.Connection) -> None:
        self.tended += 1


def sums(connection: sqlite3.Connection) -> list[tuple[float]]:
    return connection.execute("SELECT speed FROM held").fetchall()


async def test_what_is_being_written_when_it_ends_is_written_once(
    path: Path, told: list[Any], clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, may_go_on = Sum(), threading.Event()
    keeper, change = Keeper(path, [part]), StateFile.change

    def slow(self: StateFile, call: Callable[[sqlite3.Connection], None]) -> None:
        change(self, call)
        may_go_on.wait(10)

    async with trio.open_nursery() as inner:
        inner.start_soon(keeper.run)
        await until(lambda: keeper.is_open)
        monkeypatch.setattr(StateFile, "change", slow)
        part.waiting = 5
        clock.jump(EVERY)
        await until(lambda: keeper._limiter.borrowed_tokens)
        inner.cancel_scope.cancel()
        may_go_on.set()
    assert part.waiting == 0
    found = sqlite3.connect(path)
    assert sums(found) == [(5.0,)]
    found.close()


async def test_a_question_is_answered_with_what_is_known_by_now_and_what_is_old_is_looked_for_each_hour(
    path: Path, nursery: trio.Nursery, told: list[Any], clock: MockClock
) -> None:
    part = Sum()
    keeper = Keeper(path, [part])
    with pytest.raises(Unusable, match="is not open yet"):
        await keeper.ask(sums)
    nursery.start_soon(keeper.run)
    await until(lambda: keeper.is_open)
    for expected in (2.0, 4.0):
        part.waiting = 2
        assert await keeper.ask(sums) == [(expected,)]
    assert part.tended == 1
    clock.jump(TEND)
    await until(lambda: part.tended == 2)
    assert keeper._file is not None
    keeper._file._connection.execute("DROP TABLE held")
    with pytest.raises(Unusable, match="is damaged"):
        await keeper.ask(sums)
    part.waiting = 3
    await keeper.ask(lambda connection: None)  # finds the damage, and begins anew
    assert await keeper.ask(sums) == [(3.0,)]
    nursery.cancel_scope.cancel()
