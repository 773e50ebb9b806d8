"""The end of carriers, asked by a session played by hand: targets, causes, who may resume, what is let go of."""

import os
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.carrier.link import Link
from relay.carrier.setup import send_message
from relay.engine.secured import Secured
from relay.model.cause import Cause
from relay.model.network import Address
from relay.node.sessions import RefusedError
from relay.wire import bodies
from relay.wire.codes import Purpose
from relay.wire.frames import Kind
from relay.wire.setup import Message, Refused
from tests.relay.node.caller import Caller, asked, hello, secured
from tests.world import Journal, World, is_reset, read, until

RELAY_ONLY = (("ix", "shanghai", "jp"),)


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    return await make_world().start("us")


@pytest.fixture
async def caller(world: World, nursery: trio.Nursery) -> AsyncIterator[Caller]:
    made = Caller(world, "us")
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
async def link(caller: Caller) -> Link:
    return await caller.carrier()


async def test_a_stream_from_open_to_both_ends(world: World, caller: Caller, link: Link) -> None:
    stream, sink = caller.open(link)
    stream.write(b"early")
    target = await world.target.accept()
    assert await read(target, 5) == b"early"
    await until(lambda: sink.took is not None)
    stream.finish()
    assert await target.receive_some() == b""
    await target.send_all(b"answer")
    await target.send_eof()
    await until(lambda: sink.fins)
    assert sink.data == b"answer"
    await until(lambda: world.nodes["us"].sessions.streams == 0)


async def test_causes_travel_and_nothing_is_kept(world: World, caller: Caller, link: Link, nobody: Address) -> None:
    for host, port, cause in [
        ("127.0.0.1", nobody.port, Cause.REFUSED),
        ("127.0.0.1", world.ports["us"], Cause.POLICY),  # our own node
        ("127.0.0.1", world.wires["direct"].address, Cause.POLICY),  # a line that leads to it
        ("169.254.169.254", 80, Cause.POLICY),
        ("bad..name", 80, Cause.NAME_NOT_FOUND),
    ]:
        stream, sink = caller.open(link, host=host, port=port)
        stream.write(b"x" * 1000)
        await until(lambda sink=sink: sink.cause is not None)
        assert sink.cause is cause, host
    sessions = world.nodes["us"].sessions
    await until(lambda: sessions.streams == 0)
    assert sessions._memory.used == 0
    assert sessions._dialling == {}


