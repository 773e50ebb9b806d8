"""The loop: order within a turn, waking, isolation of what fails, and the end."""

import os
import socket
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.engine import HandlerFailed, Loop, Tcp
from relay.engine.endpoint import FLUSH
from relay.engine.loop import EVENTS_AT_ONCE, FEWEST_AT_ONCE, READ_BUDGET


class Probe:
    """An endpoint that writes down how it is served."""

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self.queued = False
        self.served: list[int] = []
        self.error: OSError | None = None
        self.react: Callable[[int], None] = lambda events: None
        self.told = told

    def serve(self, events: int) -> None:
        self.served.append(events)
        self.react(events)
        self.told()

    def fail(self, error: OSError) -> None:
        self.error = error
        self.told()

    def close(self) -> None:
        self.told()


async def test_calls_are_made_in_order_and_never_at_once(loop: Loop, notes: Callable) -> None:
    called: list[str] = []
    reader = notes()

    def call(name: str) -> Callable[[], None]:
        return lambda: (called.append(name), reader.note())

    loop.call_at(loop.now + 0.02, call("later"))
    loop.call_at(loop.now - 1.0, call("overdue"))
    loop.call_soon(lambda: (call("first")(), loop.call_soon(call("added"))))
    loop.call_soon(call("second"))
    assert called == []
    await reader.until(lambda: "later" in called)
    assert called == ["overdue", "first", "second", "added", "later"]


async def test_a_timer_is_not_early_and_an_earlier_one_wakes_the_parked_loop(loop: Loop, notes: Callable) -> None:
    times: list[float] = []
    reader = notes()
    start = loop.now
    for delay in (0.05, 0.01, 0.03):
        loop.call_at(start + delay, lambda delay=delay: (times.append(loop.now - start - delay), reader.note()))
    await reader.until(lambda: len(times) == 3)
    assert all(late >= 0 for late in times)


async def test_a_timer_that_was_cancelled_wakes_nobody(loop: Loop, notes: Callable) -> None:
    reader = notes()
    wakeups: list[int] = []

    def note() -> None:
        wakeups.append(loop.statistics().wakeups)

    timer = loop.call_at(loop.now + 0.03, note)
    await wait_all_tasks_blocked()  # the alarm is set for it
    loop.call_soon(lambda: (timer.cancel(), note()))
    loop.call_at(loop.now + 0.08, lambda: (note(), reader.note()))
    await reader.until(lambda: len(wakeups) == 2)
    assert wakeups[1] - wakeups[0] <= 1


async def test_now_stands_still_in_a_round_and_runs_outside(loop: Loop, notes: Callable) -> None:
    reader = notes()
    seen: list[float] = []
    loop.call_soon(lambda: (seen.extend([loop.now, loop.now]), reader.note()))
    await reader.until(lambda: bool(seen))
    assert seen[0] == seen[1]
    before = trio.current_time()
    assert before <= loop.now <= trio.current_time()


async def test_flushes_come_behind_the_calls_of_the_same_round(loop: Loop, notes: Callable) -> None:
    reader = notes()
    order: list[str] = []
    probe = Probe(reader.note)
    probe.react = lambda events: order.append("flush" if events == FLUSH else "again")
    loop.call_soon(lambda: (order.append("call"), loop.flush_soon(probe), loop.again(probe), loop.again(probe)))
    await reader.until(lambda: len(order) == 3)
    assert order == ["call", "flush", "again"]


