"""When a target's first byte came, as an exit tells it: real targets, a session played by hand."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.carrier.link import Link
from relay.node.first_exchange import MOST_SAID
from relay.wire.codes import Feature
from tests.relay.node.caller import Caller
from tests.world import World, read, until

LATE = 0.06
"""Seconds that a target takes."""


class Asking(Caller):
    """A caller that keeps what was told."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "us")
        self.told: dict[int, float] = {}
        self.session.go_by(Feature.START_WINDOWS)
        self.session.on_first_byte = lambda stream, took: self.told.setdefault(stream.id, took)

    async def wait(self) -> None:
        """The target takes its time."""
        since = self.loop.now
        await until(lambda: self.loop.now - since >= LATE)


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    return await make_world().start("us")


@pytest.fixture
async def caller(world: World, nursery: trio.Nursery) -> AsyncIterator[Asking]:
    made = Asking(world)
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
async def link(caller: Asking) -> Link:
    return await caller.carrier()


@pytest.mark.parametrize("early", [True, False])
async def test_it_counts_from_what_the_client_said_last_before_the_target_spoke(
    world: World, caller: Asking, link: Link, early: bool
) -> None:
    began = caller.loop.now
    stream, sink = caller.open(link, asks=True)
    if early:
        stream.write(b"hello")
    target = await world.target.accept()
    await until(lambda: sink.took is not None)
    if not early:
        await caller.wait()  # the client's time is not the target's
        stream.write(b"hel")
        await until(lambda: stream.sender.acked == 3)
        stream.write(b"lo")
    said = caller.loop.now
    await read(target, 5)
    await caller.wait()
    await target.send_all(b"welcome")
    await until(lambda: sink.data == b"welcome")
    assert LATE / 2 < caller.told[stream.id] <= caller.loop.now - (began if early else said)
    stream.write(b"more")
    await read(target, 4)
    await target.send_all(b"!")
    await until(lambda: sink.data == b"welcome!")
    assert len(caller.told) == 1  # of the first exchange alone


async def test_one_who_speaks_first_an_upload_and_a_stream_that_does_not_ask_tell_nothing(
    world: World, caller: Asking, link: Link
) -> None:
    for asks, words, answers in ((True, b"", b"220 mail"), (True, bytes(MOST_SAID + 1), b"201"), (False, b"x", b"y")):
        stream, sink = caller.open(link, asks=asks)
        stream.write(words)
        target = await world.target.accept()
        await read(target, len(words))
        await target.send_all(answers)
        await until(lambda sink=sink, answers=answers: sink.data == answers)
        stream.write(b"on")
        await read(target, 2)
    assert caller.told == {}
