"""What all clients share: limits, waiting for a path, another exit, users; in whole networks in this process."""

from collections.abc import Callable

import pytest
import trio

from ingress.client import opener as opener_module
from ingress.users_file import add_user
from relay.model.network import Address
from relay.wire.codes import Feature
from tests.world import (
    INGRESS,
    NAME,
    TWO_EXITS,
    Journal,
    World,
    is_reset,
    read,
    read_all,
    reply,
    until,
)

Make = Callable[..., World]


async def http(world: World) -> bytes:
    """The answer to CONNECT."""
    client = await world.client()
    await client.send_all(f"CONNECT {NAME}:{world.target.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return await read_all(client)


# ---- limits


@pytest.mark.parametrize(("limit", "value"), [("streams", 1), ("memory", 0)])
async def test_a_limit_refuses_new_streams_and_leaves_old_ones_alone(make_world: Make, limit: str, value: int) -> None:
    world = await make_world(extra="[limits]\nstreams = 1\n" if limit == "streams" else "").start()
    client, target = await world.pair()
    if limit == "memory":  # an exit of the time when every stream started with as much
        world.running.memory.resize(value)
        for peer in world.running.fleet.peers.values():
            peer.session.go_by(Feature(0))
    assert await reply(await world.ask()) == 1
    assert (await http(world)).startswith(b"HTTP/1.1 503 ")
    await client.send_all(b"goes on")
    assert await read(target, 7) == b"goes on"
    await client.aclose()
    await target.aclose()
    world.running.memory.resize(1 << 28)
    await until(lambda: world.running.fleet.stream_count == 0)
    await world.pair()


# ---- no path


async def test_a_stream_waits_for_a_path(make_world: Make) -> None:
    world = await make_world().start(INGRESS)
    client = await world.ask()
    await until(lambda: world.running.opener.waiting)
    await world.start("us")
    assert await reply(client) == 0
    await world.target.accept()


async def test_a_stream_does_not_wait_for_ever(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opener_module.WAIT_FOR_PATH == 5.0
    monkeypatch.setattr(opener_module, "WAIT_FOR_PATH", 0.3)
    world = await make_world(answer="auto").start(INGRESS)
    client = await world.ask(NAME, 443)  # would be answered early, if there were a path
    answer = await http(world)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: " in answer
    assert await reply(client) == 3
    assert not world.running.opener.waiting


async def test_only_so_many_wait_and_who_leaves_is_forgotten(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener_module, "MOST_WAITING", 1)
    world = await make_world().start(INGRESS)
    first = await world.ask()
    await until(lambda: world.running.opener.waiting)
    second = await world.ask()
    assert await reply(second) == 3
    await second.aclose()
    await first.aclose()
    await until(lambda: not world.running.opener.waiting)
    await until(lambda: world.running.entrance.clients == 0)


async def test_what_no_exit_would_dial_is_refused_without_a_path(make_world: Make) -> None:
    world = await make_world(answer="auto").start(INGRESS)
    assert await reply(await world.ask("169.254.169.254", 80)) == 2
    assert await reply(await world.ask("127.0.0.1", world.ports[INGRESS])) == 2  # itself


# ---- another exit


async def exit_in_use(world: World) -> tuple[str, str]:
    """The exit that new streams go to, and the other one."""
    await world.up()
    await until(lambda: world.running.fleet.chooser.ranking.order)
    name = world.running.fleet.chooser.ranking.order[0].exit
    return name, ({"us", "eu"} - {name}).pop()


async def test_another_exit_takes_a_stream_of_which_nothing_has_travelled(
    make_world: Make, black_hole: Address
) -> None:
    world = await make_world(TWO_EXITS, is_wired=False).start()
    used, other = await exit_in_use(world)
    client = await world.ask("127.0.0.1", black_hole.port)
    await until(lambda: world.nodes[used].sessions.streams == 1)
    await world.kill(used)
    await until(lambda: world.nodes[other].sessions.streams == 1)
    await client.aclose()
    await until(lambda: world.nodes[other].sessions.streams == 0)


async def test_an_exit_that_dies_resets_what_has_travelled(make_world: Make) -> None:
    world = await make_world(TWO_EXITS, is_wired=False).start()
    used, other = await exit_in_use(world)
    client, target = await world.pair()
    await client.send_all(b"travelled")
    assert await read(target, 9) == b"travelled"
    await world.kill(used)
    assert await is_reset(client)
    await world.pair()
    assert world.nodes[other].sessions.streams == 1
    lost = {name: live.counters.lost for name, live in world.running.fleet.live.items() if live.counters.lost}
    assert list(lost.values()) == [{"exit-lost": 1}]


async def test_a_tunnel_told_early_goes_on_at_another_exit(make_world: Make) -> None:
    world = await make_world(TWO_EXITS, answer="auto").start()
    used, other = await exit_in_use(world)
    client, target = await world.pair()  # from now on the target counts as reached
    await client.aclose()
    await target.aclose()
    await until(lambda: world.running.fleet.stream_count == 0)
    used, other = await exit_in_use(world)
    for wire in world.wires.values():
        if wire.port == world.ports[used]:
            wire.hold()
    client = await world.connect()  # told early: OPEN has not arrived
    await world.kill(used)
    await world.start(used)  # it knows nothing of the session
    for wire in world.wires.values():
        if wire.port == world.ports[used]:
            wire.cut()
            wire.release()
    target = await world.target.accept()
    await client.send_all(b"as if nothing had been")
    assert await read(target, 22) == b"as if nothing had been"
    assert world.nodes[other].sessions.streams == 1
    assert world.target.dialled == 2
    assert all(not live.counters.lost for live in world.running.fleet.live.values())


async def test_without_another_exit_an_unanswered_stream_waits(make_world: Make, black_hole: Address) -> None:
    world = await make_world(is_wired=False).start()
    await world.up()
    client = await world.ask("127.0.0.1", black_hole.port)
    await until(lambda: world.nodes["us"].sessions.streams == 1)
    await world.kill("us")
    await until(lambda: world.running.opener.waiting)
    await world.start("us")
    await until(lambda: world.nodes["us"].sessions.streams == 1)
    await client.aclose()


# ---- users

USERS = 'users = "users.toml"\n'


async def login(world: World, user: str, password: str) -> trio.SocketStream:
    """A connection whose password is being judged."""
    client = await world.client()
    words = b"\x05\x01\x02\x01" + bytes([len(user)]) + user.encode() + bytes([len(password)]) + password.encode()
    await client.send_all(words)
    assert await read(client, 2) == b"\x05\x02"
    return client


@pytest.fixture
async def guarded(make_world: Make) -> World:
    world = make_world()
    add_user(world.folder / "users.toml", "alice", "secret")
    world.write(world.text().replace('answer = "true"\n', 'answer = "true"\n' + USERS))
    return await world.start()


async def test_a_password_is_asked_for_and_remembered(guarded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await read(await login(guarded, "alice", "secret"), 2) == b"\x01\x00"
    monkeypatch.setattr("ingress.users.Users.verify", lambda *_: 1 / 0)  # a hash is not made again
    client = await login(guarded, "alice", "secret")
    assert await read(client, 2) == b"\x01\x00"
    await client.send_all(b"\x05\x01\x00\x01\x7f\0\0\x01" + guarded.target.port.to_bytes(2, "big"))
    assert (await read(client, 10))[1] == 0


async def test_a_wrong_password_is_refused_and_guessing_is_slow(
    guarded: World, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bytes] = []
    monkeypatch.setattr("ingress.users.Users.verify", lambda _, user, password: tried.append(password))
    for number in range(8):
        client = await login(guarded, "alice", f"guess{number}")
        assert await read_all(client) == b"\x01\x01"
        await client.aclose()
    assert 5 <= len(tried) < 8
    assert (await journal.until("password-wrong", client="127.0.0.1"))["level"] == "warning"
    assert "guess" not in str(journal.entries)


async def test_without_a_password_nobody_enters(guarded: World) -> None:
    client = await guarded.ask()
    assert await read_all(client) == b"\x05\xff"
    client = await guarded.client()
    await client.send_all(b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert await read(client, 13) == b"HTTP/1.1 407 "


async def test_who_leaves_while_the_password_is_judged_is_forgotten(guarded: World) -> None:
    client = await login(guarded, "alice", "secret")
    await client.aclose()
    await until(lambda: guarded.running.entrance.clients == 0)
