"""One ingress made from files, alone: what it listens on, what a reload exchanges, what a mistake leaves as it is."""

import datetime
import os
import socket
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator

import pytest
import trio

from ingress.keys import make_keys
from ingress.lists.load import Lists, load_lists
from ingress.serve.running import Files, Running, read
from ingress.users_file import add_user
from relay.errors import OperatorError
from relay.model.cause import Cause
from tests.relay.session.pair import RecordingSink
from tests.world import INGRESS, PATIENCE, TWO_EXITS, World, free_ports, is_reset, read_all, until
from tests.world import read as take

Make = Callable[..., tuple[World, Running]]
FORWARD = '[[forward]]\nlisten = "127.0.0.1:{}"\ntarget = "{}"\n'


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


async def connected(port: int, world: World) -> trio.SocketStream:
    """Without giving the ingress a turn: one that refuses at once would have the connect itself fail."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setblocking(False)
    client = trio.SocketStream(trio.socket.from_stdlib_socket(plain))
    world.clients.enter_context(client.socket)
    return client


# ---- the files


async def test_all_files_are_read(make_world: Callable[..., World]) -> None:
    world = make_world()
    files = read(world.options(INGRESS), None)
    assert (files.config.name, files.identity.name, files.identity.is_ingress) == (INGRESS, INGRESS, True)
    assert (files.users, files.lists.loaded, files.lists.countries) == (None, {}, None)
    add_user(world.folder / "users.toml", "alice", "secret")
    world.write(world.text().replace('answer = "true"', 'users = "users.toml"'))
    users = read(world.options(INGRESS), INGRESS).users
    assert users is not None and len(users) == 1
    (world.folder / "cn.txt").write_text("a.example\n")
    world.write(world.text() + '[[rule]]\ndeny = true\nhost = { file = "cn.txt", format = "plain" }\n')
    assert [str(source) for source in read(world.options(INGRESS), INGRESS).lists.loaded] == ["cn.txt"]


async def test_an_ingress_with_a_relays_certificate_is_told_what_to_do(make_world: Callable[..., World]) -> None:
    world = make_world()
    keys = world.folder / "other"
    make_keys(keys, ["london"], [INGRESS], datetime.datetime.now(datetime.UTC))
    with pytest.raises(OperatorError, match=f"is the certificate of a relay; run: ingress keys --renew {INGRESS}"):
        read(world.options(INGRESS, keys=keys), None)


# ---- listening


async def test_nothing_listens_before_it_is_started_and_nothing_after_it_has_stopped(make_running: Make) -> None:
    world, running = make_running()
    port = world.ports[INGRESS]
    assert is_free(port)
    running.start()
    client = await world.client()
    await client.send_all(b"\x05\x01\x00")
    assert await take(client, 2) == b"\x05\x00"
    running.stop_listening()
    running.stop_listening()
    assert is_free(port)
    assert running.entrance.clients == 1  # who is in stays


async def test_an_address_in_use_is_named_and_leaves_no_socket_behind(make_running: Make) -> None:
    world, running = make_running()
    free, taken = free_ports(2)
    world.extra = FORWARD.format(free, "a.example:1") + FORWARD.format(taken, "b.example:1")
    world.write()
    running.start()
    await until(lambda: running.keeper.is_open)
    before = len(os.listdir("/proc/self/fd"))
    with socket.create_server(("127.0.0.1", taken)):
        with pytest.raises(OperatorError, match=rf"cannot listen on 127\.0\.0\.1:{taken}: Address already in use"):
            await running.reloads.reload()
        assert is_free(free)
    assert len(os.listdir("/proc/self/fd")) == before
    assert running.config.forwards == ()


async def test_a_forward_and_a_door_are_told_apart_by_where_a_client_connects(make_running: Make) -> None:
    (port,) = free_ports(1)
    world, running = make_running(extra=FORWARD.format(port, "target.example:22"))
    running.start()
    await connected(port, world)
    await until(lambda: running.opener.waiting == 1)
    await world.client()
    await until(lambda: running.entrance.clients == 2)
    assert running.opener.waiting == 1


# ---- reload


async def test_a_reload_moves_the_listeners_and_leaves_clients_alone(make_running: Make) -> None:
    world, running = make_running()
    running.start()
    old, (new,) = world.ports[INGRESS], free_ports(1)
    client = await world.client()
    await until(lambda: running.entrance.clients == 1)
    world.ports[INGRESS] = new
    world.write()
    assert await running.reloads.reload() == "reloaded: 1 lines, 1 paths"
    assert is_free(old) and not is_free(new)
    await client.send_all(b"\x05\x01\x00")
    assert await take(client, 2) == b"\x05\x00"
    assert [fields["paths"] for fields in world.journal.of("reloaded")] == [1]


async def test_a_forward_that_stays_goes_to_its_new_target(make_running: Make) -> None:
    world, running = make_running()
    (port,) = free_ports(1)
    running.start()
    for target, refused in (("target.example:22", False), ("10.0.0.1:22", True)):
        world.extra = FORWARD.format(port, target)
        world.write()
        await running.reloads.reload()
        client = await connected(port, world)
        if refused:
            assert await is_reset(client)
            assert [fields["target"] for fields in world.journal.of("stream-refused")] == ["10.0.0.1:22"]
        else:
            await until(lambda: running.opener.waiting == 1)


async def test_a_reload_exchanges_limits_and_users(make_running: Make) -> None:
    world, running = make_running()
    running.start()
    world.extra = '[limits]\nmemory = "2MiB"\nstreams = 7\nhandshake = "50ms"\nkeepalive = "7s"\n'
    add_user(world.folder / "users.toml", "alice", "secret")
    world.write(world.text().replace('answer = "true"', 'answer = "true"\nusers = "users.toml"'))
    await running.reloads.reload()
    assert (running.memory.limit, running.config.limits.streams) == (2 << 20, 7)
    (listener,) = running.listeners
    assert listener.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
    client = await world.client()
    await client.send_all(b"\x05\x01\x00")
    assert await read_all(client) == b"\x05\xff"
    silent = await world.client()
    assert await read_all(silent) == b""


async def test_renewed_keys_are_taken_from_the_next_dial_on(make_running: Make) -> None:
    world, running = make_running()
    before, context = running.identity, running.fleet.options.context
    world.make_keys(renew=INGRESS)
    await running.reloads.reload()
    assert running.identity is not before
    assert running.fleet.options.context is not context


@pytest.mark.parametrize("mistake", ["syntax", "no ingress", "users", "keys"])
async def test_a_mistake_changes_nothing(make_running: Make, mistake: str) -> None:
    world, running = make_running()
    running.start()
    good, config = world.text(), running.config
    texts = {
        "syntax": good + "[line.x]\n",
        "no ingress": good.replace(INGRESS, "beijing"),
        "users": good.replace('answer = "true"', 'users = "missing.toml"'),
        "keys": good,
    }
    world.write(texts[mistake])
    if mistake == "keys":
        (world.keys / INGRESS).rename(world.keys / "gone")
    with pytest.raises(OperatorError):
        await running.reloads.reload()
    assert running.config is config
    assert not is_free(world.ports[INGRESS])


class Slow:
    """Reading of files that waits until it is let on, in whatever thread it runs."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, options: Namespace, name: str | None, known: Lists) -> Files:
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        return read(options, name, known)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    found = Slow()
    monkeypatch.setattr("ingress.serve.running.read", found)
    yield found
    found.go_on.set()


