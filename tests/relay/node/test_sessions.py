"""The end of carriers, asked by a session played by hand: targets, causes, who may resume, what is let go of."""

import os
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from bench.hostile.peers import words
from bench.hostile.peers.ingress import StolenIngress
from relay.carrier.link import Link
from relay.carrier.setup import send_message
from relay.engine import Tcp
from relay.engine.secured import Secured
from relay.model.cause import Cause
from relay.model.network import Address
from relay.node import sessions as module
from relay.node.sessions import RefusedError
from relay.wire import bodies
from relay.wire.codes import Purpose, Reason
from relay.wire.frames import Kind
from relay.wire.setup import Message, Parsed, Refused
from tests.relay.node.caller import Caller, asked, hello, secured
from tests.world import INGRESS, NAME, Journal, World, is_reset, read, until

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


async def test_a_target_that_lasts_is_asked_whether_it_lives(world: World, caller: Caller, link: Link) -> None:
    sessions = world.nodes["us"].sessions
    caller.open(link)
    await world.target.accept()
    (tcp,) = [one for one in sessions._loop.endpoints() if isinstance(one, Tcp)]
    await until(lambda: tcp.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
    assert not sessions._dials._young


async def test_a_target_that_does_not_last_is_not_looked_at(
    world: World, caller: Caller, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = world.nodes["us"].sessions
    monkeypatch.setattr("relay.node.dials.LOOK", 600.0)
    stream, sink = caller.open(link)
    stream.finish()
    await (await world.target.accept()).aclose()
    await until(lambda: sink.fins and sessions.streams == 0)
    assert not sessions._dials._young


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
    assert sessions.accounts.statistics().used == 0
    assert sessions._dials._dialling == {}


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
    for attribute, owner in (("_most_streams", sessions), ("limit", sessions.accounts.of("shanghai"))):
        with monkeypatch.context() as patch:
            patch.setattr(owner, attribute, 0)
            _, sink = caller.open(link)
            await until(lambda sink=sink: sink.cause is Cause.LIMIT)
            old.write(b"still here")
            assert await read(target, 10) == b"still here"


async def test_c5_the_oldest_session_without_a_carrier_makes_room(
    world: World, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SESSIONS", 2)
    first, second, third = (Caller(world, "us") for _ in range(3))
    for one in (first, second, third):
        nursery.start_soon(one.loop.run)
    sessions = world.nodes["us"].sessions
    link, _ = await first.carrier(), await second.carrier()
    full = Refused(Reason.LIMIT, "shanghai has 2 sessions here already")
    assert await answered(world, token=third.session.token) == full
    link.close("the test's wish")
    await until(lambda: sessions.carriers == 1)
    await third.carrier()
    assert (sessions.count, sessions.statistics().evicted) == (2, 1)
    gone = await answered(world, token=first.session.token, resume=True)
    assert isinstance(gone, Refused) and gone.reason is Reason.UNKNOWN_SESSION
    await second.carrier(resume=True)
    nursery.cancel_scope.cancel()


async def test_c5_one_ingress_has_so_many_carriers_and_so_many_under_way(
    world: World, caller: Caller, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, most, why in (
        ("relay.node.sessions.MOST_CARRIERS", 1, "shanghai has 1 carriers here already"),
        ("relay.node.node.MOST_SETUPS", 0, "shanghai has 0 carriers under way at us"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, most)
            assert await answered(world, token=caller.session.token) == Refused(Reason.LIMIT, why)
    await caller.carrier()
    assert world.nodes["us"].refusals[Reason.LIMIT] == 2
    assert not +world.nodes["us"]._set_ups


async def answered(world: World, **others: object) -> Parsed:
    """What "us" says to a HELLO."""
    async with secured(world, "us") as tls:
        return await asked(tls, hello(world, **others))


async def test_c5_streams_of_all_sessions_are_counted_together(
    world: World, caller: Caller, link: Link, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = world.nodes["us"].sessions
    monkeypatch.setattr(sessions, "_most_streams", 1)
    other = Caller(world, "us")
    nursery.start_soon(other.loop.run)
    caller.open(link)
    await world.target.accept()
    _, sink = other.open(await other.carrier())
    await until(lambda: sink.cause is Cause.LIMIT)
    assert (sessions.streams, sessions.statistics().refused) == (1, 1)
    nursery.cancel_scope.cancel()


async def test_c5_one_ingress_leaves_room_to_another_that_has_a_session(
    world: World, caller: Caller, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = world.nodes["us"].sessions
    monkeypatch.setattr(sessions, "_most_streams", 4)
    assert sessions._has_room("shanghai")
    sessions.session_for(hello(world, b"o" * 16), "beijing")
    for _ in range(3):
        caller.open(link)
        await world.target.accept()
    _, sink = caller.open(link)
    await until(lambda: sink.cause is Cause.LIMIT)
    assert sessions._has_room("beijing") and not sessions._has_room("shanghai")


async def test_c5_a_carrier_that_asks_and_does_not_read_is_closed_and_counted(
    world: World, caller: Caller, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By somebody who has the ingress's key, and nothing of our manners."""
    monkeypatch.setattr(module, "SILENCE", 2.0)
    thief = StolenIngress(world.keys, INGRESS, ("127.0.0.1", world.ports["us"]))
    sessions = world.nodes["us"].sessions

    def flood() -> None:
        with thief.carrier() as carrier:
            assert not carrier.flood(words.pieces(words.pings(4_000_000)))

    await trio.to_thread.run_sync(flood)
    await journal.until("carrier-lost", "us", why="read nothing of its answers for 2 s")
    assert sessions.statistics().unread == 1


async def test_c2_a_carrier_with_bytes_too_far_apart_is_closed_and_counted(
    world: World, caller: Caller, link: Link, journal: Journal
) -> None:
    """A stream that is on its way beside it hears nothing of it."""
    stream, sink = caller.open(link)
    target = await world.target.accept()
    thief = StolenIngress(world.keys, INGRESS, ("127.0.0.1", world.ports["us"]))

    def scatter() -> bool:
        with thief.carrier() as carrier:
            opening = bodies.open_stream(1, 1, NAME, world.target.port)
            carrier.say(opening, *words.pieces(words.scattered(1, 10_000)))
            return carrier.is_closed()

    assert await trio.to_thread.run_sync(scatter)
    await journal.until("carrier-lost", "us", why="protocol error: 81 ranges of bytes apart from each other")
    assert world.nodes["us"].sessions.statistics().broken == 1
    stream.write(b"still here")
    assert await read(target, 10) == b"still here"
    await target.send_all(b"and back")
    await until(lambda: sink.data == b"and back")


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
    await until(lambda: sessions.streams == 0 and not sessions._dials._dialling)
    assert sessions.accounts.statistics().used == caller.memory.used == 0
    await until(lambda: world.nodes["us"]._loop.statistics().endpoints == timers)
    await until(lambda: world.target.close_accepted() and len(os.listdir("/proc/self/fd")) <= before)