async def test_turns_that_take_long_serve_fewer_until_they_are_short_again(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all of them have to send leaves at the end of a turn, and other trio tasks wait as long."""
    monkeypatch.setattr("relay.engine.loop.thread_time", trio.current_time)
    async with trio.open_nursery() as nursery:
        loop = Loop()
        nursery.start_soon(loop.run)
        await wait_all_tasks_blocked()
        costs = [0.001] * 200 + [0.0] * 400
        turns: list[int] = []

        def react(events: int) -> None:
            turns.append(loop.statistics().turns)
            mock_clock.jump(costs[len(turns) - 1])

        for _ in costs:
            probe = Probe()
            probe.react = react
            loop.again(probe)
        await wait_all_tasks_blocked()
        served = [turns.count(turn) for turn in sorted(set(turns))]
        slow = served[: len(set(turns[:200]))]
        assert slow[:5] == [EVENTS_AT_ONCE, EVENTS_AT_ONCE, 32, 16, FEWEST_AT_ONCE]  # one is long before it is timed
        assert max(slow[5:], default=0) <= FEWEST_AT_ONCE
        assert max(served[len(slow) :]) == EVENTS_AT_ONCE and sum(served) == 600
        nursery.cancel_scope.cancel()


async def test_turns_that_others_make_long_serve_as_many_as_ever(mock_clock: MockClock) -> None:
    """The processor was theirs: shorter turns would only cost everybody more of it."""
    async with trio.open_nursery() as nursery:
        loop = Loop()
        nursery.start_soon(loop.run)
        await wait_all_tasks_blocked()
        turns: list[int] = []

        def react(events: int) -> None:
            turns.append(loop.statistics().turns)
            mock_clock.jump(0.001)

        for _ in range(4 * EVENTS_AT_ONCE):
            probe = Probe()
            probe.react = react
            loop.again(probe)
        await wait_all_tasks_blocked()
        assert [turns.count(turn) for turn in sorted(set(turns))] == [EVENTS_AT_ONCE] * 4
        nursery.cancel_scope.cancel()


async def test_timers_that_are_due_together_are_called_in_several_turns(mock_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        loop = Loop()
        nursery.start_soon(loop.run)
        await wait_all_tasks_blocked()
        turns: list[int] = []
        for _ in range(150):
            loop.call_at(loop.now + 1.0, lambda: turns.append(loop.statistics().turns))
        mock_clock.jump(1.0)
        loop.call_soon(lambda: None)
        await wait_all_tasks_blocked()
        assert [turns.count(turn) for turn in sorted(set(turns))] == [EVENTS_AT_ONCE, EVENTS_AT_ONCE, 22]
        nursery.cancel_scope.cancel()


async def test_an_event_of_a_closed_descriptor_does_not_reach_its_successor(loop: Loop, sockets, notes) -> None:
    reader = notes()
    first, second = Probe(reader.note), Probe(reader.note)
    pairs = [sockets.pair(), sockets.pair()]
    successor = Probe()

    def replace(events: int) -> None:
        """Served first of two in one turn: close the other's descriptor and register another with its number."""
        other = 1 if first.served else 0
        new = sockets.pair()[0]
        number = pairs[other][0].detach()
        os.dup2(new.fileno(), number)  # closes what it was
        reused = sockets.keep(socket.socket(fileno=number))
        loop.register(reused, successor, 0x80000001)  # edge-triggered, readable: which it is not
        for probe in (first, second):
            probe.react = lambda events: None
        reader.note()

    loop.register(pairs[0][0], first)
    loop.register(pairs[1][0], second)
    await reader.until(lambda: bool(first.served and second.served))
    first.served.clear()
    second.served.clear()
    first.react = second.react = replace
    for pair in pairs:
        pair[1].send(b"x")
    await reader.until(lambda: bool(first.served and second.served))
    assert successor.served == []


async def test_an_owner_that_raises_loses_its_endpoint_only(loop: Loop, sockets, owner, events: list) -> None:
    bad, good = owner(), owner()
    (bad_sock, bad_peer), (good_sock, good_peer) = sockets.pair(), sockets.pair()

    def explode(call: str) -> None:
        raise ValueError(call)

    bad.react = explode
    Tcp(loop, bad_sock, bad)
    Tcp(loop, good_sock, good)
    bad_peer.send(b"x")
    good_peer.send(b"y")
    await good.until(lambda: good.data == b"y")
    await bad.until(lambda: "closed" in bad.calls)
    assert isinstance(bad.error, HandlerFailed)
    assert isinstance(bad.error.__cause__, ValueError)
    assert [name for name, _ in events] == ["handler-failed"] * 2  # on_bytes, and then on_closed
    assert "conftest.py" in events[0][1]["where"]
    with trio.fail_after(5), pytest.raises(ConnectionResetError):
        await trio.lowlevel.wait_readable(bad_peer)
        bad_peer.recv(1)
    assert loop.statistics().failures == 2


async def test_calls_that_raise_are_logged_and_do_not_stop_the_others(loop: Loop, notes, events: list) -> None:
    reader = notes()
    called: list[str] = []

    def explode() -> None:
        raise ValueError("mine")

    loop.call_at(loop.now, explode)
    loop.call_soon(explode)
    loop.call_at(loop.now, lambda: (called.append("timer"), reader.note()))
    loop.call_soon(lambda: (called.append("soon"), reader.note()))
    await reader.until(lambda: len(called) == 2)
    assert [name for name, _ in events] == ["handler-failed"] * 2


async def test_a_heavy_endpoint_leaves_turns_to_others_and_to_other_tasks(loop: Loop, sockets, owner) -> None:
    heavy, light = owner(), owner()
    (heavy_sock, heavy_peer), (light_sock, light_peer) = sockets.pair(4 << 20), sockets.pair()
    tcp = Tcp(loop, heavy_sock, heavy)
    Tcp(loop, light_sock, light)
    tcp.pause()
    size = 0
    with trio.fail_after(5):
        while size < 2 * READ_BUDGET:
            await trio.lowlevel.wait_writable(heavy_peer)
            size += heavy_peer.send(bytes(READ_BUDGET))
    light_peer.send(b"x")
    seen: list[int] = []
    light.react = lambda call: seen.append(len(heavy.data))
    tcp.resume()
    await heavy.until(lambda: len(heavy.data) == size)
    await light.until(lambda: bool(seen))
    assert seen[0] <= READ_BUDGET


async def test_lag_is_how_late_a_timer_was_called(loop: Loop, notes: Callable) -> None:
    reader = notes()
    called: list[bool] = []
    assert loop.lag < 0.1
    loop.call_at(loop.now - 0.3, lambda: (called.append(True), reader.note()))
    await reader.until(lambda: bool(called))
    assert 0.3 <= loop.lag < 5
    assert loop.statistics().lag >= 0.3


async def test_the_end_of_run_closes_endpoints_and_tells_nobody(sockets, owner) -> None:
    loop = Loop()
    mine = owner()
    sock, peer = sockets.pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(loop.run)
        tcp = Tcp(loop, sock, mine)
        assert "1 endpoints" in repr(loop)
        nursery.cancel_scope.cancel()
    assert tcp.closed
    assert mine.calls == []
    with pytest.raises(ConnectionResetError):  # nobody has finished
        peer.recv(1)
    assert "closed" in repr(loop)
    tcp.close()
    loop.close()


async def test_a_loop_that_never_ran_leaves_nothing_open() -> None:
    before = set(os.listdir("/proc/self/fd"))
    Loop().close()
    assert set(os.listdir("/proc/self/fd")) == before
