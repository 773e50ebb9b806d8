"""Messages for all who listen, made once a second."""

from contextlib import aclosing

import pytest
import trio
from trio.testing import MockClock

from ingress.web.live import Beat, event


async def test_one_message_a_second_is_made_for_all(autojump_clock: MockClock) -> None:
    beat = Beat(lambda: str(trio.current_time() // 1).encode())
    heard: list[list[bytes]] = [[], [], []]

    async def listen(mine: list[bytes], begin: float, count: int) -> None:
        await trio.sleep(begin)
        async with aclosing(beat.listen()) as messages:
            async for message in messages:
                mine.append(message)
                if len(mine) == count:
                    return

    async with trio.open_nursery() as nursery:
        for mine, begin, count in zip(heard, (0.0, 0.5, 1.2), (4, 4, 2), strict=True):
            nursery.start_soon(listen, mine, begin, count)
    assert heard[0] == heard[1] and len(set(heard[0])) == 4
    assert heard[2] == heard[0][1:3]
    assert (beat.made, beat.listeners) == (4, 0)


async def test_a_change_is_told_at_once(autojump_clock: MockClock) -> None:
    state, at = "up", list[float]()
    beat = Beat(lambda: b"it is " + state.encode(), lambda: state)
    began = trio.current_time() // 1 + 1
    await trio.sleep(began - trio.current_time())

    async def change() -> None:
        nonlocal state
        await trio.sleep(0.3)
        state = "down"

    async with trio.open_nursery() as nursery, aclosing(beat.listen()) as messages:
        nursery.start_soon(change)
        heard = []
        async for message in messages:
            heard.append(message)
            at.append(trio.current_time() - began)
            if len(heard) == 3:
                break
    assert heard == [b"it is up", b"it is down", b"it is down"]
    assert at == pytest.approx([0.0, 0.5, 1.0], abs=0.05)


async def test_nothing_is_made_while_nobody_listens(autojump_clock: MockClock) -> None:
    beat = Beat(lambda: b"x")
    await trio.sleep(100)
    assert beat.made == 0


async def test_what_cannot_be_made_is_the_listeners_alone(autojump_clock: MockClock) -> None:
    def fail() -> bytes:
        raise RuntimeError("no")

    beat = Beat(fail)
    with pytest.raises(RuntimeError):
        await anext(beat.listen())
    assert beat.listeners == 0


def test_the_form_of_an_event() -> None:
    assert event("network", b"{}") == b"event: network\ndata: {}\n\n"