async def test_while_files_are_read_clients_are_served_by_the_old_ones(make_running: Make, slow: Slow) -> None:
    world, running = make_running(TWO_EXITS)
    running.start()
    world.write(world.text(TWO_EXITS[:1]))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.reloads.reload)
        await until(slow.begun.is_set)
        client = await world.client()
        await client.send_all(b"\x05\x01\x00")
        assert await take(client, 2) == b"\x05\x00"
        assert set(running.fleet.live) == {"direct", "other"}
        slow.go_on.set()
    assert set(running.fleet.live) == {"direct"}


async def test_who_is_about_to_end_listens_nowhere_again(make_running: Make, slow: Slow) -> None:
    world, running = make_running()
    running.start()
    with pytest.RaisesGroup(pytest.RaisesExc(OperatorError, match="is about to end")):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.reloads.reload)
            await until(slow.begun.is_set)
            running.is_draining = True
            running.stop_listening()
            slow.go_on.set()
    assert is_free(world.ports[INGRESS])


async def test_paths_and_exits_of_the_new_file_are_planned(make_running: Make) -> None:
    world, running = make_running(TWO_EXITS)
    assert set(running.fleet.live) == {"direct", "other"}
    world.write(world.text(TWO_EXITS[:1]))
    await running.reloads.reload()
    assert set(running.fleet.live) == {"direct"}


# ---- the end


async def test_what_is_left_is_reset_at_both_ends(make_running: Make) -> None:
    _, running = make_running()
    session, sink = running.fleet.peers["us"].session, RecordingSink()
    sink.stream = session.open("target.example", 443, sink, (), running.loop.now)
    assert running.fleet.stream_count == 1
    running.reset_streams()
    running.reset_streams()
    assert (sink.cause, running.fleet.stream_count) == (Cause.SHUTDOWN, 0)
    assert len(session.last_words.waiting) == 1


async def test_a_list_that_was_read_anew_is_gone_by_from_the_next_stream_on(make_running: Make) -> None:
    world, running = make_running()
    source = world.folder / "names.txt"
    source.write_text("+.other.example\n")
    world.write(world.text() + '[[rule]]\nhost = { file = "names.txt" }\ndeny = true\n')
    await running.reloads.reload()
    assert running.opener.demand("a.example", 443).refusal is None
    source.write_text("+.a.example\n")
    running._use_lists(load_lists(running.lists.loaded))
    assert running.opener.demand("a.example", 443).refusal is Cause.DENIED
