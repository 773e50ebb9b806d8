"""Streams that lose their carriers, in whole networks: none is lost, none hangs, each knows how long it stood still."""

import os
from collections.abc import Callable

import pytest
import trio

from ingress.paths.live import LivePath
from relay.session.carrier import CarrierEnd
from tests.world import INGRESS, NAME, PATIENCE, TWO_PATHS, Journal, World, abort, is_reset, read, read_all, until

Make = Callable[..., World]
REDUNDANT = f'[[rule]]\nhost = "{NAME}"\nredundant = true\n'


def ridden(world: World) -> dict[str, int]:
    """Streams by path, where there are any."""
    return {name: live.streams for name, live in world.running.fleet.live.items() if live.streams}


def resumes(world: World) -> int:
    return sum(live.counters.resumes for live in world.running.fleet.live.values())


def longest_pause(world: World) -> float:
    return max(live.counters.longest_pause for live in world.running.fleet.live.values())


async def test_streams_go_on_over_another_path(make_world: Make, journal: Journal) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    pairs = [await world.pair() for _ in range(20)]
    path = next(iter(ridden(world)))
    world.wires[path.partition("/")[0]].cut()
    for client, target in pairs:
        await client.send_all(b"there")
        await target.send_all(b"and back")
    for client, target in pairs:
        assert await read(target, 5) == b"there"
        assert await read(client, 8) == b"and back"
    await journal.until("streams-rescued", INGRESS)
    assert resumes(world) >= 1
    assert 0 < longest_pause(world) < PATIENCE
    assert world.running.fleet.moving.detached == 0


