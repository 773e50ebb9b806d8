"""An ingress from start to end: what stops it from starting, reloads that touch only what changed, signals, the end."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio

from ingress.serve import serve
from ingress.users_file import add_user
from relay.admin.client import ask
from relay.errors import OperatorError
from tests.world import (
    DIRECT,
    INGRESS,
    PATIENCE,
    TWO_EXITS,
    TWO_PATHS,
    Journal,
    World,
    free_ports,
    is_reset,
    read,
    read_all,
    reply,
    until,
)

Make = Callable[..., World]


async def reload(world: World) -> str:
    """What `ingress reload` prints, or OperatorError."""
    with trio.fail_after(PATIENCE):
        answer = await trio.to_thread.run_sync(ask, world.folder / f"{INGRESS}.sock", {"ask": "reload"}, "ingress")
    return str(answer["done"])


# ---- starting


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"config": Path("/nowhere/paths.toml")}, "/nowhere/paths.toml"),
        ({"keys": Path("/nowhere")}, "there is no such file; run `ingress keys`"),
    ],
)
async def test_files_that_cannot_be_read(make_world: Make, options: dict[str, object], text: str) -> None:
    world = make_world()
    with pytest.raises(OperatorError, match=text):
        serve.read(world.options(INGRESS, **options), None)


async def test_a_port_in_use_is_named(make_world: Make) -> None:
    world = make_world()
    address = ("127.0.0.1", world.ports[INGRESS])
    wanted = f"cannot listen on 127.0.0.1:{address[1]}: Address already in use; another program listens there"
    with (
        socket.create_server(address),
        pytest.RaisesGroup(pytest.RaisesExc(OperatorError, match=wanted), flatten_subgroups=True),
    ):
        await serve.serve(world.options(INGRESS), _never())


def _never() -> AsyncIterator[int]:
    return trio.open_memory_channel[int](0)[1]


# ---- reloading


async def test_a_new_line_is_used_and_nothing_else_is_touched(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start("us", "jp")
    world.write(world.text(DIRECT))
    await world.start(INGRESS)
    await world.up()
    client, target = await world.pair()
    thin = world.running.fleet.live["direct"].thin
    world.write()
    assert await reload(world) == "reloaded: 3 lines, 2 paths"
    await world.up("direct", "ix", "ix/pacific")
    assert world.running.fleet.live["direct"].thin is thin
    await client.send_all(b"untouched")
    assert await read(target, 9) == b"untouched"


async def test_streams_leave_a_removed_line_first(
    make_world: Make, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.paths.fleet.DRAIN_REMOVED", 0.1)
    world = await make_world(TWO_PATHS).start()
    await world.up()
    client, target = await world.pair()
    live = world.running.fleet.live
    used = next(name for name, path in live.items() if path.streams)
    kept = DIRECT if used == "ix/pacific" else TWO_PATHS[1:]
    world.write(world.text(kept))
    await reload(world)
    assert set(live) == ({"direct"} if kept == DIRECT else {"ix", "ix/pacific"})
    await client.send_all(b"moved")
    assert await read(target, 5) == b"moved"
    await journal.until("streams-moved", INGRESS, why="removed from the file")
    await journal.until("carrier-lost", INGRESS, path=used, why="removed from the file", streams=0)
    assert journal.of("streams-rescued") == []
    await world.pair()


async def test_a_line_with_another_address_is_dialled_there_and_no_longer_here(
    make_world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.paths.fleet.DRAIN_REMOVED", 0.05)
    world = await make_world().start()
    await world.up()
    client, target = await world.pair()
    old, new = world.wires["direct"], world.rewire("direct", world.ports["us"])
    await reload(world)
    await until(lambda: world.word("direct") == "up" and new.accepted)
    await client.send_all(b"went along")
    assert await read(target, 10) == b"went along"
    await until(lambda: world.running.fleet.live["direct"].streams == 1)
    accepted = old.accepted
    old.cut()
    new.cut()  # whoever still dials the old address would do so now
    await until(lambda: new.accepted >= 3)
    await client.send_all(b"and on")
    assert await read(target, 6) == b"and on"
    assert old.accepted == accepted


async def test_streams_to_a_removed_exit_end_honestly_and_soon(
    make_world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.paths.fleet.DRAIN_REMOVED", 0.05)
    world = await make_world(TWO_EXITS).start()
    await world.up()
    client, _ = await world.pair()
    used, line = ("us", "direct") if world.nodes["us"].sessions.streams else ("eu", "other")
    world.names = tuple(name for name in world.names if name != used)
    world.write(world.text([each for each in TWO_EXITS if each[0] != line]))
    await reload(world)
    assert await is_reset(client)
    assert set(world.running.fleet.peers) == set(world.names)
    await world.pair()


async def test_a_prefix_may_become_a_path(make_world: Make) -> None:
    world = await make_world(TWO_PATHS, exits=("us",)).start()
    await world.up()
    assert world.running.fleet.live["ix"].is_prefix
    world.exits = ("us", "jp")
    world.write()
    await reload(world)
    assert not world.running.fleet.live["ix"].is_prefix


async def test_doors_forwards_users_and_limits_change(make_world: Make) -> None:
    world = make_world()
    first, second = free_ports(2)
    forward = '[[forward]]\nlisten = "127.0.0.1:{}"\ntarget = "127.0.0.1:{}"\n'
    world.extra = forward.format(first, world.target.port)
    world.write()
    await world.start()
    await world.up()
    await _through(first, world)
    target = await world.target.accept()
    world.extra = forward.format(first, 1) + '[limits]\nhandshake = "200ms"\nstreams = 7\nmemory = "2MiB"\n'
    add_user(world.folder / "users.toml", "alice", "secret")
    text = world.text().replace('answer = "true"', 'answer = "true"\nusers = "users.toml"')
    world.write(text.replace(f"127.0.0.1:{world.ports[INGRESS]}", f"127.0.0.1:{second}"))
    await reload(world)
    assert await is_reset(await _through(first, world))  # the same listener, and a target where nobody listens
    with pytest.raises(OSError, match=r"failed to connect|refused"):
        await world.client()
    world.ports[INGRESS] = second
    client = await world.client()
    await client.send_all(b"\x05\x01\x00")
    assert await read_all(client) == b"\x05\xff"
    silent = await world.client()
    with trio.fail_after(5):  # sooner than the old limit
        assert await read_all(silent) == b""
    assert world.running.memory.limit == 2 << 20
    assert world.running.config.limits.streams == 7
    await target.send_all(b"the old one lives")


async def _through(port: int, world: World) -> trio.SocketStream:
    """A connection through the forward at *port*."""
    client = await trio.open_tcp_stream("127.0.0.1", port)
    world.clients.enter_context(client.socket)
    return client


async def test_a_mistake_changes_nothing(make_world: Make, journal: Journal) -> None:
    world = await make_world().start()
    await world.up()
    good = world.text()
    listen, taken = free_ports(2)
    here = f'listen = "127.0.0.1:{world.ports[INGRESS]}"'
    before = world.running.config
    with socket.create_server(("127.0.0.1", taken)):
        mistakes = {
            good + "[line.x]\n": "line.x",
            good.replace(here, f'listen = ["127.0.0.1:{listen}", "127.0.0.1:{taken}"]'): "cannot listen on",
            good.replace(INGRESS, "beijing"): "there is no ingress",
            good.replace('answer = "true"', 'users = "missing.toml"'): "missing.toml",
        }
        for text, told in mistakes.items():
            world.write(text)
            with pytest.raises(OperatorError, match=told):
                await reload(world)
    world.signal(INGRESS, signal.SIGHUP)
    await journal.until("reload-failed", INGRESS, level="error")
    assert world.running.config is before
    with socket.create_server(("127.0.0.1", listen)):
        pass  # nobody listens there
    await world.pair()


async def test_renewed_keys_are_used_from_the_next_carrier_on(make_world: Make, journal: Journal) -> None:
    world = await make_world().start()
    await world.up()
    context = world.running.fleet.options.context
    client, target = await world.pair()
    world.make_keys(renew=INGRESS)
    world.signal(INGRESS, signal.SIGHUP)
    await journal.until("reloaded", INGRESS)
    assert world.running.fleet.options.context is not context
    world.wires["direct"].cut()
    await client.send_all(b"over a new carrier")
    assert await read(target, 18) == b"over a new carrier"


# ---- ending


async def test_a_drain_waits_for_streams(make_world: Make, journal: Journal) -> None:
    world = await make_world().start()
    client, target = await world.pair()
    world.signal(INGRESS, signal.SIGTERM)
    await journal.until("drain-started", INGRESS, streams=1)
    with pytest.raises(OSError, match=r"failed to connect|refused"):
        await world.client()
    await client.send_all(b"last words")
    await client.send_eof()
    assert await read_all(target) == b"last words"
    await target.send_all(b"answer")
    await target.send_eof()
    assert await read_all(client) == b"answer"
    await world.ended(INGRESS)
    assert len(journal.of("ingress-stopped")) == 1
    assert not (world.folder / f"{INGRESS}.sock").exists()


@pytest.mark.parametrize("signals", [1, 2])
async def test_what_does_not_end_is_reset_at_both_ends(make_world: Make, signals: int) -> None:
    world = await make_world(extra='[limits]\ndrain = "200ms"\n' if signals == 1 else "").start()
    client, target = await world.pair()
    await target.send_all(b"half an answ")
    assert await read(client, 12) == b"half an answ"
    for _ in range(signals):
        world.signal(INGRESS, signal.SIGINT)
    assert await is_reset(client)
    await world.ended(INGRESS)
    if signals == 1:
        assert await is_reset(target)


async def test_nothing_is_left_of_a_process_that_ended(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start("jp", "us")
    before = len(os.listdir("/proc/self/fd"))
    await world.start(INGRESS)
    await world.up()
    await world.pair()
    for number in (signal.SIGTERM, signal.SIGTERM):
        world.signal(INGRESS, number)
    await world.ended(INGRESS)
    world.clients.close()
    for wire in world.wires.values():
        wire.cut()
    await until(lambda: world.target.close_accepted() and len(os.listdir("/proc/self/fd")) <= before + 3)
    assert await reply_or_nothing(world) is None


async def reply_or_nothing(world: World) -> int | None:
    try:
        return await reply(await world.ask())
    except OSError:
        return None
