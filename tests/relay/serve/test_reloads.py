"""Reloads come one after another, whoever asks for them, and none of them holds up the loop."""

import threading

import pytest
import trio
import trio.testing

from relay.errors import OperatorError
from relay.serve.reloads import Reloads, read_aside
from tests.world import PATIENCE, Journal


class Files:
    """What is read; each reading waits until it is let on."""

    def __init__(self) -> None:
        self.content = "first"
        self.begun: list[str] = []
        self.used: list[str] = []
        self._steps, self._step = trio.open_memory_channel[None](10)

    async def reload(self) -> str:
        content = self.content
        self.begun.append(content)
        await self._step.receive()
        if content == "wrong":
            raise OperatorError("line 3: wrong")
        self.used.append(content)
        return f"used {content}"

    def let_on(self) -> None:
        self._steps.send_nowait(None)


async def test_the_last_to_ask_has_read_last(nursery: trio.Nursery) -> None:
    files, done = Files(), []
    reloads = Reloads(files.reload)

    async def ask() -> None:
        done.append(await reloads.answer({}))

    nursery.start_soon(ask)
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(ask)
    await trio.testing.wait_all_tasks_blocked()
    files.content = "second"
    assert files.begun == ["first"]
    files.let_on()
    await trio.testing.wait_all_tasks_blocked()
    assert (files.begun, files.used) == (["first", "second"], ["first"])
    files.let_on()
    await trio.testing.wait_all_tasks_blocked()
    assert done == [{"version": 1, "done": "used first"}, {"version": 1, "done": "used second"}]


async def test_a_hundred_signals_are_one_reading_more(nursery: trio.Nursery) -> None:
    files = Files()
    reloads = Reloads(files.reload)
    for _ in range(100):
        nursery.start_soon(reloads.on_signal)
        await trio.testing.wait_all_tasks_blocked()
    files.content = "last"
    files.let_on()
    files.let_on()
    await trio.testing.wait_all_tasks_blocked()
    assert files.used == ["first", "last"]


async def test_mistakes_are_told_to_who_asked_and_to_the_log(journal: Journal) -> None:
    files = Files()
    reloads, files.content = Reloads(files.reload), "wrong"
    files.let_on()
    files.let_on()
    with pytest.raises(OperatorError, match="line 3: wrong"):
        await reloads.reload()
    await reloads.on_signal()
    assert [said["why"] for said in journal.of("reload-failed")] == ["line 3: wrong"] * 2
    files.content = "right"
    files.let_on()
    assert await reloads.reload() == "used right"


async def test_what_is_read_aside_holds_up_neither_the_loop_nor_the_end(nursery: trio.Nursery) -> None:
    stuck = threading.Event()

    async def end(scope: trio.CancelScope) -> None:
        await trio.lowlevel.checkpoint()
        scope.cancel()

    try:
        with trio.fail_after(PATIENCE), trio.CancelScope() as scope:
            nursery.start_soon(end, scope)  # runs only if the loop does
            await read_aside(stuck.wait)
        assert scope.cancelled_caught
    finally:
        stuck.set()
    assert await read_aside(int, "7") == 7