async def test_a_silent_path_is_left_and_the_pause_is_told_from_its_last_byte(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    client, target = await world.pair()
    path = next(iter(ridden(world)))
    world.wires[path.partition("/")[0]].hold()
    await client.send_all(b"into the dark")
    assert await read(target, 13) == b"into the dark"
    await until(lambda: resumes(world) == 1)
    assert longest_pause(world) >= 0.4


async def test_streams_wait_while_there_is_no_path_at_all(make_world: Make) -> None:
    world = await make_world().start()
    await world.up()
    client, target = await world.pair()
    wire = world.wires["direct"]
    wire.hold()
    wire.cut()
    await client.send_all(b"waits")
    await until(lambda: world.running.fleet.moving.detached)
    wire.release()
    assert await read(target, 5) == b"waits"


async def test_what_a_client_left_behind_still_arrives(make_world: Make) -> None:
    """Its socket is over, both ways and cleanly; its bytes are ours now, and outlive the carrier."""
    world = await make_world().start()
    await world.up()
    client, target = await world.pair()
    await target.send_eof()
    assert await read_all(client) == b""
    wire = world.wires["direct"]
    wire.hold()
    body = os.urandom(100_000)
    await client.send_all(body)
    await client.send_eof()
    await until(lambda: world.running.entrance.clients == 0)
    wire.cut()
    await until(lambda: world.running.fleet.moving.detached)
    wire.release()
    assert await read_all(target) == body
    await until(lambda: world.running.fleet.stream_count == 0)
    await until(lambda: not world.running.fleet.moving.pauses)


async def test_who_ended_while_detached_is_forgotten(make_world: Make) -> None:
    world = await make_world().start()
    await world.up()
    client, target = await world.pair()
    world.wires["direct"].hold()
    world.wires["direct"].cut()
    await until(lambda: world.running.fleet.moving.detached)
    abort(client)
    await until(lambda: not world.running.fleet.moving.detached and not world.running.fleet.moving.pauses)
    world.wires["direct"].release()
    assert await is_reset(target)


async def test_both_ends_are_told_when_it_takes_too_long(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await make_world().start()
    await world.up()
    client, target = await world.pair()
    monkeypatch.setattr("relay.session.session.EXPIRY", 0.3)
    world.wires["direct"].hold()
    world.wires["direct"].cut()
    assert await is_reset(client)
    assert await is_reset(target)
    world.wires["direct"].release()
    await world.pair()


# ---- redundant streams


async def test_a_redundant_stream_rides_on_two_paths_and_finds_another_partner(make_world: Make) -> None:
    world = await make_world(TWO_PATHS, extra=REDUNDANT).start()
    await world.up()
    client, target = await world.pair()
    assert ridden(world) == {"direct": 1, "ix/pacific": 1}
    world.wires["ix"].cut()
    for number in range(100):
        await client.send_all(b"%04d" % number)
        assert await read(target, 4) == b"%04d" % number
        await target.send_all(b"%04d" % number)
        assert await read(client, 4) == b"%04d" % number
    await until(lambda: ridden(world) == {"direct": 1, "ix/pacific": 1})
    world.wires["direct"].cut()
    await client.send_all(b"and the other")
    assert await read(target, 13) == b"and the other"
    assert world.target.dialled == 1
    await client.aclose()
    await target.aclose()
    await until(lambda: not world.running.fleet.moving.pairs)


async def test_without_a_second_path_it_goes_single_and_pairs_later(make_world: Make) -> None:
    world = await make_world(TWO_PATHS, extra=REDUNDANT).start("us", INGRESS)
    await world.up("direct")
    client, target = await world.pair()
    assert ridden(world) == {"direct": 1}
    await world.start("jp")
    await until(lambda: ridden(world) == {"direct": 1, "ix/pacific": 1})
    world.wires["direct"].hold()
    await client.send_all(b"no pause")
    with trio.fail_after(0.35):  # sooner than a stall is noticed
        assert await read(target, 8) == b"no pause"


# ---- drains


async def test_a_draining_relay_is_left_without_a_pause(make_world: Make, journal: Journal) -> None:
    world = await make_world((("ix", INGRESS, "jp"), ("pacific", "jp", "us"), *TWO_PATHS[:1])).start()
    await world.up()
    client, target = await world.pair()
    live = world.running.fleet.live
    if ridden(world) != {"ix/pacific": 1}:
        session = live["direct"].peer.session
        session.attach(list(session.streams.values()), (_thin(live["ix/pacific"]),), 0.0, planned=True)
    world.signal("jp", 15)
    await world.ended("jp")
    await journal.until("node-draining", INGRESS, node="jp")
    await client.send_all(b"elsewhere")
    assert await read(target, 9) == b"elsewhere"
    assert ridden(world) == {"direct": 1}
    assert resumes(world) == 0
    await world.start("jp")
    await world.up()
    await until(lambda: not world.running.fleet.traffic["ix/pacific"].leaving)


def _thin(live: LivePath) -> CarrierEnd:
    assert live.thin is not None
    return live.thin.end


async def test_a_draining_exit_is_not_chosen_and_ends_its_streams_honestly(make_world: Make) -> None:
    world = make_world((("direct", INGRESS, "us"), ("other", INGRESS, "eu")))
    world.write(world.text().replace("exit = true", 'exit = true\nlimits = { drain = "300ms" }'))
    await world.start()
    await world.up()
    client, _ = await world.pair()
    name, other = ("us", "eu") if world.nodes["us"].sessions.streams else ("eu", "us")
    world.signal(name, 15)
    await until(lambda: world.running.fleet.peers[name].is_draining)
    await world.pair()
    assert world.nodes[other].sessions.streams == 1
    assert await is_reset(client)
    await world.ended(name)


async def test_a_redundant_stream_has_two_legs_at_the_one_exit_that_may_dial_its_target(make_world: Make) -> None:
    lines = (("other", INGRESS, "eu"), *TWO_PATHS)
    rule = '[[rule]]\ncidr = "127.0.0.0/8"\nredundant = true\n'
    world = make_world(lines, extra=rule)
    before, node, after = world.text().partition("[node.eu]")
    allow = 'allow = [{ cidr = "127.0.0.0/8", reason = "the tests\' targets" }]\n'
    world.write(before + node + after.replace(allow, "", 1))
    await world.start()
    await world.up()
    client = await world.connect("127.0.0.1")
    await world.target.accept()
    assert ridden(world) == {"direct": 1, "ix/pacific": 1}
    await client.aclose()
