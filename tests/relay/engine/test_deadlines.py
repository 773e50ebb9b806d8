"""A queue of equal deadlines."""

from collections.abc import Callable

import pytest
import trio

from relay.engine import Deadlines, Loop


async def test_items_expire_in_order_unless_done(loop: Loop, notes: Callable) -> None:
    expired: list[str] = []
    reader = notes()

    def on_expired(item: str) -> None:
        expired.append(item)
        reader.note()

    deadlines = Deadlines(loop, 0.02, on_expired)
    start = trio.current_time()
    handles = {item: deadlines.add(item) for item in "abcd"}
    handles["a"].done()
    handles["c"].done()
    assert len(deadlines) == 3
    assert loop.statistics().timers == 1
    await reader.until(lambda: len(expired) == 2)
    assert expired == ["b", "d"]
    assert trio.current_time() - start >= 0.02
    assert len(deadlines) == 0
    handles["b"].done()  # too late, and harmless
    deadlines.add("e")
    await reader.until(lambda: expired[-1] == "e")


async def test_what_is_done_is_forgotten(loop: Loop) -> None:
    deadlines = Deadlines(loop, 60.0, pytest.fail)
    for number in range(1000):
        deadlines.add(str(number)).done()
    assert len(deadlines) == 0
    assert "0 waiting" in repr(deadlines)


async def test_one_that_raises_does_not_spare_the_next(loop: Loop, notes: Callable, events: list) -> None:
    expired: list[str] = []
    reader = notes()

    def on_expired(item: str) -> None:
        expired.append(item)
        reader.note()
        if item == "a":
            raise ValueError(item)

    deadlines = Deadlines(loop, 0.01, on_expired)
    deadlines.add("a")
    deadlines.add("b")
    await reader.until(lambda: expired == ["a", "b"])
    assert [name for name, _ in events] == ["handler-failed"]
