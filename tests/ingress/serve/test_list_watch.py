"""A list that changes is gone by without a reload; a wrong one never is, and is told of once."""

import os
from pathlib import Path

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ingress.lists.load import Lists, load_lists
from ingress.lists.source import ListSource
from ingress.serve.list_watch import EVERY, ListWatch
from tests.world import Journal


class InForce:
    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self.used = 0

    def use(self, lists: Lists) -> None:
        self.lists = lists
        self.used += 1


async def later(clock: MockClock) -> None:
    """The next look is over: threads included."""
    clock.jump(EVERY)
    threads = trio.to_thread.current_default_thread_limiter()
    while True:
        await wait_all_tasks_blocked()
        if not threads.borrowed_tokens:
            return
        await trio.lowlevel.checkpoint()


async def test_a_change_is_noticed_and_a_mistake_is_told_once(
    tmp_path: Path, journal: Journal, mock_clock: MockClock
) -> None:
    clock = mock_clock
    source = ListSource(tmp_path / "names.txt")
    source.file.write_text("+.a.cn\n")
    kept = InForce(load_lists([source]))
    watch = ListWatch(lambda: kept.lists, kept.use)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        await later(clock)
        assert kept.used == 0
        source.file.write_text("+.b.cn\n")
        os.utime(source.file, (1, 1))
        await later(clock)
        assert kept.used == 1
        assert kept.lists.loaded[source].targets.find_name("b.cn") is not None
        source.file.write_text("?\n")
        await later(clock)
        await later(clock)
        assert kept.used == 1
        assert len(journal.of("lists-read")) == len(journal.of("lists-refused")) == 1
        assert watch.refused.startswith(f"{source.file}: ")
        source.file.write_text("+.c.cn\n")
        await later(clock)
        assert watch.refused == "" and kept.used == 2
        nursery.cancel_scope.cancel()
