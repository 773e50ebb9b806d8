"""A loop outside of trio: tasks, timers, threads and sockets go on beside each other, and errors find their way."""

import socket
import threading
import time
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.engine import Loop, UdpPort
from relay.engine.host import current_host, run_hosted
from relay.engine.loop import EVENTS_AT_ONCE, LONG_TURN
from relay.engine.udp import DatagramAddress
from relay.engine.udp_options import PORT_BUFFER, open_udp

PATIENCE = 20.0


class Echo:
    """Says what it is told."""

    def __init__(self, loop: Loop) -> None:
        self.port = UdpPort(loop, open_udp(("127.0.0.1", 0), buffer=PORT_BUFFER, may_fragment=False), self)
        self.address = self.port.sock.getsockname()

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        self.port.out(source).put(bytes(data))


def with_loop(act: Callable[[Loop], Awaitable[None]]) -> None:
    """Run *act* beside a loop that is hosted."""

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                loop = Loop()
                nursery.start_soon(loop.run)
                await wait_all_tasks_blocked()
                await act(loop)
                nursery.cancel_scope.cancel()

    run_hosted(main)


async def ask(address: tuple[str, int], word: bytes) -> bytes:
    """What comes back for *word*."""
    with trio.socket.socket(type=socket.SOCK_DGRAM) as sock:
        await sock.sendto(word, address)
        return await sock.recv(100)


def test_what_a_task_returns_or_raises_is_what_the_run_does() -> None:
    async def give() -> str:
        await trio.sleep(0.001)
        return "given"

    async def fail() -> None:
        raise LookupError("nothing there")

    assert run_hosted(give) == "given"
    with pytest.raises(LookupError, match="nothing there"):
        run_hosted(fail)


def test_tasks_and_the_loop_wake_each_other() -> None:
    async def act(loop: Loop) -> None:
        order: list[str] = []
        for number in range(3):
            event = trio.Event()
            start = loop.now
            loop.call_at(start + 0.01, event.set)
            await event.wait()
            assert loop.now >= start + 0.01
            soon = trio.Event()
            loop.call_soon(lambda soon=soon, number=number: (order.append(f"call {number}"), soon.set()))
            await soon.wait()
            order.append(f"task {number}")
        assert order == [f"{who} {number}" for number in range(3) for who in ("call", "task")]

    with_loop(act)


def test_a_task_sets_a_deadline_sooner_than_what_is_waited_for() -> None:
    async def act(loop: Loop) -> None:
        event, start = trio.Event(), loop.now
        loop.call_at(start + 1000.0, event.set)
        await trio.sleep(0.001)
        loop.call_at(loop.now - 1.0, event.set)  # due at once
        await event.wait()
        scope = trio.CancelScope()
        loop.call_soon(lambda: setattr(scope, "deadline", trio.current_time() + 0.001))
        with scope:
            await trio.sleep_forever()
        assert scope.cancelled_caught

    with_loop(act)


def test_sockets_of_both_are_served() -> None:
    async def act(loop: Loop) -> None:
        echo = Echo(loop)
        for number in range(20):
            assert await ask(echo.address, b"%d" % number) == b"%d" % number
        statistics = loop.statistics()
        assert statistics.endpoints == 1
        assert statistics.services >= 20
        assert "awake" in repr(loop)

    with_loop(act)


def test_datagrams_are_answered_without_a_task_being_run() -> None:
    """Nobody wakes trio for them: that is what the host is for."""
    answers: list[bytes] = []

    def talk(address: tuple[str, int]) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE)
            for _ in range(50):
                sock.sendto(b"hello", address)
                answers.append(sock.recv(100))

    class Ticks(trio.abc.Instrument):
        count = 0

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.count += 1

    async def act(loop: Loop) -> None:
        echo, ticks = Echo(loop), Ticks()
        trio.lowlevel.add_instrument(ticks)
        await trio.to_thread.run_sync(talk, echo.address)
        assert answers == [b"hello"] * 50
        assert ticks.count < 20

    with_loop(act)


def test_a_thread_calls_in_while_the_loop_waits() -> None:
    async def act(loop: Loop) -> None:
        token, event = trio.lowlevel.current_trio_token(), trio.Event()
        await trio.sleep(0.001)
        thread = threading.Thread(target=token.run_sync_soon, args=(event.set,))
        thread.start()
        await event.wait()
        thread.join()

    with_loop(act)


def test_a_loop_that_breaks_raises_where_it_was_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(loop: Loop, wait: float) -> bool:
        raise ZeroDivisionError("broken")

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            loop = Loop()
            monkeypatch.setattr(Loop, "_turn", break_down)
            with pytest.raises(ZeroDivisionError, match="broken"):
                await loop.run()
            monkeypatch.undo()
        second = Loop()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(second.run)
            event = trio.Event()
            second.call_soon(event.set)
            await event.wait()
            nursery.cancel_scope.cancel()

    run_hosted(main)


def test_a_second_loop_is_served_in_trio() -> None:
    async def act(loop: Loop) -> None:
        assert current_host() is None
        async with trio.open_nursery() as nursery:
            second = Loop()
            nursery.start_soon(second.run)
            echo, other = Echo(loop), Echo(second)
            assert [await ask(one.address, b"both") for one in (echo, other, echo)] == [b"both"] * 3
            nursery.cancel_scope.cancel()

    with_loop(act)


def test_what_work_is_left_is_done_before_it_waits_again() -> None:
    async def act(loop: Loop) -> None:
        left = [5]
        done = trio.Event()

        def again() -> None:
            left[0] -= 1
            (loop.call_soon(again) if left[0] else done.set())

        loop.call_soon(again)
        await done.wait()
        assert left == [0]

    with_loop(act)


def test_turns_that_take_long_are_followed_by_shorter_ones() -> None:
    async def act(loop: Loop) -> None:
        assert loop.pace == EVENTS_AT_ONCE

        left, done = [4], trio.Event()

        def work() -> None:
            end = time.thread_time() + 2 * LONG_TURN
            while time.thread_time() < end:
                pass
            left[0] -= 1
            (loop.call_soon(work) if left[0] else done.set())

        loop.call_soon(work)
        await done.wait()
        assert loop.pace < EVENTS_AT_ONCE

    with_loop(act)