async def test_a_client_that_leaves_cancels_the_dial(
    world: World, caller: Caller, link: Link, black_hole: Address
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    stream, _ = caller.open(link, host="127.0.0.1", port=black_hole.port)
    await until(lambda: len(os.listdir("/proc/self/fd")) == before + 1)
    stream.reset(Cause.CLIENT_RESET)
    await until(lambda: len(os.listdir("/proc/self/fd")) == before)
    await until(lambda: world.nodes["us"].sessions.streams == 0)


async def test_the_same_open_twice_dials_once(world: World, caller: Caller, link: Link) -> None:
    second = await caller.carrier()
    stream, sink = caller.open(link, second)
    await until(lambda: sink.took is not None)
    caller.session.attach([stream], (second.end,), caller.loop.now, planned=False)
    stream.write(b"once")
    assert await read(await world.target.accept(), 4) == b"once"
    assert world.target.dialled == 1


async def test_limits_refuse_new_streams_and_leave_old_ones_alone(
    world: World, caller: Caller, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = caller.open(link)
    target = await world.target.accept()
    sessions = world.nodes["us"].sessions
    for attribute, owner in (
        ("most_streams", next(iter(sessions._held.values())).session),
        ("limit", sessions._memory),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, attribute, 0)
            _, sink = caller.open(link)
            await until(lambda sink=sink: sink.cause is Cause.LIMIT)
            old.write(b"still here")
            assert await read(target, 10) == b"still here"


async def test_a_relay_opens_nothing(make_world: Callable[..., World], nursery: trio.Nursery) -> None:
    world = await make_world(RELAY_ONLY).start("jp")
    caller = Caller(world, "jp")
    nursery.start_soon(caller.loop.run)
    link = await caller.carrier(Purpose.PREFIX)
    _, sink = caller.open(link)
    await until(lambda: sink.cause is Cause.POLICY)
    link.end.send(bodies.time_target(7, "example.com", 443))
    assert bodies.parse_timed(await caller.hears(Kind.TIMED)) == (7, 0.0, int(Cause.POLICY))
    nursery.cancel_scope.cancel()


async def test_a_connect_is_timed(world: World, caller: Caller, link: Link) -> None:
    link.end.send(bodies.time_target(1, "127.0.0.1", world.target.port))
    number, took, cause = bodies.parse_timed(await caller.hears(Kind.TIMED))
    assert (number, cause) == (1, 0)
    assert took < 1


async def test_a_lost_carrier_costs_nothing(world: World, caller: Caller, link: Link, journal: Journal) -> None:
    stream, sink = caller.open(link)
    target = await world.target.accept()
    await until(lambda: sink.took is not None)
    link.close("the test's wish")
    await target.send_all(b"meanwhile")
    await journal.until("carrier-lost", "us", streams_detached=1)
    second = await caller.carrier(resume=True)
    caller.session.attach([stream], (second.end,), caller.loop.now, planned=False)
    await until(lambda: sink.data == b"meanwhile")
    assert caller.lost == ["the test's wish"]


async def test_a_silent_carrier_is_closed(
    world: World, caller: Caller, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.node.sessions.SILENCE", 0.2)
    await caller.carrier()
    lost = await journal.until("carrier-lost", "us")
    assert lost["why"] == "silent for 0.2 s"
    await until(lambda: caller.lost == ["closed by the peer"])


async def test_an_expired_session_resets_its_targets_and_is_unknown(
    world: World, caller: Caller, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.open(link)
    target = await world.target.accept()
    monkeypatch.setattr("relay.session.session.EXPIRY", 0.2)
    link.close("the test's wish")
    assert await is_reset(target)
    await until(lambda: world.nodes["us"].sessions.count == 0)
    async with secured(world, "us") as tls:
        answer = await asked(tls, hello(world, caller.session.token, resume=True))
        assert isinstance(answer, Refused)


async def test_a_session_that_ends_while_its_carrier_is_set_up(world: World, caller: Caller, link: Link) -> None:
    sessions = world.nodes["us"].sessions
    session = next(iter(sessions._held.values())).session
    sessions.expel(())
    with pytest.raises(RefusedError, match="has ended meanwhile"):
        sessions.adopt(None, session, Purpose.THIN)  # type: ignore[arg-type]
    assert (sessions.count, sessions.carriers) == (0, 0)


async def test_a_drain_says_goaway_and_ends_streams_honestly(world: World, caller: Caller, link: Link) -> None:
    node = world.nodes["us"]
    _, old = caller.open(link)
    target = await world.target.accept()
    node.drain()
    await caller.hears(Kind.GOAWAY)
    _, late = caller.open(link)
    await until(lambda: late.cause is Cause.DRAINING)
    node.sessions.end_streams(Cause.DRAINING)
    await until(lambda: old.cause is Cause.DRAINING)
    assert await is_reset(target)
    assert world.target.dialled == 1


async def test_a_carrier_let_in_while_the_drain_begins_hears_of_it(
    world: World, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def then_drain(tls: Secured, message: Message) -> None:
        await send_message(tls, message)
        world.nodes["us"].drain()

    monkeypatch.setattr("relay.node.node.send_message", then_drain)
    await caller.carrier()
    await caller.hears(Kind.GOAWAY)


async def test_a_carrier_that_talks_nonsense_is_closed_and_its_streams_live(
    world: World, caller: Caller, link: Link, journal: Journal
) -> None:
    other = await caller.carrier()
    stream, sink = caller.open(other)
    target = await world.target.accept()
    link.end.send(b"\x7f\0\0\0")
    lost = await journal.until("carrier-lost", "us")
    assert lost["why"] == "protocol error: unknown frame kind 127"
    stream.write(b"alive")
    assert await read(target, 5) == b"alive"
    assert sink.cause is None


async def test_a_thousand_connects_and_aborts_leave_nothing(world: World, caller: Caller, link: Link) -> None:
    before, timers = len(os.listdir("/proc/self/fd")), world.nodes["us"]._loop.statistics().endpoints
    for _ in range(10):
        sinks = [caller.open(link) for _ in range(100)]
        for index, (stream, _) in enumerate(sinks):
            stream.write(b"x")
            if index % 2:
                stream.reset(Cause.CLIENT_RESET)
        await until(lambda sinks=sinks: all(sink.took is not None for stream, sink in sinks if not stream.is_over))
        for stream, _ in sinks:
            stream.reset(Cause.CLIENT_RESET)
    sessions = world.nodes["us"].sessions
    await until(lambda: sessions.streams == 0 and not sessions._dialling)
    assert sessions._memory.used == caller.memory.used == 0
    await until(lambda: world.nodes["us"]._loop.statistics().endpoints == timers)
    await until(lambda: world.target.close_accepted() and len(os.listdir("/proc/self/fd")) <= before)
