"""A wish that ends by its own time is told once, also one from before a restart."""

import time

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ingress.choice.wishes import Wish, Wishes
from ingress.serve.wish_ends import WishEnds
from relay.callbacks import ignore
from relay.engine import Loop


async def test_the_ends_of_wishes_are_told(
    nursery: trio.Nursery, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, wishes, told = Loop(), Wishes(), list[float]()
    monkeypatch.setattr(time, "time", lambda: 1.8e9 + trio.current_time())
    ends = WishEnds(loop, wishes, lambda: told.append(trio.current_time()))
    nursery.start_soon(loop.run)
    ends.look()
    ends.recall([Wish("us", until=1.8e9 + 60.0), Wish("eu", "ann", 1.8e9 + 90.0), Wish("ix", "bob")])

    async def pass_to(moment: float) -> None:
        while trio.current_time() < moment:
            mock_clock.jump(5.0)
            loop.call_soon(ignore)  # it looks at its timers
            await wait_all_tasks_blocked()

    await pass_to(55.0)
    assert told == []
    await pass_to(65.0)
    assert told == [60.0]
    wishes.drop(None)
    ends.look()
    await pass_to(100.0)
    assert told == [60.0]
    nursery.cancel_scope.cancel()
